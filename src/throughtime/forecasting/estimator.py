"""What scikit-learn asks of an estimator: settings by name, a score, tags."""

import sys
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from throughtime.data.future_inputs import KnownInputs
from throughtime.errors import InputError, did_you_mean

from .overlap import named


@dataclass(eq=False, repr=False)
class Estimator:
    """A dataclass whose fields are its settings."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings by name, as for any scikit-learn estimator."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __repr__(self) -> str:
        """The settings that are not at their defaults, as in a call."""
        settings = [(f.name, getattr(self, f.name), f.default) for f in fields(self)]
        shown = [f"{name}={value!r}" for name, value, default in settings if value != default]
        return f"{type(self).__name__}({', '.join(shown)})"

    def set_params(self, **settings: Any) -> Any:
        """Change settings by name.

        Raises
        ------
        InputError
            For an unknown name.
        """
        for name, value in settings.items():
            if name not in self.get_params():
                rule = "every setting must be a known one"
                raise InputError(rule, f"`{name}`", did_you_mean(name, self.get_params()))
            setattr(self, name, value)
        return self

    def score(self, data: Any, y: Any = None) -> float:
        """How well the steps after the fitted series are forecast: R squared.

        It is 1 for a forecast without errors and 0 for one as good as the mean of what came;
        the mean of that over targets and series. `GridSearchCV` with `TimeSeriesSplit` chooses
        by it.

        Parameters
        ----------
        data
            What came after the end of the fitted series, with its columns.
        y
            Not used; scikit-learn passes it.

        Raises
        ------
        InputError
            If the forecaster is not fitted, the data lack a column, or a series of a panel has
            the name of none that was fitted.
        """
        model: Any = self
        model._check_fitted()
        found = []
        for one in model.data_.read_alike(data):
            own = named(one, model.data_.series)
            inputs = KnownInputs(one.inputs)
            (forecast,) = model.predictor(len(one)).forecast([own], len(one), inputs)
            squares = ((one.targets - forecast.mean) ** 2).sum(axis=0)
            spread = ((one.targets - one.targets.mean(axis=0)) ** 2).sum(axis=0)
            found.append(1 - squares / np.where(spread > 0, spread, np.nan))
        return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")

    @property
    def n_features_in_(self) -> int:
        """The number of columns that are read: targets and inputs."""
        model: Any = self
        series = model.data_.series[0]
        return len(series.target_names) + len(series.input_names)

    def __sklearn_tags__(self) -> Any:
        asked: Any = sys.modules["sklearn.utils"]  # (scikit-learn asks, so it is there)
        tags = asked.Tags(estimator_type=None, target_tags=asked.TargetTags(required=False))
        tags.input_tags.one_d_array = True
        return tags


def check_no_targets(y: Any) -> None:
    """Refuse targets that are passed beside a series, as to a regression.

    Raises
    ------
    InputError
        If there are any.
    """
    if y is not None:
        rule = "a forecaster learns from one series, and takes no `y`"
        remedy = "Put `y` into the table, and name it by `target`; or use `SequenceRegressor`."
        raise InputError(rule, f"a `y` of type `{type(y).__name__}`", remedy)
