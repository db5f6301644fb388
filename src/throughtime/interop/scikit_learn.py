"""Networks that read sequences, as estimators of scikit-learn.

They stand in a `Pipeline`, and `GridSearchCV` searches their settings. scikit-learn is imported
here alone, when one of them is first asked for.
"""

from numbers import Integral, Real
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from throughtime._support.precision import precision
from throughtime.data.scaler import Scaler
from throughtime.errors import InputError
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.network import Network
from throughtime.training.batches import Sequences
from throughtime.training.methods import training_method
from throughtime.training.train import train

from .sequence_arrays import PaddedSequences, as_targets, padded_sequences

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import type_of_target
    from sklearn.utils.validation import column_or_1d
except ImportError:
    raise InputError(
        "sequence estimators need the package `scikit-learn`",
        "an environment without it",
        "Install it with `pip install scikit-learn`.",
    ) from None

BATCH = 256
"""Sequences that are predicted at a time: one program for any number of them."""


class NotFitted(InputError, NotFittedError):
    """An estimator was asked to predict before `fit`: our error, which scikit-learn knows."""


class SequenceEstimator(BaseEstimator):
    """What classifier and regressor share: settings, reading of sequences, training.

    Parameters
    ----------
    cell
        `rnn`, `gru` or `lstm`; or your own, see `Architecture`.
    hidden, depth
        Units of a cell, and number of cells, stacked.
    epochs
        Largest number of passes over the training sequences.
    batch_size
        Sequences in a batch.
    method, rate, clip
        Training method, its rate and the largest norm of the gradient; see `train`.
    validation
        Share of the sequences, drawn at random, that chooses the epoch; 0 for none.
    patience
        Epochs without a lower validation loss after which the training ends; None to go on.
    dtype
        `float32` or `float64`.
    random_state
        Seed of the weights, of the validation part and of the shuffling; or, as everywhere in
        scikit-learn, a `RandomState` from which it is drawn, or None for another each time.
    """

    def __init__(
        self,
        cell: Any = "gru",
        hidden: int = 32,
        depth: int = 1,
        epochs: int = 100,
        batch_size: int = 32,
        method: str = "adam",
        rate: float | None = None,
        clip: float | None = 1.0,
        validation: float = 0.2,
        patience: int | None = 20,
        dtype: str = "float32",
        random_state: Any = 0,
    ):
        self.cell = cell
        self.hidden = hidden
        self.depth = depth
        self.epochs = epochs
        self.batch_size = batch_size
        self.method = method
        self.rate = rate
        self.clip = clip
        self.validation = validation
        self.patience = patience
        self.dtype = dtype
        self.random_state = random_state

    def _train(self, X: PaddedSequences, targets: np.ndarray, output: str, loss: str) -> None:
        """Scale inputs and numbers by the training part, and train a network."""
        if not isinstance(self.validation, Real) or not 0 <= self.validation < 1:
            rule = "`validation` must be at least 0 and below 1"
            raise InputError(rule, self.validation, "Pass a share, such as 0.2.")
        seed = self._seed()
        order = np.random.default_rng([seed, 1]).permutation(len(targets))
        held_out = int(self.validation * len(targets))
        chosen, training = np.sort(order[:held_out]), np.sort(order[held_out:])
        self.scaler_ = Scaler.fit(X.take(training).steps(), still=True)
        self.n_features_in_ = X.columns
        if output == "identity":
            self.target_scaler_ = Scaler.fit([targets[training]], still=True)
            targets = self.target_scaler_.transform(targets)
        network = Architecture(
            X.values.shape[2], targets.shape[1], self.cell, self.hidden, self.depth,
            output=output, last=True, dtype=self.dtype,
        )  # fmt: skip
        with precision(self.dtype):
            validation = self._sequences(X.take(chosen), targets[chosen]) if held_out else None
            fitted = train(
                network.build(seed),
                self._sequences(X.take(training), targets[training]),
                loss,
                training_method(self.method, self.rate, self.clip),
                epochs=self.epochs,
                batch_size=self.batch_size,
                validation=validation,
                patience=self.patience if held_out else None,
                key=seed,
            )
        self.network_, self.history_ = fitted.network, fitted.history

    def _seed(self) -> int:
        """A whole number as it is, or one that a state of random numbers gives."""
        given = self.random_state
        if isinstance(given, Integral) and not isinstance(given, bool) and given >= 0:
            return int(given)
        try:
            if isinstance(given, Integral):
                raise ValueError
            return int(check_random_state(given).randint(2**31 - 1))
        except ValueError:
            rule = (
                "`random_state` must be a whole number of at least 0, a `RandomState` or None"
            )
            raise InputError(rule, given, "Pass a number, such as 0.") from None

    def _sequences(self, X: PaddedSequences, targets: np.ndarray) -> Sequences:
        inputs = self.scaler_.transform(X.values).astype(self.dtype)
        arrays = jax.device_put((inputs, targets.astype(self.dtype), X.lengths))
        return Sequences(*arrays)

    def _outputs(self, X: Any) -> np.ndarray:
        """The outputs of the network after each sequence."""
        if not hasattr(self, "network_"):
            rule = "an estimator must be fitted before it predicts"
            raise NotFitted(rule, "one that is not", "Call `fit` first.")
        read = padded_sequences(X, self.scaler_.mean.size)
        values = self.scaler_.transform(read.values).astype(self.dtype)
        made = []
        with precision(self.dtype):
            for first in range(0, len(values), BATCH):
                part = slice(first, first + BATCH)
                xs, lengths = values[part], read.lengths[part]
                missing = BATCH - len(xs)
                xs = np.pad(xs, ((0, missing), (0, 0), (0, 0)))
                lengths = np.pad(lengths, (0, missing))
                ys = _run(self.network_, *jax.device_put((xs, lengths)))
                made.append(np.asarray(ys, np.float64)[: BATCH - missing])
        return np.concatenate(made)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


