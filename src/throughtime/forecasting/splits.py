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
from jaxtyping import Array, Bool, Float

from throughtime.data import loading as tables
from throughtime.data.scaler import Scaler, varies
from throughtime.data.series import Series
from throughtime.data.split import Split
from throughtime.errors import InputError, check_positive_integer
from throughtime.models import baselines
from throughtime.training.batches import Streams, Windows

from .input_scaling import fit_input_scalers
from .overlap import number_of
from .periods import compared_period, shown_period
from .rolling_origins import RollingOrigins, check_truth
from .split_checks import check_lengths, check_sizes, split_of
from .window_starts import window_starts

WARM_UP = 4
"""Windows over which a network with a carried state is warmed up before it forecasts, if there
are as many."""


@dataclass(frozen=True, eq=False, repr=False)
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
    input_scaler, past_scaler
        The scalers of the inputs known ahead and of the past, fitted to all training parts.
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
    past_scaler: Scaler
    window: int
    horizon: int
    truncated: bool
    dtype: str
    short: bool = False

    def __repr__(self) -> str:
        return f"SplitData({len(self.series)} series, the first: {self.series[0]!r})"

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
        splits = [split_of(one, validation, test, short, len(series) > 1) for one in series]
        pairs = list(zip(series, splits, strict=True))
        longest = max(pairs, key=lambda pair: pair[1].train)
        check_lengths(*longest, window, horizon)
        for one in series:
            check_sizes(one)
        inputs, past = fit_input_scalers([one[: split.train] for one, split in pairs])
        # A series that does not vary stops no others, and something else forecasts it.
        still = short or len(series) > 1
        scalers = [
            Scaler.fit([one.targets[: split.train]], one.target_names, still=still)
            for one, split in pairs
        ]
        scaled = series, splits, scalers, inputs, past
        return cls(*scaled, window, horizon, truncated, dtype, short)

    @property
    def long(self) -> list[int]:
        """The numbers of the series that are long enough for a network to learn from."""
        least = self.window + self.horizon
        return [i for i, split in enumerate(self.splits) if split.train >= least]

    @cached_property
    def trained(self) -> list[int]:
        """The numbers of the series that the networks learn from.

        They are long enough, and vary in their training part; if none varies, all of them.
        """
        return [i for i in self.long if self.varies[i].all()] or self.long

    @cached_property
    def varies(self) -> list[Bool[np.ndarray, " target"]]:
        """Which targets of each series vary in its training part."""
        pairs = zip(self.series, self.splits, strict=True)
        return [varies(one.targets[: split.train]) for one, split in pairs]

    def before_test(self, series: Series) -> int:
        """How many rows of a series the models of a backtest may see.

        The test part of a series that was not fitted is the same share as that of the first.
        """
        first, i = self.splits[0], self.number_of(series)
        return self._first_part(series, first) if i is None else self.splits[i].validation

    def number_of(self, series: Series) -> int | None:
        """The number of the fitted series that another one is a stretch of; None if of none.

        Its first rows decide, which are known at every origin; see `overlap.number_of`.
        """
        i = self._numbers.get(id(series))
        if i is not None:
            return i
        end = min(self.window, self._first_part(series, self.splits[0]))
        return number_of(series, self.series, self.scalers, end)

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {id(one): i for i, one in enumerate(self.series)}

    @staticmethod
    def _first_part(series: Series, split: Split) -> int:
        return max(1, round(len(series) * split.validation / split.total))

    def scaler_of(self, series: Series, end: int | None = None) -> Scaler:
        """The scaler of a fitted series; for another one, that of its first `end` rows."""
        i = self.number_of(series)
        if i is not None:
            return self.scalers[i]
        return Scaler.fit([series.targets[:end]], series.target_names, still=True)

    def read_before(self, series: Series) -> int:
        """Number of steps of a series that the networks read before a forecast."""
        if not self.truncated:
            return self.window
        i = self.number_of(series)
        return self._warm_up(self.before_test(series) if i is None else self.splits[i].train)

    def _warm_up(self, rows: int) -> int:
        """Whole windows, so that series of many lengths share few programs."""
        return self.window * min(WARM_UP, max(rows // self.window, 1))

    def scaled(
        self, measured: Float[np.ndarray, "*batch measured"], scaler: Scaler
    ) -> Float[np.ndarray, "*batch measured"]:
        """Targets, which `scaler` scales, and inputs of the past side by side."""
        n = len(scaler.mean)
        parts = (
            scaler.transform(measured[..., :n]),
            self.past_scaler.transform(measured[..., n:]),
        )
        return np.concatenate(parts, axis=-1)

    def context_of(self, series: Series) -> int:
        """Rows before an origin that networks and baselines read."""
        return max(self.read_before(series), self.period_of(series) or 0)

    def training(self, batch_size: int, washout: int, first: int = 0) -> Windows | Streams:
        """The training parts, without a window's `washout` and a stream's `first` steps."""
        if self.truncated:
            return self._streams(batch_size, first)
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
            if len(one) < self.window and not self.short:
                rule = f"new data must hold at least {self.window} steps of context"
                got = f"{len(one)} steps in `{one.name}`"
                raise InputError(rule, got, "Pass more of the series.")
        return series

    def read_alike(self, data: Any, fill: str | None = None) -> list[Series]:
        """Read other data of any length with the columns and the step of these series."""
        known = self.series[0]
        series = tables.to_series(
            data,
            target=list(known.target_names),
            inputs=known.columns,
            time=known.times.column,
            id=known.id if tables.has_column(data, known.id) else None,
            fill=fill,
            decimal=known.reading.decimal,
            missing=known.reading.missing,
            **known.times.reading(),
        )
        tables.check_steps(known, series)
        return series

    @cached_property
    def periods(self) -> list[int | None]:
        """The period of each series that baselines look back, None for none."""
        return [*map(compared_period, self.series, (one.train for one in self.splits))]

    @cached_property
    def _unit_periods(self) -> list[int | None]:
        return [*map(shown_period, self.series, (one.train for one in self.splits))]

    def period(self) -> int | None:
        """The period of all series, None if none shows or they differ."""
        found = set(self.periods)
        return found.pop() if len(found) == 1 else None

    def period_of(self, series: Series) -> int | None:
        """The period of the fitted series that stands for another one."""
        return self.periods[self._likest(series)]

    def unit_period_of(self, series: Series) -> int | None:
        """The period of the unit of the MASE of a series; see `shown_period`."""
        return self._unit_periods[self._likest(series)]

    def _likest(self, series: Series) -> int:
        """The number of the fitted series of that name; else, that of the longest one."""
        names = [one.name for one in self.series]
        if series.name in names:
            return names.index(series.name)
        return max(range(len(names)), key=lambda i: self.splits[i].train)

    def _scaled(self) -> Iterator[tuple[np.ndarray, np.ndarray, Split]]:
        """What is measured and inputs, scaled, of each series trained on, and its split."""
        for i in self.trained:
            one = self.series[i]
            measured = self.scaled(one.measured, self.scalers[i])
            yield measured, self.input_scaler.transform(one.inputs), self.splits[i]

    def _windows(self, bounds: list[tuple[int, int]], washout: int) -> Windows:
        """Windows whose rows lie within the bounds, a pair (first, end) for each series."""
        offsets = np.cumsum([0, *(len(self.series[i]) for i in self.trained)])
        starts = [
            offset + window_starts(first, end - self.window - self.horizon + 1)
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

    def _streams(self, batch_size: int, first: int) -> Streams:
        """The training parts cut into about `batch_size` streams of at least eight windows."""
        splits = [self.splits[i] for i in self.trained]
        length = max(sum(split.train for split in splits) // batch_size, 8 * self.window)
        series = [self._supervised(y[: s.train], u[: s.train]) for y, u, s in self._scaled()]
        counts = tuple(max(1, split.train // length) for split in splits)
        return _streams(jax.device_put(series), self.window, counts, (first,) * len(series))

    def _validation_streams(self) -> Streams:
        """The validation parts as streams, each with the steps before it as a warm-up."""
        series, warm_ups = [], []
        for targets, inputs, split in self._scaled():
            if split.validation - split.train < self.horizon:
                continue
            first = split.train - self._warm_up(split.train)
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
