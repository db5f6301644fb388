"""A search on disk: what it is of, and a line for every trial that has ended.

`search.json` says what is searched: the same search goes on in its folder, another one is
refused. `trials.jsonl` grows by a line when a trial ends; a line that was cut off by a crash
is dropped.
"""

import contextlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from throughtime._support.integrity import damaged_file, read_file_bytes, read_json, write_json
from throughtime.errors import InputError
from throughtime.runs.run_folder import is_occupied
from throughtime.runs.run_lock import writing

from .trial import Trial

SEARCH, TRIALS = "search.json", "trials.jsonl"
FORMAT = 1

TRIAL = TypeAdapter(Trial)


class Searched(BaseModel):
    """The content of `search.json`.

    Attributes
    ----------
    format
        Number of this format.
    command
        The command line that goes on with the search.
    about
        What decides the trials: data, settings, space, steps, seed.
    """

    format: int
    command: str
    about: dict[str, Any]


class Journal:
    """The trials of a search, in its folder or, without one, in memory.

    Parameters
    ----------
    folder
        The folder; None keeps nothing.
    about
        What decides the trials, as plain values by name.
    command
        The command line that goes on with the search.

    Raises
    ------
    InputError
        If the folder holds anything else, or a search that is about something else, or another
        process is writing there.
    """

    def __init__(self, folder: Path | None, about: dict[str, Any], command: str = ""):
        self.folder = folder
        self.trials: list[Trial] = []
        self._alone = contextlib.ExitStack()
        if folder is None:
            return
        about = json.loads(json.dumps(about))
        if (folder / SEARCH).is_file():
            self._alone.enter_context(writing(folder))
            _check_same(folder, read_json(folder / SEARCH, Searched, FORMAT).about, about)
            self.trials = _read_trials(folder / TRIALS)
            return
        if is_occupied(folder):
            rule = "the folder of a search must be new, empty, or that of this search"
            raise InputError(rule, f"`{folder}`", "Pass another folder (`--out`).")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._alone.enter_context(writing(folder))
            write_json(folder / SEARCH, {"format": FORMAT, "command": command, "about": about})
        except OSError as error:
            rule = "the folder of a search must be writable"
            got = f"`{folder}` ({error.strerror})"
            raise InputError(rule, got, "Pass another folder (`--out`).") from None

    def close(self) -> None:
        """Let other processes write to the folder."""
        self._alone.close()

    def add(self, trial: Trial) -> None:
        """Keep a trial that has ended; it is on disk when this returns."""
        self.trials.append(trial)
        if self.folder is None:
            return
        with open(self.folder / TRIALS, "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(trial)) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _check_same(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse to go on with a search that is about something else."""
    for name in dict.fromkeys([*before, *now]):
        if before.get(name) != now.get(name):
            rule = "a search goes on with what it began with"
            got = f"other {name} than those of `{folder}`"
            raise InputError(rule, got, "Repeat its command, or pass another `--out`.")


def _read_trials(path: Path) -> list[Trial]:
    """The trials of a journal; a last line that was cut off is removed from the file."""
    if not path.exists():
        return []
    content = read_file_bytes(path)
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        with open(path, "r+b") as file:
            file.truncate(len(whole))
    try:
        return [TRIAL.validate_json(line) for line in whole.splitlines()]
    except ValidationError:
        raise damaged_file(path, "a line of it is not a trial") from None
