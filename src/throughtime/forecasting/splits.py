"""Series split by time, scaled by their training parts, and cut into windows or streams.

What training, validation and testing may see is decided here, so that nothing leaks from the
future into a forecast.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from throughtime.data import tables
from throughtime.data.scaler import Scaler
from throughtime.data.series import Series
from throughtime.data.split import Split
from throughtime.errors import InputError, check_positive_integer
from throughtime.training.batches import Streams, Windows

from . import baselines
from .overlap import rows_seen
from .rolling_origins import RollingOrigins, check_truth

FAR = 5.0
"""Standard deviations of a training part; data further away are of another series."""

LARGEST = 1e150
WARM_UP = 4
"""Windows over which a network with a carried state is warmed up before it forecasts."""


@dataclass(frozen=True, eq=False)
class SplitData:
    """Series, their splits into training, validation and test part, and their scalers.

    Attributes
    ----------
    series
        The series, in their own units.
    splits
        The split of each series.
    scalers
        A scaler of the targets of each series, fitted to its training part alone: a network
        sees every series in units of its own.
    input_scaler
        The scaler of the inputs, fitted to all training parts.
    window
        Steps that the network sees before it forecasts.
    horizon
        Steps that the network forecasts at once.
    truncated
        Whether states are carried along the series.
    dtype
        Type of the arrays on the device.
    short
        Whether something else forecasts a series that is too short for a network.
    """

    series: list[Series]
    splits: list[Split]
    scalers: list[Scaler]
    input_scaler: Scaler
    window: int
    horizon: int
    truncated: bool
    dtype: str
    short: bool = False

    @classmethod
    def of(
        cls,
        series: list[Series],
        validation: float,
        test: float,
        window: int,
        horizon: int,
        truncated: bool = False,
        dtype: str = "float32",
        *,
        short: bool = False,
    ) -> "SplitData":
        """Split series by time, and fit the scalers to their training parts.

        With `short`, a part whose share is less than half a row is left out.
        Series of a panel that are too short for window and horizon train no network.

        Raises
        ------
        InputError
            If a part is too short, or a column is constant in the training part.
        """
        splits = [_split(one, validation, test, short, len(series) > 1) for one in series]
        pairs = list(zip(series, splits, strict=True))
        longest = max(pairs, key=lambda pair: pair[1].train)
        _check_lengths(*longest, window, horizon)
        for one in series:
            _check_sizes(one)
        parts = [one.inputs[: split.train] for one, split in pairs]
        inputs = Scaler.fit(parts, series[0].input_names)
        still = len(series) > 1  # one series that does not vary stops no others
        scalers = [
            Scaler.fit([one.targets[: split.train]], one.target_names, still=still)
            for one, split in pairs
        ]
        return cls(series, splits, scalers, inputs, window, horizon, truncated, dtype, short)

    @property
    def context(self) -> int:
        """Number of steps that the network reads before a forecast."""
        if not self.truncated:
            return self.window
        return min(WARM_UP * self.window, min(self.splits[i].train for i in self.trained))

    @property
    def trained(self) -> list[int]:
        """The numbers of the series that are long enough for a network to learn from."""
        least = self.window + self.horizon
        return [i for i, split in enumerate(self.splits) if split.train >= least]

    def number_of(self, series: Series, end: int | None = None) -> int | None:
        """The number of the fitted series that another one is a stretch of; None if of none.

        It shares rows with it; or it has its name, or is passed where only one was fitted, and
        the first `end` rows (all by default) have about its level and size.
        """
        names = [one.name for one in self.series]
        for i, one in enumerate(self.series):
            if series is one:
                return i
        named = [names.index(series.name)] if series.name in names else range(len(names))
        for i in named:
            if rows_seen(series, self.series[i], len(self.series[i])):
                return i
        if len(named) > 1:
            return None
        i = named[0]
        values, scaler = series.targets[:end], self.scalers[i]
        apart = np.abs(values.mean(axis=0) - scaler.mean) > FAR * scaler.std
        larger = values.std(axis=0) > FAR * scaler.std
        return None if (apart | larger).any() else i

    def scaler_of(self, series: Series, end: int | None = None) -> Scaler:
        """The scaler of a fitted series; for another one, that of its first `end` rows."""
        i = self.number_of(series, end)
        if i is not None:
            return self.scalers[i]
        return Scaler.fit([series.targets[:end]], series.target_names, still=True)

    def context_of(self, series: Series) -> int:
        """Rows before an origin that networks and baselines read."""
        return max(self.context, self.period_of(series) or 0)

    def training(self, batch_size: int, washout: int) -> Windows | Streams:
        """The training parts; the first `washout` steps of a window carry no loss."""
        if self.truncated:
            return self._streams(batch_size)
        return self._windows([(0, self.splits[i].train) for i in self.trained], washout)

    def validation(self) -> Windows | Streams | None:
        """The validation parts, None if they are shorter than the horizon.

        A window may begin before the validation part; only targets inside it carry loss. Of
        several series, those with a shorter part are left out.
        """
        splits = [self.splits[i] for i in self.trained]
        if all(split.validation - split.train < self.horizon for split in splits):
            return None
        if self.truncated:
            return self._validation_streams()
        bounds = [(split.train - self.window, split.validation) for split in splits]
        return self._windows(bounds, self.window - 1)

    def fit_ridge(self) -> baselines.Ridge:
        """The ridge autoregression of the same split, with as many lags as the window."""
        train = [(y[: split.train], u[: split.train]) for y, u, split in self._scaled()]
        validation = [
            (y[split.train - self.window : end], u[split.train - self.window : end])
            for y, u, split in self._scaled()
            if (end := split.validation) > split.train
        ]
        return baselines.Ridge.fit(train, validation, self.window)

    def check_steps(self, steps: int) -> None:
        """Check that the test parts hold a backtest of so many steps.

        Raises
        ------
        InputError
            If `steps` is longer than every test part, or all values at a lead time are filled.
        """
        longest = max(split.total - split.validation for split in self.splits)
        check_positive_integer("steps", steps)
        if steps > longest > 0:
            rule = "`steps` must not be longer than the part held out for testing"
            remedy = "Lower `steps`, or raise `test`."
            raise InputError(rule, f"{steps} of {longest} steps", remedy)
        if longest > 0 and any(one.filled_at is not None for one in self.series):
            truth = [
                RollingOrigins.between(
                    one,
                    split.validation,
                    split.total,
                    min(self.context_of(one), split.validation),
                    steps,
                    complete=True,
                ).truth
                for one, split in zip(self.series, self.splits, strict=True)
            ]
            check_truth(np.concatenate(truth))

    def tested_steps(self, steps: int) -> int:
        """The longest lead time of a backtest: that asked for, or what the test parts hold."""
        longest = max(split.total - split.validation for split in self.splits)
        return min(steps, longest) if longest else steps

    def read_new(self, data: Any, fill: str | None = None) -> list[Series]:
        """Read other data with the columns of these series.

        Raises
        ------
        InputError
            If a column is missing, the time step differs, or the data are shorter than the
            context.
        """
        series = self.read_alike(data, fill)
        for one in series:
            if len(one) < self.context and not self.short:
                rule = f"new data must hold at least {self.context} steps of context"
                got = f"{len(one)} steps in `{one.name}`"
                raise InputError(rule, got, "Pass more of the series.")
        return series

    def read_alike(self, data: Any, fill: str | None = None) -> list[Series]:
        """Read other data of any length with the columns and the step of these series."""
        known = self.series[0]
        series = tables.to_series(
            data,
            target=list(known.target_names),
            inputs=list(known.input_names),
            time=known.times.column,
            id=known.id if tables.has_column(data, known.id) else None,
            fill=fill,
            **known.times.reading(),
        )
        tables.check_steps(known, series)
        return series

    @cached_property
    def periods(self) -> list[int | None]:
        """The period of the first target in each training part, None if none shows."""
        pairs = zip(self.series, self.splits, strict=True)
        return [baselines.find_period(one.targets[: split.train, 0]) for one, split in pairs]

    def period(self) -> int | None:
        """The period of all series, None if none shows or they differ."""
        found = set(self.periods)
        return found.pop() if len(found) == 1 else None

    def period_of(self, series: Series) -> int | None:
        """The period of the fitted series of that name; else, that of the longest one."""
        names = [one.name for one in self.series]
        if series.name in names:
            return self.periods[names.index(series.name)]
        return self.periods[max(range(len(names)), key=lambda i: self.splits[i].train)]

    def _scaled(self) -> Iterator[tuple[np.ndarray, np.ndarray, Split]]:
        """Scaled targets and inputs of each series that is trained on, and its split."""
        for i in self.trained:
            one = self.series[i]
            targets = self.scalers[i].transform(one.targets)
            yield targets, self.input_scaler.transform(one.inputs), self.splits[i]

    def _windows(self, bounds: list[tuple[int, int]], washout: int) -> Windows:
        """All windows whose rows lie within the bounds, a pair (first, end) for each series."""
        offsets = np.cumsum([0, *(len(self.series[i]) for i in self.trained)])
        starts = [
            offset + np.arange(first, end - self.window - self.horizon + 1)
            for offset, (first, end) in zip(offsets, bounds, strict=False)
        ]
        targets, inputs, _ = zip(*self._scaled(), strict=True)
        return Windows(
            jax.device_put(np.concatenate(targets).astype(self.dtype)),
            jax.device_put(np.concatenate(inputs).astype(self.dtype)),
            jax.device_put(np.concatenate(starts).astype(np.int32)),
            self.window,
            self.horizon,
            every=True,
            washout=washout,
        )

    def _streams(self, batch_size: int) -> Streams:
        """The training parts cut into about `batch_size` streams of at least eight windows."""
        splits = [self.splits[i] for i in self.trained]
        length = max(sum(split.train for split in splits) // batch_size, 8 * self.window)
        series = [self._supervised(y[: s.train], u[: s.train]) for y, u, s in self._scaled()]
        counts = tuple(max(1, split.train // length) for split in splits)
        return _streams(jax.device_put(series), self.window, counts, (0,) * len(series))

    def _validation_streams(self) -> Streams:
        """The validation parts as streams, each with the steps before it as a warm-up."""
        series, warm_ups = [], []
        for targets, inputs, split in self._scaled():
            if split.validation - split.train < self.horizon:
                continue
            first = max(0, split.train - self.context)
            rows = slice(first, split.validation)
            series.append(self._supervised(targets[rows], inputs[rows]))
            warm_ups.append(split.train - 1 - first)  # steps before the last training row
        counts = (1,) * len(series)
        return _streams(jax.device_put(series), self.window, counts, tuple(warm_ups))

    def _supervised(
        self,
        targets: Float[np.ndarray, "time target"],
        inputs: Float[np.ndarray, "time input"],
    ) -> tuple[np.ndarray, np.ndarray]:
        """The network's input at each step of a series, and the output it should give there."""
        steps = np.arange(len(targets) - self.horizon)
        ahead = steps[:, None] + np.arange(1, self.horizon + 1)
        inputs_ahead = inputs[ahead].reshape(len(steps), self.horizon * inputs.shape[1])
        outputs = targets[ahead].reshape(len(steps), self.horizon * targets.shape[1])
        xs = np.concatenate([targets[steps], inputs_ahead], axis=1)
        return xs.astype(self.dtype), outputs.astype(self.dtype)