@eqx.filter_jit
def _run(network: Network, xs: Array, lengths: Array) -> Float[Array, "batch output"]:
    return network(xs, None, lengths)[0]


class SequenceClassifier(ClassifierMixin, SequenceEstimator):
    """A recurrent network that tells the class of a sequence: an estimator of scikit-learn.

    Its settings are those of `SequenceEstimator`.

    Attributes
    ----------
    classes_
        The classes, sorted.
    network_, history_
        The trained network and the history of its training.
    n_features_in_
        Columns of a table of sequences; of other sequences, features of a step.

    Examples
    --------
    >>> model = SequenceClassifier(hidden=16).fit(X, y)      # doctest: +SKIP
    >>> model.predict_proba(X_new)                           # doctest: +SKIP
    """

    def fit(self, X: Any, y: Any) -> "SequenceClassifier":
        """Train on sequences and their classes.

        Parameters
        ----------
        X
            Sequences as a table `(sequence, time)`, an array `(sequence, time, feature)`, or a
            list of arrays `(time,)` or `(time, feature)` of any lengths.
        y
            The class of each.

        Raises
        ------
        InputError
            For sequences or settings that cannot be used, and for fewer than two classes.
        """
        read, labels = padded_sequences(X), as_targets(y)
        read.check_targets(labels, 2)
        labels = column_or_1d(labels, warn=True)
        if type_of_target(labels).startswith("continuous"):
            rule = "classes must be labels, not continuous numbers"
            raise InputError(rule, labels.dtype, "Use `SequenceRegressor` for numbers.")
        try:
            self.classes_, codes = np.unique(labels, return_inverse=True)
        except TypeError:
            rule = "classes must be of one kind, which can be sorted"
            kinds = sorted({type(one).__name__ for one in labels})
            raise InputError(rule, " and ".join(kinds), "Pass numbers or words.") from None
        if len(self.classes_) < 2:
            rule = "a classifier needs sequences of two classes or more"
            remedy = "Pass sequences of other classes too."
            raise InputError(rule, f"{len(self.classes_)} class", remedy)
        one_hot = np.eye(len(self.classes_))[codes]
        self._train(read, one_hot, "softmax", "cross_entropy")
        return self

    def predict_proba(self, X: Any) -> Float[np.ndarray, "sequence class"]:
        """The probability of each class."""
        return self._outputs(X)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each sequence."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]


class SequenceRegressor(RegressorMixin, SequenceEstimator):
    """A recurrent network that tells numbers of a sequence: an estimator of scikit-learn.

    Its settings are those of `SequenceEstimator`.

    Attributes
    ----------
    network_, history_
        The trained network and the history of its training.
    n_features_in_
        Columns of a table of sequences; of other sequences, features of a step.

    Examples
    --------
    >>> search = GridSearchCV(SequenceRegressor(), {"hidden": [8, 32]})   # doctest: +SKIP
    >>> search.fit(X, y).best_params_                                     # doctest: +SKIP
    """

    def fit(self, X: Any, y: Any) -> "SequenceRegressor":
        """Train on sequences and their numbers.

        Parameters
        ----------
        X
            Sequences, as for `SequenceClassifier.fit`.
        y
            Numbers, one for each sequence or `(sequence, target)`.

        Raises
        ------
        InputError
            For sequences, numbers or settings that cannot be used.
        """
        read, values = padded_sequences(X), as_targets(y)
        read.check_targets(values, 2)
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError):
            rule, got = "the targets of a regressor must be numbers", f"`{values.flat[0]}`"
            raise InputError(rule, got, "Use `SequenceClassifier` for classes.") from None
        self._one_column = values.ndim == 1
        self._train(read, values.reshape(len(values), -1), "identity", "mse")
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The numbers of each sequence, of the shape of those it was fitted to."""
        outputs = self._outputs(X)
        values = self.target_scaler_.inverse(outputs)
        return values[:, 0] if self._one_column else values

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
