"""The settings that a search tries, each with a range or with choices.

A range `(low, high)` is of whole numbers if both ends are, and is sampled in the logarithm if
its ends lie a factor of 10 or more apart. Choices are a list.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from throughtime.errors import InputError, did_you_mean
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.reservoir_settings import DEFAULTS
from throughtime.recurrence.architecture import unused_settings
from throughtime.training.settings import check_settings

Values = tuple[Any, Any] | list[Any]
"""A range, or choices."""

SPACE: dict[str, Values] = {
    "cell": ["gru", "lstm", "rnn", "esn"],
    "hidden": [8, 16, 32, 64],
    "depth": [1, 2],
    "window": [10, 20, 40, 60, 80],
    "residual": [False, True],
    "rate": (3e-4, 3e-2),
    "radius": (0.3, 1.4),
    "leak": (0.1, 1.0),
    "input_scale": (0.1, 5.0),
}
"""What is searched by default: few shapes, as each is a program that has to be compiled."""

RESERVOIR: dict[str, Values] = {"hidden": [50, 100, 200], "depth": [1]}
"""What an echo state network has instead: its units cost less."""

SEARCHED = (
    "cell", "hidden", "depth", "activation", "radius", "leak", "input_scale", "dense",
    "residual", "centred", "init", "ensemble", "window", "washout", "horizon", "truncated",
    "method", "rate", "clip", "forcing", "schedule", "epochs", "batch_size", "patience",
)  # fmt: skip
"""The settings that can be searched: those of the networks and of their training."""

REGRESSION = {"method": "adam", "dense": (), "forcing": "full", "epochs": 100, "patience": 20,
              "batch_size": 32}  # fmt: skip
"""What has no effect on an echo state network, or is refused of it, with its defaults."""

WINDOW_SHARE = 1 / 3
"""The longest window that is tried by default, as a share of the training part."""


@dataclass(frozen=True)
class Space:
    """The settings to try.

    Attributes
    ----------
    base
        All settings of the forecaster that the search begins with.
    values
        The range or the choices of each setting that is searched.
    own
        Whether the user gave them; a reservoir then has no others.
    """

    base: dict[str, Any]
    values: dict[str, Values]
    own: bool

    @classmethod
    def of(cls, base: dict[str, Any], given: dict[str, Values] | None, rows: int) -> "Space":
        """The space that was given, checked, or the default one for so many training rows.

        Raises
        ------
        InputError
            For a setting or a value that cannot be searched.
        """
        if given is None:
            longest = max(WINDOW_SHARE * rows, 1)
            windows = [w for w in SPACE["window"] if w <= longest] or [base["window"]]
            return cls(base, SPACE | {"window": windows}, own=False)
        if not given:
            raise InputError("a search needs a setting to vary", "none", "Name one in `space`.")
        return cls(base, {name: _checked(name, v, base) for name, v in given.items()}, own=True)

    def cells(self) -> Values:
        """The cells that are tried."""
        return self.values.get("cell", [self.base["cell"]])

    def of_cell(self, cell: Any) -> dict[str, Values]:
        """What is tried of a cell, without the cell itself."""
        reservoir = cell == "esn"
        values = self.values | (RESERVOIR if reservoir and not self.own else {})
        without = {"cell", *unused_settings(cell), *(REGRESSION if reservoir else ())}
        return {name: tried for name, tried in values.items() if name not in without}

    def settings(self, chosen: dict[str, Any]) -> dict[str, Any]:
        """All settings of a forecaster with those chosen, as far as its cell takes them."""
        settings = self.base | chosen
        if settings["cell"] == self.base["cell"]:
            return settings
        foreign = unused_settings(settings["cell"])
        defaults = {name: getattr(Forecaster, name) for name in foreign}
        return settings | defaults | (REGRESSION if settings["cell"] == "esn" else {})

    def holds(self, chosen: dict[str, Any]) -> bool:
        """Whether settings are some that the search could propose."""
        cell = chosen.get("cell", self.base["cell"])
        tried = self.of_cell(cell) | ({"cell": self.cells()} if "cell" in self.values else {})
        return set(tried) == set(chosen) and all(
            chosen[name] in values
            if isinstance(values, list)
            else isinstance(chosen[name], int | float)
            and values[0] <= chosen[name] <= values[1]
            for name, values in tried.items()
        )

    def first(self) -> dict[str, Any]:
        """The settings that the search begins with, as a choice."""
        names = self.of_cell(self.base["cell"])
        chosen = {name: self.base[name] for name in names}
        if self.base["cell"] != "esn":
            chosen |= {name: DEFAULTS.get(name) for name in chosen if chosen[name] is None}
        if chosen.get("rate", 0) is None and self.base["method"] == "adam":
            chosen["rate"] = 3e-3  # what None means of Adam
        return ({"cell": self.base["cell"]} if "cell" in self.values else {}) | chosen


def read_space(texts: Iterable[str]) -> dict[str, Values]:
    """The space of texts such as `hidden=16,32,64` or `rate=1e-4:1e-2`.

    Raises
    ------
    InputError
        For a text of another form.
    """
    space: dict[str, Values] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        ends = values.split(":")
        if not equals or not name.strip() or not values.strip() or len(ends) > 2:
            rule = "what is varied must be a setting with its values"
            remedy = "Pass it like this: `hidden=16,32,64`, or `rate=1e-4:1e-2`."
            raise InputError(rule, f"`{text}`", remedy)
        name = name.strip().replace("-", "_")
        if len(ends) == 2:
            space[name] = _value(ends[0]), _value(ends[1])
        else:
            space[name] = [_value(one) for one in values.split(",")]
    return space


def _value(text: str) -> Any:
    """A number, a truth value, None or a word."""
    text = text.strip()
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _checked(name: str, values: Any, base: dict[str, Any]) -> Values:
    """A range or choices of a setting, each value of which the setting can have."""
    if name not in SEARCHED:
        rule = "a search varies settings of networks and their training"
        raise InputError(rule, f"`{name}`", did_you_mean(name, SEARCHED))
    if isinstance(values, tuple):
        return _checked_range(name, values, base)
    values = list(values) if isinstance(values, list | set | frozenset | range) else [values]
    if not values:
        raise InputError(f"`{name}` must have values to try", "none", "Name at least one.")
    for value in values:
        _check_value(name, value, base)
    return values


def _checked_range(name: str, ends: tuple[Any, ...], base: dict[str, Any]) -> Values:
    """A range of numbers in order."""
    numbers = [isinstance(end, int | float) and not isinstance(end, bool) for end in ends]
    if len(ends) != 2 or not all(numbers) or not ends[0] < ends[1]:
        rule = f"a range of `{name}` must be two numbers, the lower one first"
        remedy = "Pass a tuple `(low, high)` (`low:high`), or a list of choices (`a,b,c`)."
        raise InputError(rule, ", ".join(map(str, ends)), remedy)
    for end in ends:
        _check_value(name, end, base)
    return ends


def _check_value(name: str, value: Any, base: dict[str, Any]) -> None:
    """Refuse a value that the setting cannot have."""
    cell = value if name == "cell" else base["cell"]
    regression = REGRESSION if cell == "esn" and name != "method" else {}
    check_settings(base | regression | {name: value})