def _split(series: Series, validation: float, test: float, short: bool, named: bool) -> Split:
    """The split of a series; an error of one of several names it."""
    try:
        return Split.by_time(len(series), validation, test, short=short)
    except InputError as error:
        if not named:
            raise
        got = f"{error.got} in `{series.name}`"
        raise InputError(error.rule, got, error.remedy) from None


@partial(jax.jit, static_argnums=(1, 2, 3))
def _streams(
    series: list[tuple[Array, Array]],
    chunk: int,
    counts: tuple[int, ...],
    warm_ups: tuple[int, ...],
) -> Streams:
    """Cut each series into its number of streams, all side by side, as one program.

    The first `warm_ups` steps of the streams of a series carry no loss.
    """
    streams = []
    for (xs, ys), count, warm_up in zip(series, counts, warm_ups, strict=True):
        cut = Streams.cut(xs, ys, chunk, count)
        weights = cut.weights * (jnp.arange(cut.weights.shape[1]) >= warm_up)
        streams.append(Streams(cut.inputs, cut.targets, weights, chunk))
    return Streams.join(streams)


def _check_sizes(series: Series) -> None:
    """Refuse values whose squares are beyond double precision: no error could be measured."""
    columns = [*series.targets.T, *series.inputs.T]
    names = [*series.target_names, *series.input_names]
    for name, values in zip(names, columns, strict=True):
        largest = float(np.abs(values).max())
        if largest > LARGEST:
            rule = (
                f"values must be at most {LARGEST:g} in size, for their squares to be numbers"
            )
            remedy = "Divide the column by a power of ten, such as 1e200."
            raise InputError(rule, f"{largest:g} in `{name}` of `{series.name}`", remedy)


def _check_lengths(series: Series, split: Split, window: int, horizon: int) -> None:
    """Check that window and horizon fit into the training and validation part of a series."""
    if window + horizon > split.train:
        if window >= split.train:
            rule = "`window` must be shorter than the training series"
            got = f"{window} of {split.train} steps"
            raise InputError(rule, got, "Lower `window`, or pass a longer series.")
        rule = "`window` and `horizon` together must fit into the training series"
        got = f"{window} + {horizon} of {split.train} steps"
        raise InputError(rule, got, "Lower `horizon` or `window`.")
    part = split.validation - split.train
    if 0 < part < horizon:
        rule = "`horizon` must not be longer than the validation part"
        got = f"{horizon} of {part} steps"
        raise InputError(rule, got, "Lower `horizon`, or raise `validation`.")
