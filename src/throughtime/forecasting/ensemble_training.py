"""From a forecaster's settings to its trained networks, by gradient or by regression."""

from dataclasses import dataclass

from throughtime._support.precision import precision
from throughtime.errors import InputError
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.network import Network
from throughtime.training.batches import Data
from throughtime.training.epoch import TrainState
from throughtime.training.history import Row
from throughtime.training.methods import training_method
from throughtime.training.objective import Method
from throughtime.training.result import Fitted
from throughtime.training.settings import Settings
from throughtime.training.train import OnEpoch, first_state, train

from .splits import SplitData

STATE_WASHOUT = 100
"""Most steps at the start of a series that the regression of an `esn` leaves out."""

MAX_WEIGHTS = 2_000_000_000
"""Weights of an ensemble; more is a mistake, and refused before memory runs out."""


def architecture(settings: Settings, data: SplitData) -> Architecture:
    """The architecture that the settings describe, for the columns of the data."""
    measured, inputs = data.series[0].measured.shape[1], len(data.input_scaler.mean)
    return Architecture(
        input_size=measured + settings.horizon * inputs,
        output_size=settings.horizon * measured,
        cell=settings.cell,
        hidden=settings.hidden or Architecture.hidden,
        depth=settings.depth,
        activation=settings.activation,
        radius=settings.radius or Architecture.radius,
        leak=settings.leak or Architecture.leak,
        input_scale=settings.input_scale or Architecture.input_scale,
        dense=settings.dense,
        residual=measured if settings.residual else 0,
        centred=measured if settings.centred and not settings.truncated else 0,
        init=settings.init,
        dtype=settings.dtype,
    )


@dataclass(frozen=True, eq=False)
class EnsembleTraining:
    """The training of an ensemble of networks on one or several series.

    Attributes
    ----------
    settings
        Settings of the forecaster.
    architecture
        Architecture of each network.
    data
        The series, their splits and scalers.
    begun
        Networks to start from; by default new ones.
    """

    settings: Settings
    architecture: Architecture
    data: SplitData
    begun: Network | None = None

    def untrained(self) -> Network:
        """The networks before their training, each from a seed of its own.

        Raises
        ------
        InputError
            If they have too many weights.
        """
        s = self.settings
        if self.fewest_weights() > MAX_WEIGHTS:
            rule = f"the networks must have fewer than {MAX_WEIGHTS:,} weights"
            got = f"`hidden` {s.hidden}, `depth` {s.depth}, `ensemble` {s.ensemble}"
            raise InputError(rule, got, "Lower these, or `dense`.")
        return self.begun or self.architecture.ensemble(s.ensemble, s.seed)

    def fewest_weights(self) -> int:
        """A lower bound on the number of weights of all networks."""
        return self.settings.ensemble * self.architecture.fewest_weights()

    def training_data(self) -> Data:
        """Windows or streams of the scaled training parts."""
        s = self.settings
        washout = min(s.washout, s.window - 1)  # the default is meant for longer windows
        if s.cell != "esn":
            return self.data.training(s.batch_size, washout)
        # One stream for each series, without the steps that still depend on where it began.
        shortest = min(self.data.splits[i].train for i in self.data.trained)
        return self.data.training(1, washout, min(STATE_WASHOUT, shortest // 5))

    def validation_data(self) -> Data | None:
        """Windows or streams of the scaled validation parts, None if they are too short.

        Raises
        ------
        InputError
            If there is no validation part, but the schedule of the rate needs one.
        """
        validation = self.data.validation()
        if validation is None and self.settings.schedule == "plateau":
            rule = "the plateau schedule needs a part held out for validation"
            remedy = "Raise `validation` (`--validation`), or choose another `schedule`."
            raise InputError(rule, f"`validation` {self.settings.validation:g}", remedy)
        return validation

    def first_state(self) -> TrainState:
        """The state of the training before its first epoch.

        Raises
        ------
        InputError
            For settings or data that `run` would refuse.
        """
        with precision(self.settings.dtype):
            self.training_data()  # (both raise what `run` would raise)
            self.validation_data()
            return first_state(
                self._checked_networks(), self._method(), ensemble=self.settings.ensemble
            )

    def run(
        self,
        start: tuple[TrainState, list[Row]] | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> Fitted:
        """Train the networks; `start` and `on_epoch` as for `throughtime.train`."""
        s = self.settings
        with precision(s.dtype):
            data, validation = self.training_data(), self.validation_data()
            if s.cell == "esn":
                # Imported here because SciPy takes a while to load.
                from throughtime.reservoir.readout import fit_readouts

                return fit_readouts(
                    self._checked_networks(), data, validation=validation, ridge=s.ridge
                )
            return train(
                self._checked_networks(),
                data,
                s.loss,
                self._method(),
                epochs=s.epochs,
                batch_size=s.batch_size,
                validation=validation,
                patience=None if validation is None else s.patience,
                schedule=s.schedule,
                forcing=s.forcing,
                ensemble=s.ensemble,
                key=s.seed + 1,
                start=start,
                on_epoch=on_epoch,
            )

    def _checked_networks(self) -> Network:
        """The untrained networks; those of a reservoir must fit into memory first."""
        if self.settings.cell == "esn":
            from throughtime.reservoir.readout import check_memory  # here, as in `run`

            check_memory(self.architecture, self.settings.ensemble)
        return self.untrained()

    def _method(self) -> Method:
        return training_method(self.settings.method, self.settings.rate, self.settings.clip)


class TrainedEnsemble:
    """What a forecaster says of its training before it is done."""

    def _training(self) -> EnsembleTraining:
        raise NotImplementedError

    def first_state(self) -> TrainState:
        """The state of the training before its first epoch, which has a checkpoint's shapes.

        Raises
        ------
        InputError
            For settings or data that `train` would refuse.
        """
        return self._training().first_state()

    def training_data(self) -> Data:
        """Windows or streams of the scaled training parts."""
        return self._training().training_data()

    def untrained(self) -> Network:
        """The networks before their training."""
        return self._training().untrained()

    def fewest_weights(self) -> int:
        """A lower bound on the number of weights of all networks."""
        return self._training().fewest_weights()
