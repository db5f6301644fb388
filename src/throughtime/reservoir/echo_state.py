r"""Echo state networks: a fixed random reservoir, and a readout found by ridge regression.

$$h_t = (1 - a) h_{t-1} + a \, f(W h_{t-1} + U x_t + F y_{t-1} + b), \qquad
  \hat y_t = V h_t + c$$

(Jaeger 2001). x are inputs that are known at the step, y is the series to be learned. In
training the true y is fed back (teacher forcing); in free run the network feeds back its own
$\hat y$. A reservoir whose F has no columns feeds nothing back and maps x to y.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from jaxtyping import Float, Num, Shaped

from throughtime.errors import InputError, check_positive_integer
from throughtime.recurrence.reservoir_weights import Reservoir

from .echo_state_fitting import (
    EchoStateFitting,
    Memory,
    Training,
    check_data,
    teacher_forced_states,
    zero_memory,
)
from .ridge import Readout
from .states import SeriesLike, as_columns, drive, list_of_series, step

Series = Float[np.ndarray, "time output"]


@dataclass(frozen=True)
class EchoStateNetwork:
    r"""A reservoir with a fitted readout; `EchoStateNetwork.fit` makes one.

    $$h_t = (1 - a) h_{t-1} + a \, f(W h_{t-1} + U x_t + F y_{t-1} + b), \qquad
      \hat y_t = V h_t + c$$

    Attributes
    ----------
    reservoir
        W, U, F, b, a and f, as `ReservoirDesign.draw` draws them.
    readout
        V and c.
    ridge
        The penalty that the readout was fitted with.
    memory
        State and output at the end of the training data, from which `generate` goes on.

    References
    ----------
    Jaeger, H. (2001). The "echo state" approach to analysing and training recurrent neural
    networks. GMD Report 148.
    """

    reservoir: Reservoir
    readout: Readout
    ridge: float | int
    memory: Memory

    @classmethod
    def fit(
        cls,
        reservoir: Reservoir,
        series: SeriesLike | Sequence[SeriesLike],
        inputs: SeriesLike | Sequence[SeriesLike] | None = None,
        ridge: float | int | None = None,
        training: Training | None = None,
    ) -> "EchoStateNetwork":
        """Fit the readout to one series or several.

        Parameters
        ----------
        reservoir
            The fixed weights, as `ReservoirDesign.draw` draws them.
        series
            y, `(time, output)`, or a list of such arrays; `(time,)` is one column.
        inputs
            x, `(time, input)`, or a list with inputs for each series.
        ridge
            The penalty; chosen by generalised cross-validation if None.
        training
            Washout, noise and kind of regression; by default `Training()`.

        Returns
        -------
        EchoStateNetwork
            The network, ready to `generate` from the end of the last series.

        Raises
        ------
        InputError
            For data that do not match the reservoir or each other, a washout that leaves no
            step, and a singular system.
        """
        fitting = EchoStateFitting(reservoir, training or Training())
        for y, x in zip(*_paired(series, inputs), strict=True):
            fitting.add(y, x)
        return cls(*fitting.solve(ridge))

    @classmethod
    def for_series(
        cls,
        series: SeriesLike | Sequence[SeriesLike],
        inputs: SeriesLike | Sequence[SeriesLike] | None = None,
        *,
        units: int | None = None,
        seed: int = 0,
    ) -> "EchoStateNetwork":
        """Fit a network whose reservoir is searched: no setting is needed.

        Radius, leak, the scales of the weights and the penalty are those whose free runs over
        held-out parts of the series are best; the weights take up its mean and scale.

        Parameters
        ----------
        series, inputs
            As for `fit`.
        units
            Units of the reservoir; a quarter of the steps if None, from 32 to 300.
        seed
            Seed of the search and of the weights.

        Returns
        -------
        EchoStateNetwork
            The network, ready to `generate` from the end of the last series.

        Raises
        ------
        InputError
            For data that do not match each other, that are constant, and for less than 30
            steps.
        """
        # Imported here because SciPy takes a while to load.
        from .unset_settings import found_reservoir

        if units is not None:
            check_positive_integer("units", units)
        ys, xs = _columns(series, inputs)
        found = found_reservoir(ys, xs, units, seed)
        training = Training(washout=found.washout)
        return cls.fit(found.reservoir, ys, xs, found.ridge, training)

    def predict(
        self,
        series: SeriesLike | None,
        inputs: SeriesLike | None = None,
        memory: Memory | None = None,
    ) -> tuple[Series, Memory]:
        """Predict y at each step of a series, from the true y before it.

        Parameters
        ----------
        series
            The true y, `(time, output)`; None if nothing is fed back.
        inputs
            x at the same steps.
        memory
            Where to begin; at zero if None.

        Returns
        -------
        Float[np.ndarray, "time output"]
            The predictions.
        Memory
            State and output after the last step.

        Raises
        ------
        InputError
            For data or a memory that do not match the network.
        """
        outputs = len(self.readout.c)
        if series is None:
            steps = 0 if inputs is None else len(inputs)
            series = np.zeros((steps, outputs))
            if self.reservoir.F.shape[1]:
                rule = "`series` must be given where it is fed back"
                raise InputError(rule, None, "Pass `series`, or use `generate`.")
        series, inputs = check_data(self.reservoir, series, inputs, outputs)
        memory = self._check_memory(
            memory or zero_memory(self.reservoir, outputs), stacked=False
        )
        predictions = np.empty(series.shape)
        for rows, states in teacher_forced_states(self.reservoir, series, inputs, memory, None):
            predictions[rows] = self.readout(states)
            memory = Memory(states[-1], series[rows][-1])
        return predictions, memory

    def generate(
        self,
        steps: int,
        memory: Memory | None = None,
        inputs: Num[np.ndarray, "steps *batch_and_input"] | None = None,
    ) -> Float[np.ndarray, "steps *batch output"]:
        """Run free: each prediction is fed back.

        Parameters
        ----------
        steps
            The number of steps.
        memory
            Where to begin: a memory from `predict`, or several stacked; the end of the training
            data if None.
        inputs
            x of those steps, `(steps, input)`, if the reservoir has any; with several memories
            `(steps, batch, input)`.

        Returns
        -------
        Float[np.ndarray, "steps *batch output"]
            y of each step; infinite where the run diverges.

        Raises
        ------
        InputError
            For less than one step, and for inputs or a memory that do not match the network.
        """
        check_positive_integer("steps", steps)
        h, y = self._check_memory(memory or self.memory)
        if inputs is None:
            inputs = np.zeros((steps, *h.shape[:-1], 0))
        inputs = np.asarray(inputs, np.float64)
        if inputs.ndim == h.ndim == 1:
            inputs = inputs[:, None]
        if inputs.shape != (steps, *h.shape[:-1], self.reservoir.U.shape[1]):
            rule = f"`inputs` must be {self.reservoir.U.shape[1]} for each of {steps} steps"
            raise InputError(rule, f"shape {inputs.shape}", "Pass the inputs of those steps.")
        outputs = np.empty((steps, *y.shape))
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(steps):
                feedback = y[..., : self.reservoir.F.shape[1]]
                h = step(self.reservoir, drive(self.reservoir, inputs[t], feedback), h)
                outputs[t] = y = self.readout(h)
        return outputs

    def _check_memory(self, memory: Memory, stacked: bool = True) -> Memory:
        """The memory as it is; refuses one of other shapes than this network's."""
        (h, y), units, outputs = memory, self.reservoir.units, len(self.readout.c)
        runs = h.shape[:-1]
        if (h.shape, y.shape) != ((*runs, units), (*runs, outputs)) or len(runs) > int(stacked):
            rule = f"a memory must be of shapes ({units},) and ({outputs},)"
            rule += ", or several stacked" if stacked else ""
            remedy = "Pass one that `predict` of this network returned."
            raise InputError(rule, f"{h.shape} and {y.shape}", remedy)
        return memory

    def arrays(self) -> dict[str, Shaped[np.ndarray, "..."]]:
        """The network as plain arrays by name, for saving; `from_arrays` reads them."""
        r = self.reservoir
        W = sparse.csr_array(r.W)
        return {
            **{"W.data": W.data, "W.indices": W.indices, "W.indptr": W.indptr},
            **{"U": r.U, "F": r.F, "b": r.b, "leak": np.array(r.leak)},
            "linear": np.array(r.activation == "linear"),
            "sparse": np.array(sparse.issparse(r.W)),
            **{"V": self.readout.V, "c": self.readout.c, "ridge": np.array(self.ridge)},
            **{"memory.h": self.memory.h, "memory.y": self.memory.y},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Shaped[np.ndarray, "..."]]) -> "EchoStateNetwork":
        """The network of arrays from `arrays`."""
        of = dict(arrays)
        n = len(of["b"])
        W = sparse.csr_array((of["W.data"], of["W.indices"], of["W.indptr"]), shape=(n, n))
        activation = "linear" if of["linear"] else "tanh"
        W = W if of["sparse"] else W.toarray()
        reservoir = Reservoir(W, of["U"], of["F"], of["b"], float(of["leak"]), activation)
        memory = Memory(of["memory.h"], of["memory.y"])
        return cls(reservoir, Readout(of["V"], of["c"]), float(of["ridge"]), memory)


def _paired(series, inputs) -> tuple[list, list]:
    """Lists of series and of inputs, None where there are none."""
    all_series = list_of_series(series)
    all_inputs = [None] * len(all_series) if inputs is None else list_of_series(inputs)
    if len(all_series) != len(all_inputs) or not all_series:
        rule = "there must be a series, and inputs for each"
        got = f"{len(all_series)} series and {len(all_inputs)} inputs"
        raise InputError(rule, got, "Pass two lists of the same length.")
    return all_series, all_inputs


def _columns(series, inputs) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Series and inputs as tables, which agree in their columns and steps."""
    ys, xs = [], []
    for y, x in zip(*_paired(series, inputs), strict=True):
        y = as_columns("series", y, ys[0].shape[1] if ys else None)
        x = np.zeros((len(y), 0)) if x is None else as_columns("inputs", x)
        if len(x) != len(y) or (xs and x.shape[1] != xs[0].shape[1]):
            rule = f"`inputs` must have {len(y)} steps, and as many columns as the others"
            raise InputError(rule, f"shape {x.shape}", "Pass a row for each step.")
        ys, xs = [*ys, y], [*xs, x]
    return ys, xs
