"""`Surrogate`: a network that learns to solve an equation, or to go on as measured data do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime.training.progress import fit_progress
from throughtime.training.train import OnEpoch

from .equation_surrogate import EquationSurrogate
from .measured_data import as_numbers, as_trajectories
from .measured_surrogate import fit_measured
from .surrogate_checks import check_measured, check_names, check_source
from .time_step import check_step


@dataclass(eq=False, repr=False)
class Surrogate(EquationSurrogate):
    """A recurrent network that learns to solve a system, or a model of measured trajectories.

    Parameters
    ----------
    system
        The name of a system, equations as text, or a `System`. None to learn the trajectories
        that `fit` is given; then of the settings only the seed counts, the others are found.
    parameters
        Parameters of the system that differ from its defaults.
    ranges
        The ranges, `(least, largest)` by name, of the parameters that vary and of the starts of
        variables; a number for one that does not vary. If no variable is named, starts vary as
        far as the system's own trajectory goes, or less where solutions would diverge.
    dt
        The time step; by default the system's own. Equations as text of more than four
        variables that move fast have a shorter one for an `esn`, of at least .01.
    trajectories
        The number of trajectories to learn from, including those for validation.
    steps
        The number of steps of each.
    validation
        The fraction of the trajectories that is held out to choose the best epoch.
    cell, hidden, depth, dense
        The architecture of the network, as for `Forecaster`. A cell of your own reads the
        variables, then the drives, then the parameters that vary. By default an `esn` of 500
        random features of the state without memory, whose readout is found by regression, and
        of more than four variables of 1,000 features, each of up to four that are coupled; or a
        `gru` of 64 units, if a setting of a training by gradients, from `depth` to
        `batch_size`, differs from its default.
    window
        The number of steps of a training sequence.
    forcing
        The teacher forcing; see `teacher_forcing`.
    method, rate, clip, schedule, epochs, batch_size, dtype, seed
        The training, as for `Forecaster`. By default `dtype` is float64 for an `esn`, else
        float32. The seed is also that of the trajectories.

    Attributes
    ----------
    system_, dt_, ranges_
        The system with its parameters, the time step, and all ranges.
    training_trajectories_, validation_trajectories_
        The trajectories to learn from, and those held out.
    scaler_, input_scaler_
        The scalers of the states and of the network's other inputs.
    input_parameters_
        The varying parameters that the network reads.
    cell_, hidden_, dtype_
        The cell, its units and their type: those given, or the defaults.
    fitted_
        The trained network and its history; of an `esn` a row for each scale of its features.
    measured_
        Of measured trajectories, the `MeasuredSurrogate`, and none of the others.

    Examples
    --------
    >>> model = Surrogate("oscillator", ranges={"damping": (0.1, 0.5)})  # doctest: +SKIP
    >>> model.fit().solve([1.0, 0.0], 1000, {"damping": 0.2}).shape      # doctest: +SKIP
    (1001, 2)
    """

    def __repr__(self) -> str:
        """The settings that count: of measured trajectories, what was found instead."""
        if self.system is None:
            found = f"found={self.measured_!r}" if hasattr(self, "measured_") else "not fitted"
            return f"Surrogate(seed={self.seed}, {found})"
        return super().__repr__()

    def fit(
        self,
        trajectories: Any = None,
        *,
        inputs: Any = None,
        lengths: Sequence[int] | None = None,
        dt: float | int = 1.0,
        names: tuple[Sequence[str], Sequence[str]] = ((), ()),
        verbose: bool | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> "Surrogate":
        """Learn the system over its ranges, or measured trajectories.

        A system is solved, and the network trained on the solutions. For trajectories the
        settings of a reservoir or of a polynomial of delays are searched: those whose free run
        stays with held-out data for longest are fitted to all of them.

        Parameters
        ----------
        trajectories
            Without a system: `(time, variable)`, `(trajectory, time, variable)`, or a list of
            arrays of the former. Frames, too, of numbers alone.
        inputs
            What drives them and is known ahead, in the same form.
        lengths
            Steps of each trajectory, where they are padded to one length.
        dt
            The time of a step of theirs.
        names
            Names of the variables, and of the inputs; those of frames by default.
        verbose
            Whether a bar shows the progress; by default on a terminal and in a notebook.
        on_epoch
            `on_epoch(state, history)` is called after each epoch, with the state of the
            training and its rows so far; the training ends if it returns True.

        Raises
        ------
        InputError
            If a setting is wrong, or the system cannot be solved or learned.
        Diverged
            If the training diverges.
        """
        check_source(self.system, trajectories)
        if trajectories is not None:
            return self._fit_measured(trajectories, inputs, lengths, dt, names)
        self.prepare()
        total = self.max_epochs
        with fit_progress(total, verbose, on_epoch) as after_epoch:
            return self.train(on_epoch=after_epoch)

    def _fit_measured(self, trajectories, inputs, lengths, dt, names) -> "Surrogate":
        """`fit` of measured trajectories."""
        ys, xs = as_trajectories(trajectories, lengths=lengths), None
        if inputs is not None:
            xs = as_trajectories(inputs, "inputs", lengths)
        columns = (trajectories, ys[0].shape[1]), (inputs, xs[0].shape[1] if xs else 0)
        names = check_names(names, *columns)
        self.measured_ = fit_measured(ys, xs, check_step(dt), names, self.seed)
        return self

    def predict(
        self, steps: int, past: Any = None, *, past_inputs: Any = None, inputs: Any = None
    ) -> Float64[np.ndarray, "time variable"]:
        """Run free from the end of measured data.

        Parameters
        ----------
        steps
            The number of steps.
        past
            What came before, `(time, variable)`; the end of the data of the fit if None.
        past_inputs, inputs
            The inputs over the past and over the steps to come, if there are any.

        Returns
        -------
        Array, (time, variable)
            The steps after the past; NaN or infinite where the run diverges.

        Raises
        ------
        InputError
            If it was not fitted to trajectories, and for other shapes than those of the fit.
        """
        model = check_measured(self)
        given = {"past": past, "past_inputs": past_inputs, "inputs": inputs}
        known = [None if of is None else as_numbers(of, name) for name, of in given.items()]
        return model.predict(steps, *known)
