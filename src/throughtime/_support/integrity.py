"""JSON that carries its own digest, and the digests of the files beside it."""

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from throughtime.errors import InputError

from . import atomic

Held = TypeVar("Held", bound=BaseModel)


def digest(content: bytes) -> str:
    """The sha256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def write_json(path: Path, plain: dict[str, Any]) -> None:
    """Write plain values as JSON, with a digest of themselves."""
    text = json.dumps({**plain, "digest": digest(_canonical(plain))}, indent=2)
    atomic.write(path, text + "\n")


def read_json(path: Path, held: type[Held], newest: int) -> Held:
    """Read what `write_json` wrote, in the shape of a model with a `format`.

    Raises
    ------
    InputError
        If it is of a newer format than `newest`, incomplete or changed.
    """
    try:
        plain = json.loads(file_content(path))
    except InputError:
        raise
    except (ValueError, RecursionError):
        raise damaged(path, "it is not JSON") from None
    if not isinstance(plain, dict) or type(plain.get("format")) is not int:
        raise damaged(path, "it has no format number")
    if plain["format"] > newest:
        rule = f"a run's format must be at most {newest}"
        raise InputError(rule, plain["format"], "Install a newer version of throughtime.")
    if plain.pop("digest", None) != digest(_canonical(plain)):
        raise damaged(path, "its content does not match its digest")
    try:
        return held(**plain)
    except ValidationError as error:
        raise damaged(path, f"`{error.errors()[0]['loc'][0]}` is not right") from None


def checked(path: Path, digests: dict[str, str]) -> bytes:
    """The content of a file whose digest is among these.

    Raises
    ------
    InputError
        If it was changed, or cannot be read.
    """
    content = file_content(path)
    if digest(content) != digests.get(path.name):
        raise damaged(path, "its content does not match its digest")
    return content


def _canonical(plain: dict[str, Any]) -> bytes:
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def file_content(path: Path) -> bytes:
    """The bytes of a file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise damaged(path, "the file is missing") from None
    except OSError as error:
        raise damaged(path, f"it cannot be read ({error.strerror})") from None


def damaged(path: Path, why: str) -> InputError:
    """The error for a file of a run that is not as it was written."""
    rule = f"`{path.name}` of a run must be as it was written"
    remedy = "Restore the file, or run the forecast again."
    return InputError(rule, f"`{path}`, but {why}", remedy)
