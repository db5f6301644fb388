"""A search on disk: what it is of, and a line for every trial that has ended.

`search.json` says what is searched: the same search goes on in its folder, another one is
refused. `trials.jsonl` grows by a line when a trial ends; a line that was cut off by a crash
is dropped. `result.json` is written at the end of a search, for its figures.
"""

import contextlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from throughtime._support import atomic
from throughtime._support.integrity import damaged_file, read_file_bytes, read_json, write_json
from throughtime.errors import InputError
from throughtime.runs.run_folder import SEARCH, is_occupied
from throughtime.runs.run_lock import writing

from .trial import Trial

TRIALS, RESULT, REPORT = "trials.jsonl", "result.json", "report.html"
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


class Ended(BaseModel):
    """The content of `result.json`.

    Attributes
    ----------
    format
        Number of this format.
    trials
        How many trials there were.
    importance
        As in a `SearchResult`.
    """

    format: int
    trials: int
    importance: dict[str, float]


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
            _drop_cut_line(folder / TRIALS)
            atomic.delete_leftovers(folder / name for name in (SEARCH, RESULT, REPORT))
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

    def end(self, importance: dict[str, float]) -> None:
        """Keep what was found of the trials."""
        if self.folder is not None:
            ended = Ended(format=FORMAT, trials=len(self.trials), importance=importance)
            write_json(self.folder / RESULT, ended.model_dump())


def is_search(folder: Path) -> bool:
    """Whether a folder holds a search."""
    return (folder / SEARCH).is_file()


def how_to_go_on(folder: Path) -> str:
    """What goes on with the search in a folder, as a sentence."""
    command = read_json(folder / SEARCH, Searched, FORMAT).command
    return f"Go on with `{command}`." if command else "Call `tt.search` again as before."


def read_ended(folder: Path) -> tuple[list[Trial], dict[str, float]]:
    """The trials of a search that has ended, and the importance of its settings.

    Raises
    ------
    InputError
        If it has not ended, or a file was changed.
    """
    if not (folder / RESULT).is_file():
        rule = "a search must have ended"
        raise InputError(rule, f"`{folder}`, which has not", how_to_go_on(folder))
    ended = read_json(folder / RESULT, Ended, FORMAT)
    trials = _read_trials(folder / TRIALS)
    if len(trials) < ended.trials:
        raise damaged_file(folder / TRIALS, "it has too few lines")
    return trials[: ended.trials], ended.importance


def _check_same(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse to go on with a search that is about something else."""
    for name in dict.fromkeys([*before, *now]):
        if before.get(name) != now.get(name):
            rule = "a search goes on with what it began with"
            got = f"other {name} than those of `{folder}`"
            raise InputError(rule, got, "Repeat its command, or pass another `--out`.")


def _drop_cut_line(path: Path) -> None:
    """Remove a last line that was cut off from a journal."""
    if path.exists():
        content = read_file_bytes(path)
        with open(path, "r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def _read_trials(path: Path) -> list[Trial]:
    """The trials of a journal."""
    if not path.exists():
        return []
    content = read_file_bytes(path)
    whole = content[: content.rfind(b"\n") + 1]  # another process may be writing the next line
    try:
        return [TRIAL.validate_json(line) for line in whole.splitlines()]
    except ValidationError:
        raise damaged_file(path, "a line of it is not a trial") from None
