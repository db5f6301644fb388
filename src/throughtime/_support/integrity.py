"""Files of a run that cannot change unnoticed: JSON that holds its own SHA-256 digest, and
other files whose digests it lists."""

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from throughtime.errors import InputError

from . import atomic

Schema = TypeVar("Schema", bound=BaseModel)


def digest(content: bytes) -> str:
    """The SHA-256 digest of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def json_text(plain: dict[str, Any]) -> str:
    """Plain values as JSON, together with a digest of them."""
    return json.dumps({**plain, "digest": digest(_canonical(plain))}, indent=2) + "\n"


def write_json(path: Path, plain: dict[str, Any]) -> None:
    """Write plain values as JSON, together with a digest of them."""
    atomic.write(path, json_text(plain))


def read_json(path: Path, schema: type[Schema], newest: int) -> Schema:
    """Read what `write_json` wrote, and check its digest.

    Parameters
    ----------
    path
        The file.
    schema
        The Pydantic model of its content, which has a field `format`.
    newest
        The newest format that this version of the package can read.

    Returns
    -------
    Schema
        An instance of `schema`.

    Raises
    ------
    InputError
        If the file has a format newer than `newest`, is incomplete, or was changed.
    """
    try:
        plain = json.loads(read_file_bytes(path))
    except InputError:
        raise
    except (ValueError, RecursionError):
        raise damaged_file(path, "it is not JSON") from None
    if not isinstance(plain, dict) or type(plain.get("format")) is not int:
        raise damaged_file(path, "it has no format number")
    if plain["format"] > newest:
        rule = f"a run's format must be at most {newest}"
        raise InputError(rule, plain["format"], "Install a newer version of throughtime.")
    if plain.pop("digest", None) != digest(_canonical(plain)):
        raise damaged_file(path, "its content does not match its digest")
    try:
        return schema(**plain)
    except ValidationError as error:
        raise damaged_file(path, f"`{error.errors()[0]['loc'][0]}` is not valid") from None


def read_verified(path: Path, digests: dict[str, str]) -> bytes:
    """Read a file and compare its content with its digest.

    If `atomic.write_together` was cut off, the file may still lie beside its place.

    Parameters
    ----------
    path
        The file.
    digests
        The digests of the files of a run, by file name.

    Raises
    ------
    InputError
        If the file was changed, or cannot be read.
    """
    wanted = digests.get(path.name)
    try:
        content = read_file_bytes(path)
        if digest(content) != wanted:
            raise damaged_file(path, "its content does not match its digest")
    except InputError:
        for content in map(read_file_bytes, atomic.leftovers(path)):
            if digest(content) == wanted:
                return content
        raise
    return content


def _canonical(plain: dict[str, Any]) -> bytes:
    """JSON that depends on the values alone, not on their order or on white space."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def read_file_bytes(path: Path) -> bytes:
    """Read a file of a run.

    Raises
    ------
    InputError
        If it is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise damaged_file(path, "the file is missing") from None
    except OSError as error:
        raise damaged_file(path, f"it cannot be read ({error.strerror})") from None


def damaged_file(path: Path, reason: str) -> InputError:
    """The error for a file of a run that is missing, incomplete or changed."""
    rule = f"`{path.name}` of a run must be as it was written"
    remedy = "Restore the file from a copy, or repeat the run."
    return InputError(rule, f"`{path}`, but {reason}", remedy)
