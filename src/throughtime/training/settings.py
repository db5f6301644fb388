"""The settings of a forecaster: their ranges, and the errors for what is out of range."""

from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from throughtime.errors import InputError, did_you_mean
from throughtime.recurrence.architecture import Architecture, unused_settings
from throughtime.recurrence.initialisation import INITIALISATIONS
from throughtime.recurrence.own_cell import OwnCell

from .losses import LOSSES
from .methods import METHODS
from .teacher_forcing import forcing

PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class Settings(BaseModel):
    """The settings of a `Forecaster`, which explains them, each with its range."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    cell: Literal["rnn", "gru", "lstm", "esn"] | OwnCell
    hidden: PositiveInt | None
    depth: PositiveInt
    activation: Literal["tanh", "relu", "logistic", "identity"]
    dense: Annotated[tuple[PositiveInt, ...], Field(strict=False)]  # or a list
    residual: bool | None
    centred: bool | None
    init: Literal[tuple(INITIALISATIONS)]  # pyright: ignore
    # What has a default was not yet a setting of earlier versions, whose runs lack it.
    core: Literal["linear"] | None = None
    prior: Literal["recurrent"] | None = None
    season: PositiveInt | Annotated[tuple[PositiveInt, ...], Field(strict=False)] | None = None
    transform: Literal["none", "log"] | None = None
    lower: Annotated[float, Field(allow_inf_nan=False)] | Literal["none"] | None = None
    refit: bool = True
    radius: PositiveFloat | None = None
    leak: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    input_scale: PositiveFloat | None = None
    ridge: PositiveFloat | None = None
    window: PositiveInt
    washout: NonNegativeInt
    horizon: PositiveInt
    truncated: bool | None
    loss: Literal[tuple(name for name, loss in LOSSES.items() if loss.output is None)]  # pyright: ignore
    method: Literal[tuple(METHODS)]  # pyright: ignore
    rate: PositiveFloat | None
    clip: PositiveFloat | None
    forcing: str = "full"
    schedule: Literal["constant", "cosine", "plateau"]
    epochs: PositiveInt
    batch_size: PositiveInt
    patience: PositiveInt | None
    ensemble: PositiveInt
    validation: Fraction
    test: Fraction
    level: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
    dtype: Literal["float32", "float64"]
    seed: Annotated[int, Field(ge=0, lt=2**32)]


SHARES = "level", "test", "validation"
"""Settings that some give in per cent."""

KINDS = {
    "bool": "True or False",
    "finite": "a finite number",
    "float": "a number",
    "int": "a whole number",
    "string": "text",
    "dense": "a tuple of whole numbers",
    "season": "a whole number, or several",
    "lower": "a finite number or `none`",
}


def check_settings(settings: dict[str, Any]) -> Settings:
    """Check all settings of a forecaster.

    Returns
    -------
    Settings
        The settings, with the types that they must have.

    Raises
    ------
    InputError
        For the first that is unknown, missing or out of its range.
    """
    settings = {name: _plain(value) for name, value in settings.items()}
    try:
        checked = Settings(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        raise _error(str(first["loc"][0]), first, settings) from None
    forcing(checked.forcing)
    if checked.cell == "esn":
        _check_reservoir(checked)
    return checked


def check_known_settings(settings: dict[str, Any]) -> None:
    """Check some of the settings, such as those of a network and its training.

    Raises
    ------
    InputError
        For the first that is unknown or out of its range.
    """
    settings = {name: _plain(value) for name, value in settings.items()}
    try:
        Settings(**settings)
    except ValidationError as error:
        wrong = [each for each in error.errors() if each["type"] != "missing"]
        if wrong:
            raise _error(str(wrong[0]["loc"][0]), wrong[0], settings) from None
    forcing(settings["forcing"])


def _plain(value: Any) -> Any:
    """A NumPy number as Python's, also inside a list or a tuple."""
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value


