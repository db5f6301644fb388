"""What the settings of a forecaster may be, and the message when they are not."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from throughtime.errors import InputError, nearest
from throughtime.recurrence.initialisation import INITIALISATIONS
from throughtime.recurrence.network import unused

from .losses import LOSSES
from .methods import METHODS
from .teacher_forcing import forcing

PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class Settings(BaseModel):
    """The settings of a `Forecaster`, each with its range; what they mean is said there."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    cell: Literal["rnn", "gru", "lstm", "esn"]
    hidden: PositiveInt
    depth: PositiveInt
    activation: Literal["tanh", "relu", "logistic", "identity"]
    dense: Annotated[tuple[PositiveInt, ...], Field(strict=False)]  # or a list
    residual: bool
    centred: bool
    init: Literal[tuple(INITIALISATIONS)]  # pyright: ignore
    # (Runs from before there were reservoirs do not have these three.)
    radius: PositiveFloat = 0.9
    leak: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1.0
    input_scale: PositiveFloat = 1.0
    window: PositiveInt
    washout: NonNegativeInt
    horizon: PositiveInt
    truncated: bool
    loss: Literal[tuple(name for name, loss in LOSSES.items() if loss.output is None)]  # pyright: ignore
    method: Literal[tuple(METHODS)]  # pyright: ignore
    rate: PositiveFloat | None
    clip: PositiveFloat | None
    forcing: str = "full"  # (as these)
    schedule: Literal["constant", "cosine", "plateau"]
    epochs: PositiveInt
    batch_size: PositiveInt
    patience: PositiveInt | None
    ensemble: PositiveInt
    validation: Share
    test: Share
    level: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
    dtype: Literal["float32", "float64"]
    seed: Annotated[int, Field(ge=0, lt=2**32)]


KINDS = {
    "bool": "True or False",
    "finite": "a finite number",
    "float": "a number",
    "int": "a whole number",
    "string": "text",
    "tuple": "a tuple of whole numbers",
}


def check_settings(settings: dict[str, Any]) -> Settings:
    """The settings, checked.

    Raises
    ------
    InputError
        For the first that is unknown or out of its range.
    """
    try:
        checked = Settings(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        raise _refusal(str(first["loc"][0]), first, settings) from None
    forcing(checked.forcing)
    if checked.cell == "esn":
        _check_regression(checked)
    return checked


def check_some(settings: dict[str, Any]) -> None:
    """Refuse what is out of its range among some settings of a network and its training.

    Raises
    ------
    InputError
        For the first.
    """
    try:
        Settings(**settings)
    except ValidationError as error:
        wrong = [one for one in error.errors() if one["type"] != "missing"]
        if wrong:
            raise _refusal(str(wrong[0]["loc"][0]), wrong[0], settings) from None
    forcing(settings["forcing"])


def _check_regression(settings: Settings) -> None:
    """Refuse of an echo state network what only a training by gradient could follow."""
    for name, only in (("method", "adam"), ("loss", "mse"), ("dense", ()), ("forcing", "full")):
        got = getattr(settings, name)
        if got != only:
            rule = f"an `esn` is fitted by linear regression, which has no other `{name}`"
            remedy = f"Leave `{name}` at its default, or choose another `cell`."
            raise InputError(rule, ", ".join(map(str, got)) if name == "dense" else got, remedy)


def check_asked(asked: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Refuse settings that have no effect beside each other.

    Raises
    ------
    InputError
    """
    cell = asked["cell"]
    for name in unused(cell):
        if asked[name] != defaults[name]:
            rule = f"the cell `{cell}` takes no `{name}`, which is of an `esn`"
            if cell == "esn":
                rule = f"an `esn` is drawn and fitted at once, and has no other `{name}`"
            remedy = f"Leave `{name}` at its default, or choose another `cell`."
            raise InputError(rule, asked[name], remedy)
    window, washout = asked["window"], asked["washout"]
    if window <= washout != defaults["washout"]:
        got = f"{washout} of {window} steps"
        remedy = "Lower `washout`, or raise `window`."
        raise InputError("`washout` must be shorter than `window`", got, remedy)
    if asked["horizon"] > 1 and asked["forcing"] != "full":
        rule = "only what is forecast one step ahead can be fed back while it learns"
        got = f"`forcing` {asked['forcing']} and `horizon` {asked['horizon']}"
        raise InputError(rule, got, 'Use `horizon=1`, or `forcing="full"`.')


def _refusal(name: str, first: Any, settings: dict[str, Any]) -> InputError:
    got, limits = settings.get(name), first.get("ctx", {})
    if first["type"] == "extra_forbidden":
        remedy = nearest(name, Settings.model_fields)
        return InputError("every setting must be a known one", f"`{name}`", remedy)
    if first["type"] == "missing":
        return InputError(f"`{name}` must be given", "nothing", f"Set `{name}`.")
    if first["type"] == "literal_error":
        choices = Settings.model_fields[name].annotation.__args__  # pyright: ignore
        return InputError(f"`{name}` must be a known one", got, nearest(got, choices))
    if first["type"] in ("greater_than", "greater_than_equal"):
        bound = limits.get("gt", limits.get("ge"))
        what = "above" if "gt" in limits else "at least"
        return InputError(f"`{name}` must be {what} {bound:g}", got, f"Raise `{name}`.")
    if first["type"] in ("less_than", "less_than_equal"):
        bound = limits.get("lt", limits.get("le"))
        what = "below" if "lt" in limits else "at most"
        return InputError(f"`{name}` must be {what} {bound:g}", got, f"Lower `{name}`.")
    kind = "tuple" if name == "dense" else first["type"].split("_")[0]
    return InputError(f"`{name}` must be {KINDS[kind]}", repr(got), f"Change `{name}`.")
