"""The folder of a run: which files there are, and how it is prepared for a new run."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from throughtime._support import atomic
from throughtime._support.integrity import digest, read_file_bytes
from throughtime.errors import InputError
from throughtime.training.checkpoint import CHECKPOINT, LAST_GOOD

from .run_lock import writing

SURROGATE = "surrogate.json"
NETWORK = "network.json"
MEASURED = "measured.json"

COMPARISON = "comparison.json"
SEARCH = "search.json"

FILES = ("run.json", "series.safetensors", "weights.safetensors", "history.jsonl")
"""What a finished forecasting run consists of."""

MODELS = "models.safetensors"

RESULTS = (MODELS, "forecast.csv", "report.html", "gradient_flow.json", "diagnosis.html")
"""What commands write beside it."""

FIRST_FILES = ("run.json", SURROGATE, NETWORK, MEASURED, "series.safetensors")
"""The files that are written first: one of them tells that a folder holds a run."""


KINDS = {
    "run.json": ("a forecasting run", "`throughtime.load`"),
    SURROGATE: ("a surrogate", "`throughtime.load_surrogate` or `throughtime diagnose`"),
    MEASURED: ("a model of trajectories", "`throughtime.load_surrogate`"),
    NETWORK: ("a network", "`throughtime.load_network`"),
}
"""What a folder holds, by the file that tells it, and what reads that."""

MAKE = "Make a run with `throughtime forecast`."

HOLDERS = {COMPARISON: "a comparison", SEARCH: "a search"}
"""What folders with runs in them hold."""


def check_kind(folder: Path, file: str) -> None:
    """Refuse a folder that holds no run, or one of another kind than that of this file.

    Raises
    ------
    InputError
        Which says what reads it.
    """
    if (folder / file).is_file():
        return
    for other, (kind, reader) in KINDS.items():
        if (folder / other).is_file():
            rule = f"the folder must hold {KINDS[file][0]}"
            raise InputError(rule, f"`{folder}`, {kind}", f"Read it with {reader}.")
    for other, kind in HOLDERS.items():
        if (folder / other).is_file():
            rule = f"the folder must hold {KINDS[file][0]}"
            kept = [f"`{path.parent}`" for path in sorted(folder.glob("*/run.json"))]
            remedy = f"Pass a run in it: {', '.join(kept)}." if kept else MAKE
            raise InputError(rule, f"`{folder}`, {kind}", remedy)
    first, *others = (f"`{name}`" for name in KINDS)
    rule = f"a run is a folder with a {first}, or of another kind: {', '.join(others)}"
    remedy = "Pass the folder of a run: `throughtime runs` lists them."
    raise InputError(rule, f"`{folder}`", remedy)


def first_free_folder(folder: Path) -> Path:
    """The first of `folder`, `folder`-2, `folder`-3, ... that does not exist."""
    number, candidate = 2, folder
    while candidate.exists():
        number, candidate = number + 1, folder.with_name(f"{folder.name}-{number}")
    return candidate


def is_occupied(folder: Path) -> bool:
    """Whether there is a file of this name, or a folder that is not empty."""
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def check_free(folder: Path, overwrite: bool) -> None:
    """Refuse a folder for a new run that is in use.

    Raises
    ------
    InputError
        If the folder holds a run and `overwrite` is false, or other files.
    """
    if folder.is_dir() and is_occupied(folder):
        if not overwrite:
            rule = "the output folder must be new or empty"
            remedy = "Pass `--overwrite`, in Python `overwrite=True`, or name another folder."
            raise InputError(rule, f"`{folder}`", remedy)
        if not _has_run(folder):
            rule = "only a run can be overwritten"
            raise InputError(rule, f"`{folder}`, without `run.json`", "Name another folder.")


def check_place(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that `replace_run` would refuse, before the work; nothing is changed.

    Raises
    ------
    InputError
        As for `prepare_folder`.
    """
    check_free(folder, overwrite)
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with _writable(folder), tempfile.TemporaryFile(dir=folder):
            pass
    finally:
        for path in new:
            with suppress(OSError):  # not made, or in use meanwhile
                path.rmdir()


def prepare_folder(folder: Path, overwrite: bool) -> Path:
    """Make a folder for a new run; delete the run in it, if `overwrite` allows that.

    Files that do not belong to a run are never touched, and a folder that holds such files but
    no run is refused. `run.json` is deleted last, so that a folder half-cleared still counts as
    a run that may be overwritten.

    Raises
    ------
    InputError
        If the folder holds a run and `overwrite` is false, holds other files, cannot be
        written, or is being written by another process.
    """
    check_free(folder, overwrite)
    with _writable(folder), writing(folder):
        _delete_run(folder)
        atomic.write(folder / "run.json", "{}")  # fails here rather than after the training
        (folder / "run.json").unlink()
    return folder


def replace_run(folder: Path, write: Callable[[Path], Sequence[str]], overwrite: bool) -> None:
    """Write a run by `write`, which returns the names of its files.

    An earlier run stays until this one is complete; what only that one had is deleted then.

    Raises
    ------
    InputError
        As for `prepare_folder`.
    """
    check_free(folder, overwrite)
    with _writable(folder), writing(folder):
        _delete_run(folder, write(folder))


def finish_writing(folder: Path, first: str) -> None:
    """Put away what processes that were killed have left beside the files of a finished run.

    A file that `atomic.write_together` had not renamed yet, whose digest `first` tells, takes
    its place; all others are deleted.
    """
    digests = json.loads(read_file_bytes(folder / first))["digests"]
    for path in (folder / name for name in _names()):
        for temporary in atomic.leftovers(path):
            wanted = digests.get(path.name)
            missing = not path.exists() or digest(read_file_bytes(path)) != wanted
            if wanted and missing and digest(read_file_bytes(temporary)) == wanted:
                os.replace(temporary, path)
            else:
                temporary.unlink()


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """A context that makes a folder, and refuses one in which nothing can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        rule = "the output folder must be writable"
        got = f"`{folder}` ({error.strerror})"
        raise InputError(rule, got, "Pass another `--out`.") from None


def _delete_run(folder: Path, kept: Sequence[str] = ()) -> None:
    """Delete all files of a run but `run.json`, and what interrupted writes have left.

    Files of a newer run, which has been written, are kept.
    """
    names = _names()
    atomic.delete_leftovers(folder / name for name in names)
    for name in reversed(names[1:]):  # what tells that this is a run comes last
        if name not in kept:
            (folder / name).unlink(missing_ok=True)
    checkpoints = (folder / CHECKPOINT).parent
    if checkpoints.is_dir() and not any(checkpoints.iterdir()):
        checkpoints.rmdir()


def _names() -> tuple[str | Path, ...]:
    """The files of all kinds of runs, the one that tells the kind of most of them first."""
    trained = (SURROGATE, NETWORK, MEASURED)
    return ("run.json", *trained, *FILES[1:], *RESULTS, CHECKPOINT, LAST_GOOD)


def _has_run(folder: Path) -> bool:
    """Whether a folder holds a run, or the first files of one that was being written."""
    paths = [folder / name for name in FIRST_FILES]
    return any(path.exists() or atomic.leftovers(path) for path in paths)