def _check_reservoir(settings: Settings) -> None:
    """Refuse settings of training by gradient descent for an echo state network."""
    defaults = {"method": "adam", "loss": "mse", "dense": (), "forcing": "full"}
    for name, default in defaults.items():
        got = getattr(settings, name)
        if got != default:
            rule = f"an `esn` is fitted by linear regression and needs the default `{name}`"
            remedy = f"Leave `{name}` at its default, or choose another `cell`."
            raise InputError(rule, ", ".join(map(str, got)) if name == "dense" else got, remedy)


def check_combination(settings: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Refuse settings that have no effect in combination with the others.

    A setting that has its default, in `defaults`, is never refused.

    Raises
    ------
    InputError
        For the first that has no effect.
    """
    cell = settings["cell"]
    for name in unused_settings(cell):
        own = (
            defaults[name],
            getattr(Architecture, name, defaults[name]),
        )  # of a run that was read
        if settings[name] not in own:
            known = cell if isinstance(cell, str) else OwnCell.of(cell)
            rule = f"the cell `{known}` takes no `{name}`, a setting of the cell `esn`"
            if cell == "esn":
                rule = f"an `esn` is fitted by linear regression and needs the default `{name}`"
            remedy = f"Leave `{name}` at its default, or choose another `cell`."
            raise InputError(rule, settings[name], remedy)
    if settings["core"] is None and settings["prior"] is None:
        for name in ("season", "transform", "lower"):
            if settings[name] is not None:
                rule = f"a `{name}` needs the linear core or the recurrent prior"
                raise InputError(rule, "the network alone", f"Leave out `{name}`.")
    window, washout = settings["window"], settings["washout"]
    if window <= washout != defaults["washout"]:
        got = f"{washout} of {window} steps"
        remedy = "Lower `washout`, or raise `window`."
        raise InputError("`washout` must be shorter than `window`", got, remedy)
    if settings["horizon"] > 1 and settings["forcing"] != "full":
        rule = "a `forcing` other than `full` needs a network that forecasts one step ahead"
        got = f"`forcing` {settings['forcing']} and `horizon` {settings['horizon']}"
        raise InputError(rule, got, 'Use `horizon=1`, or `forcing="full"`.')


def _names(annotation: Any) -> list[str]:
    """The texts that a type allows."""
    if isinstance(annotation, str):
        return [annotation]
    return [name for inner in get_args(annotation) for name in _names(inner)]


def _error(name: str, first: Any, settings: dict[str, Any]) -> InputError:
    """The error for the first finding of Pydantic, which is about the setting `name`."""
    got, limits = settings.get(name), first.get("ctx", {})
    if first["type"] == "extra_forbidden":
        remedy = did_you_mean(name, Settings.model_fields)
        return InputError("every setting must be a known one", f"`{name}`", remedy)
    if first["type"] == "missing":
        return InputError(f"`{name}` must be given", "nothing", f"Set `{name}`.")
    if name == "cell" and not isinstance(got, str):
        OwnCell.of(got)  # says what a cell of one's own must be
    if first["type"] == "literal_error":
        choices = _names(Settings.model_fields[name].annotation)
        return InputError(f"`{name}` must be a known one", got, did_you_mean(got, choices))
    if first["type"] in ("greater_than", "greater_than_equal"):
        bound = limits.get("gt", limits.get("ge"))
        what = "above" if "gt" in limits else "at least"
        return InputError(f"`{name}` must be {what} {bound:g}", got, f"Raise `{name}`.")
    if first["type"] in ("less_than", "less_than_equal"):
        bound = limits.get("lt", limits.get("le"))
        what = "below" if "lt" in limits else "at most"
        percent = ""
        if name in SHARES and isinstance(got, int | float) and 1 < got < 100:
            percent = f", to {got / 100:g} for {got:g} %"
        return InputError(
            f"`{name}` must be {what} {bound:g}", got, f"Lower `{name}`{percent}."
        )
    kind = name if name in KINDS else first["type"].split("_")[0]
    remedy = f"Set `{name}` to {KINDS[kind]}."
    return InputError(f"`{name}` must be {KINDS[kind]}", repr(got), remedy)
