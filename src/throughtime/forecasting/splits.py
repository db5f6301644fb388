"""Series split by time, scaled by their training part, and cut into what training reads.

Everything that could leak from the future into a forecast is decided here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from throughtime.data import tables
from throughtime.data.scaler import Scaler
from throughtime.data.series import Series, Split
from throughtime.errors import InputError
from throughtime.training.batches import Streams, Windows

from . import baselines
from .backtest import Origins

WARM = 4  # windows that a network with a carried state is warmed over before it forecasts


@dataclass(frozen=True, eq=False)
class Parts:
    """Series with their splits and the scalers fitted to the training parts.

    Attributes
    ----------
    series, splits
        One split for each series.
    scaler, input_scaler
        Of targets and inputs, from the training parts alone.
    window, horizon
        Steps of context, and of forecast.
    truncated
        Whether states are carried along the series.
    dtype
        Of what goes to the device.
    """

    series: list[Series]
    splits: list[Split]
    scaler: Scaler
    input_scaler: Scaler
    window: int
    horizon: int
    truncated: bool
    dtype: str

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
    ) -> "Parts":
        """Split and scale.

        Raises
        ------
        InputError
            If a part is too short, or a column constant in training.
        """
        splits = [Split.by_time(len(one), validation, test) for one in series]
        for one, split in zip(series, splits, strict=True):
            _check_lengths(one, split, window, horizon)
        names = series[0].target_names, series[0].input_names
        pairs = list(zip(series, splits, strict=True))
        scaler = Scaler.fit([one.targets[: split.train] for one, split in pairs], names[0])
        inputs = Scaler.fit([one.inputs[: split.train] for one, split in pairs], names[1])
        return cls(series, splits, scaler, inputs, window, horizon, truncated, dtype)

    @property
    def context(self) -> int:
        """How many steps the network is shown before a forecast."""
        if not self.truncated:
            return self.window
        return min(WARM * self.window, min(split.train for split in self.splits))

    def train(self, batch_size: int, washout: int) -> Windows | Streams:
        """The training parts; the first `washout` steps of a window do not count."""
        if self.truncated:
            return self._streams(batch_size)
        return self._windows([(0, split.train) for split in self.splits], washout)

    def validation(self) -> Windows | Streams | None:
        """The validation parts; windows may begin before, but only targets inside count."""
        if any(split.validation - split.train < self.horizon for split in self.splits):
            return None
        if self.truncated:
            return Streams.join([self._validation_stream(*pair) for pair in self._scaled()])
        bounds = [(split.train - self.window, split.validation) for split in self.splits]
        return self._windows(bounds, self.window - 1)

    def ridge(self) -> baselines.Ridge:
        """The ridge autoregression on the same split, with as many lags as the window."""
        train = [(y[: split.train], u[: split.train]) for y, u, split in self._scaled()]
        validation = [
            (y[split.train - self.window : end], u[split.train - self.window : end])
            for y, u, split in self._scaled()
            if (end := split.validation) > split.train
        ]
        return baselines.Ridge.fit(train, validation, self.window)

    def check_steps(self, steps: int) -> None:
        """Refuse a backtest that is longer than every test part, or of filled values only.

        Raises
        ------
        InputError
        """
        longest = max(split.total - split.validation for split in self.splits)
        if steps < 1:
            raise InputError("`steps` must be at least 1", steps, "Raise `steps`.")
        if steps > longest > 0:
            rule = "`steps` must not be longer than the part held out for testing"
            remedy = "Lower `steps`, or raise `test`."
            raise InputError(rule, f"{steps} of {longest} steps", remedy)
        if longest > 0 and any(one.filled_at is not None for one in self.series):
            context = max(self.context, self.period() or 0)
            bounds = [
                (one, split.validation, split.total)
                for one, split in zip(self.series, self.splits, strict=True)
            ]
            each = [Origins.between(*bound, context, steps, whole=True) for bound in bounds]
            Origins.join(each).check()

    def alike(self, data: Any) -> list[Series]:
        """Other data, read with the columns of these series.

        Raises
        ------
        InputError
            If a column is missing, or there is too little of it.
        """
        known = self.series[0]
        try:
            series = tables.to_series(
                data,
                target=list(known.target_names),
                inputs=list(known.input_names),
                time=known.times.column,
                id=known.id if tables.has_column(data, known.id) else None,
            )
        except InputError as error:
            if "`fill=" not in error.remedy:
                raise
            raise InputError(error.rule, error.got, "Fill the gap first.") from None
        tables.check_steps(known, series)
        for one in series:
            if len(one) < self.context:
                rule = f"new data must hold at least {self.context} steps of context"
                raise InputError(rule, f"{len(one)} steps", "Pass more of the series.")
        return series

    def period(self) -> int | None:
        """The season of the first target in the longest training part, if one shows."""
        longest = max(range(len(self.series)), key=lambda i: self.splits[i].train)
        return baselines.period(self.series[longest].targets[: self.splits[longest].train, 0])

    def _scaled(self) -> Iterator[tuple[np.ndarray, np.ndarray, Split]]:
        """Targets and inputs of each series, scaled, and its split."""
        for one, split in zip(self.series, self.splits, strict=True):
            targets = self.scaler.transform(one.targets)
            yield targets, self.input_scaler.transform(one.inputs), split

    def _windows(self, bounds: list[tuple[int, int]], washout: int) -> Windows:
        """All windows whose rows lie in the bounds, one pair of them for each series."""
        offsets = np.cumsum([0, *(len(one) for one in self.series)])
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
        """The training parts in stretches; as many as a batch has, but none of few windows."""
        total = sum(split.train for split in self.splits)
        length = max(total // batch_size, 8 * self.window)
        return Streams.join(
            [
                self._stream(y[: split.train], u[: split.train], max(1, split.train // length))
                for y, u, split in self._scaled()
            ]
        )

    def _stream(self, targets: np.ndarray, inputs: np.ndarray, stretches: int) -> Streams:
        xs, ys = _supervised(targets, inputs, self.horizon)
        xs, ys = jax.device_put((xs.astype(self.dtype), ys.astype(self.dtype)))
        return Streams.cut(xs, ys, self.window, stretches)

    def _validation_stream(
        self, targets: np.ndarray, inputs: np.ndarray, split: Split
    ) -> Streams:
        first = max(0, split.train - self.context)
        rows = slice(first, split.validation)
        stream = self._stream(targets[rows], inputs[rows], 1)
        # The steps before the last training row only warm the state up.
        warm = jnp.arange(stream.weights.shape[1]) < split.train - 1 - first
        return Streams(stream.inputs, stream.targets, stream.weights * ~warm, stream.chunk)


def _supervised(
    targets: Float[np.ndarray, "time target"],
    inputs: Float[np.ndarray, "time input"],
    horizon: int,
) -> tuple[np.ndarray, np.ndarray]:
    """What the network reads at each step of a series, and what it should answer."""
    steps = np.arange(len(targets) - horizon)
    ahead = steps[:, None] + np.arange(1, horizon + 1)
    known = inputs[ahead].reshape(len(steps), horizon * inputs.shape[1])
    asked = targets[ahead].reshape(len(steps), horizon * targets.shape[1])
    return np.concatenate([targets[steps], known], axis=1), asked


def _check_lengths(series: Series, split: Split, window: int, horizon: int) -> None:
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
