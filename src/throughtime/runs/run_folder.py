"""The folder of a run: which files there are, and how one is claimed for a new run."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from throughtime._support import atomic
from throughtime.errors import InputError
from throughtime.training.checkpoint import CHECKPOINT, LAST_GOOD

SURROGATE = "surrogate.json"


FILES = ("run.json", "series.safetensors", "weights.safetensors", "history.jsonl")


RESULTS = ("forecast.csv", "report.html", "gradient_flow.json", "diagnosis.html")


FIRST = ("run.json", SURROGATE, "series.safetensors")  # what tells a run, also one half-written


def free(folder: Path) -> Path:
    """The folder, or the first of folder-2, folder-3, ... that is not there."""
    number, found = 2, folder
    while found.exists():
        number, found = number + 1, folder.with_name(f"{folder.name}-{number}")
    return found


def in_use(folder: Path) -> bool:
    """Whether there is anything that a new run would stand beside, or in the way of."""
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def claim(folder: Path, overwrite: bool) -> Path:
    """Make a folder for a run; an earlier run there goes only if that was asked for.

    Files that are not a run's are never touched, and a folder without a run not entered.
    `run.json` goes last, so that a folder half-cleared is still a run to be overwritten.

    Raises
    ------
    InputError
        If the folder is in use or cannot be written.
    """
    if folder.is_dir() and in_use(folder) and not overwrite:
        rule = "the output folder must be new or empty"
        raise InputError(rule, f"`{folder}`", "Pass `--overwrite`, or another `--out`.")
    if folder.is_dir() and in_use(folder) and not _has_run(folder):
        rule = "only a run can be overwritten"
        raise InputError(rule, f"`{folder}`, without `run.json`", "Pass another `--out`.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [
            folder / name
            for name in (FILES[0], SURROGATE, *FILES[1:], *RESULTS, CHECKPOINT, LAST_GOOD)
        ]
        for path in paths:
            for left in atomic.leftovers(path):
                left.unlink()
        for path in reversed(paths[1:]):  # what tells a run goes last
            path.unlink(missing_ok=True)
        checkpoints = (folder / CHECKPOINT).parent
        if checkpoints.is_dir() and not any(checkpoints.iterdir()):
            checkpoints.rmdir()
        atomic.write(folder / "run.json", "{}")
        (folder / "run.json").unlink()
    except OSError as error:
        rule = "the output folder must be writable"
        got = f"`{folder}` ({error.strerror})"
        raise InputError(rule, got, "Pass another `--out`.") from None
    return folder


def _has_run(folder: Path) -> bool:
    """Whether a folder holds a run, or the first files of one that was being written."""
    paths = [folder / name for name in FIRST]
    return any(path.exists() or atomic.leftovers(path) for path in paths)


def versions() -> dict[str, str]:
    """Of Python, this package and those that decide its numbers."""
    found = {"python": python_version()}
    for name in ("throughtime", "jax", "jaxlib", "equinox", "optax", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
