"""Fitted models as one file of a run, so that a forecast from it fits nothing again.

A model is a tree of frozen dataclasses, tuples, numbers, names and arrays. The arrays are
tensors of the file, and what remains is JSON in its metadata. Only the classes listed here are
made when it is read, so nothing in the file is executed. What another version fitted may be
fitted otherwise today, so the file has its own stamp of versions: those of the run are of the
weights, which may be older. Weights of the recurrent prior and of
the networks are not in it: the first are shipped with the package, the others are the run's.
"""

import json
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from jaxtyping import jaxtyped
from safetensors.numpy import save

from throughtime._support.integrity import damaged_file
from throughtime._support.type_hints import fits
from throughtime._support.versions import package_versions
from throughtime.models.calibration import LEVELS, Calibration
from throughtime.models.combination import Combination
from throughtime.models.drive import Drive
from throughtime.models.driven_autoregression import Driven, DrivenAutoregression
from throughtime.models.intermittent import Intermittent
from throughtime.models.linear_map import LinearForecast
from throughtime.models.model_kinds import Transformed
from throughtime.models.prior import Prior
from throughtime.models.series_model import SeriesModel
from throughtime.models.smoothing import Smoothing
from throughtime.models.traits import Recipe, Traits
from throughtime.models.transforms import Transform
from throughtime.training.checkpoint import load_tensors, metadata_of

from .network_component import NetworkComponent, NetworkForecasts
from .split_checks import LARGEST

Kept = dict[Any, Any]
"""What a forecaster keeps of its fits, by what was asked for; keys and values are trees."""

CLASSES = {
    one.__name__: one
    for one in (
        *(Calibration, Combination, Drive, Driven, DrivenAutoregression, Intermittent),
        *(LinearForecast, NetworkComponent, Prior, Recipe, SeriesModel, Smoothing),
        *(Traits, Transform, Transformed),
    )
}
"""All classes of which such a tree is made, by name."""

ELSEWHERE = {"network", "forecasts"}
"""Fields that are not written: what they hold is shipped, or stands in other files."""


def to_file(kept: dict[str, Kept]) -> bytes:
    """The content of a file that holds what was kept, under some names."""
    tensors: dict[str, np.ndarray] = {}
    tree = {
        name: [[_plain(key, tensors), _plain(value, tensors)] for key, value in one.items()]
        for name, one in kept.items()
    }
    return save(tensors, {"kept": json.dumps(tree), "versions": stamp()})


def stamp() -> str:
    """The versions of what fits models now, as one line."""
    return json.dumps(package_versions(), sort_keys=True)


def from_file(path: Path, content: bytes) -> dict[str, Kept]:
    """What `to_file` was given; nothing, if other versions fitted it.

    Raises
    ------
    InputError
        If the content is not that of such a file; it names the file at `path`.
    """
    tensors = load_tensors(path, content)
    try:
        metadata = metadata_of(content)
        if metadata["versions"] != stamp():
            return {}
        tree = json.loads(metadata["kept"])
        kept = {
            name: {_made(key, tensors): _made(value, tensors) for key, value in pairs}
            for name, pairs in tree.items()
        }
        for (_, steps), errors in kept.get("residuals", {}).items():
            if errors.ndim != 3 or errors.shape[1] != steps:
                raise ValueError("the errors are not those of as many steps as were asked")
        return kept
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        raise damaged_file(path, "it does not hold fitted models") from None


def _plain(one: Any, tensors: dict[str, np.ndarray]) -> Any:
    """One node of a tree as JSON has it; its arrays are put among the tensors."""
    if isinstance(one, np.ndarray):
        name = str(len(tensors))
        tensors[name] = np.ascontiguousarray(one)
        return {"array": name}
    if isinstance(one, np.generic):
        return one.item()
    if isinstance(one, tuple | list):
        return [_plain(part, tensors) for part in one]
    if is_dataclass(one):
        name = type(one).__name__
        if CLASSES.get(name) is not type(one):
            raise TypeError(f"`{name}` is not among the classes that are kept")
        names = [field.name for field in fields(one) if field.name not in ELSEWHERE]
        return {"class": name} | {n: _plain(getattr(one, n), tensors) for n in names}
    return one


def _made(plain: Any, tensors: dict[str, np.ndarray]) -> Any:
    """The node that was written so."""
    if isinstance(plain, list):
        return tuple(_made(part, tensors) for part in plain)
    if not isinstance(plain, dict):
        return plain
    if set(plain) == {"array"}:
        array = tensors[plain["array"]]
        if array.dtype not in (np.float64, np.int64, np.bool_):
            raise TypeError(f"an array is of {array.dtype}")
        return array
    cls = CLASSES[plain["class"]]
    made = {name: _made(part, tensors) for name, part in plain.items() if name != "class"}
    if cls is NetworkComponent:
        made["forecasts"] = NetworkForecasts.none()
    one = cls(**made)
    with jaxtyped("context"):  # axes of one name have one length, in all fields
        for name, hint in _hints(cls).items():
            if not fits(getattr(one, name), hint):
                raise TypeError(f"`{name}` of `{cls.__name__}` is of another type or shape")
    if not _agree(one):
        raise ValueError(f"sizes or values of `{cls.__name__}` do not agree")
    return one


def _agree(one: Any) -> bool:
    """Whether what the types of its fields do not tell of a node is as it was written.

    Sizes agree, and no value is larger than a series may have or is missing.
    """
    match one:
        case SeriesModel():
            return one.values.size > 0 and bool((np.abs(one.values) <= LARGEST).all())
        case Combination():
            own = one.weights.shape == (len(one.last) + 1, len(one.components))
            return own and len(one.components) == len(one.groups)
        case Calibration():
            return one.multipliers.shape == (2, len(one.last) + 1, len(LEVELS))
        case Driven():
            own = len(one.lags) > 0 and min(one.lags) > 0 and one.difference >= 0
            sizes = len(one.lags) + len(one.features) + 1
            return own and len(one.weights) == sizes and bool((one.features >= 0).all())
        case DrivenAutoregression():
            inputs, moving = one.drive.width, int(one.moves.sum())
            most = moving * len(one.drive.known)  # features of inputs at all their steps
            sizes = len(one.moves) == len(one.center[1]) == len(one.scale[1]) == inputs
            read = all(each.features.max(initial=-1) < most for each in one.models)
            spread = one.scale[0] > 0 and bool((one.scale[1] > 0).all())
            return sizes and read and spread and 0 < len(one.models) == len(one.shares)
    return True


@cache
def _hints(cls: type) -> dict[str, Any]:
    """The types of the fields of a class."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls)}
