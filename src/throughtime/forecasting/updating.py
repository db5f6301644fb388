"""A fitted forecaster goes on to learn from new rows of its series."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from throughtime.data.column_roles import quote_names
from throughtime.data.series import Series
from throughtime.errors import InputError, check_positive_integer
from throughtime.training.settings import check_settings

from .combined_predictor import CombinedPredictor
from .ensemble_training import EnsembleTraining
from .overlap import holds, rows_seen, with_head
from .splits import SplitData

if TYPE_CHECKING:
    from .forecaster import Forecaster


def update(
    self: "Forecaster", data: Any, *, epochs: int = 10, fill: str | None = None
) -> "Forecaster":
    """Train the networks a little further, from their weights, on series that have grown.

    The new rows are split as those before were, and scaled as they were, with the settings of
    the fit. A series of a panel that the data leave out stays as it was, last of all. The other
    models are fitted anew, and all are weighed anew. Without an update, `predict(steps, data)`
    forecasts from new rows by the models as they are.

    Parameters
    ----------
    data
        The series with their rows of before and the new ones. Where stamps tell that their
        first rows are left out, these stay as they were.
    epochs
        The largest number of passes over the training part. The readout of an `esn` is fitted
        anew.
    fill
        How to fill gaps in `data`; see `to_series`.

    Raises
    ------
    InputError
        If the forecaster is not fitted, a series has new rows alone or lacks others of
        before, or rows that it has learned from would be tested.
    Diverged
        If the training diverges.

    Examples
    --------
    >>> model.fit("until_may.csv").update("until_june.csv").predict(30)    # doctest: +SKIP
    """
    self._check_fitted()
    check_positive_integer("epochs", epochs)
    old, networks = self.data_, self.network_
    series = old.read_new(data, fill)
    series = [_with_head(one, old) for one in series]
    given = _check_whole(series, old)
    series += [one for i, one in enumerate(old.series) if i not in given]
    settings = check_settings(self.settings_ | {"window": old.window, "epochs": epochs})
    grown = SplitData.of(
        series,
        settings.validation,
        settings.test,
        old.window,
        old.horizon,
        old.truncated,
        old.dtype,
        short=old.short,
    )
    numbers = [old.number_of(one) for one in series]
    _check_tested(old, grown, numbers)
    scalers = [
        own if i is None else old.scalers[i]
        for own, i in zip(grown.scalers, numbers, strict=True)
    ]
    known = {"input_scaler": old.input_scaler, "past_scaler": old.past_scaler}
    grown = replace(grown, scalers=scalers, **known)
    training = EnsembleTraining(settings, self.architecture_, grown, networks)
    self.fitted_ = training.run()
    self.data_ = grown
    self._forget()
    self.origin_ = {}  # the command of its run, and the inputs ahead, were of fewer rows
    return self


@dataclass(frozen=True)
class Growth:
    """What an update has brought.

    Attributes
    ----------
    rows
        The number of new rows.
    left
        The names of the series that have none.
    """

    rows: int
    left: tuple[str, ...]

    @classmethod
    def between(cls, old: SplitData, new: SplitData) -> "Growth":
        """What the data after an update have beyond those before."""
        rows = [_new_rows(old, one) for one in new.series]
        pairs = zip(new.series, rows, strict=True)
        return cls(sum(rows), tuple(one.name for one, n in pairs if not n))

    def sentence(self, folder: object) -> str:
        """What the command prints of it."""
        rows = f"{self.rows:,} new row{'' if self.rows == 1 else 's'}"
        without = f" (none of {quote_names(self.left)})" if self.left else ""
        return f"Updated with {rows}{without}: {folder}"


def _new_rows(old: SplitData, series: Series) -> int:
    """How many rows of a series come after those that were known of it."""
    i = old.number_of(series)
    if i is None:
        return len(series)
    known = old.series[i]
    return 0 if series is known else len(series) - rows_seen(series, known, len(known))


def kept_steps(model: "Forecaster") -> set[int]:
    """The numbers of steps for which a forecaster has what a forecast is made of."""
    return {steps for _, steps, *_ in (*model.models_, *model.residuals_)}


def fit_for(model: "Forecaster", steps: int) -> None:
    """Fit what a forecast is made of, so that a run keeps it."""
    predictor = model.predictor(steps)
    if isinstance(predictor, CombinedPredictor):
        predictor.shares(steps)
    else:
        predictor.margins("network", steps, [predictor.level])


def _with_head(one: Series, old: SplitData) -> Series:
    """A series that was read, after the rows of the fitted one that come before it."""
    i = old.number_of(one)
    return one if i is None else with_head(one, old.series[i])


def _check_whole(series: list[Series], old: SplitData) -> set[int | None]:
    """The numbers of the fitted series that have grown; refuse those whose old rows lack."""
    numbers, names = [old.number_of(one) for one in series], {one.name for one in old.series}
    whole = {
        i
        for one, i in zip(series, numbers, strict=True)
        if i is not None and holds(one, old.series[i])
    }
    for one, i in zip(series, numbers, strict=True):
        if i in whole or (i is None and one.name not in names):
            continue
        rule = "an update needs the rows that were learned from, and the new ones after them"
        got = f"`{one.name}`, {len(one):,} rows that do not begin with those"
        if i is not None and one.times.column is not None:
            first, known = one.times.values()[0], old.series[i].times.values()[0]
            got = f"`{one.name}`, which begins at {one.times[:1].labels()[0]}"
            got = got if first > known else f"{got} and ends at {one.times[-1:].labels()[0]}"
        raise InputError(rule, got, "Pass the whole series with its new rows.")
    return set(numbers)


def _check_tested(old: SplitData, grown: SplitData, numbers: list[int | None]) -> None:
    """Refuse to test on rows that were learned from."""
    for one, split, i in zip(grown.series, grown.splits, numbers, strict=True):
        if i is None:
            continue
        learned = rows_seen(one, old.series[i], old.splits[i].validation)
        if learned > split.validation:
            rule = "an update must not test on rows that were learned from"
            got = f"rows of `{one.name}` from {split.validation} on, of {learned} learned from"
            raise InputError(rule, got, "Pass the whole series with its new rows.")
