"""The commands that train, small enough to be killed a hundred times, and what must stay."""

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NETWORK = "--hidden 4 --ensemble 1 --window 8 --steps 3 --epochs 25 --patience 1000"

SURROGATE = "--trajectories 20 --steps 40 --hidden 4 --epochs 20 --unseen 5 --unseen-steps 50"
EQUATION = "x[n+1] = 3.9*x[n]*(1 - x[n]); x[0] = 0.3"


@dataclass(frozen=True)
class Command:
    """A command that trains.

    Attributes
    ----------
    words
        Its arguments; `DATA`, `RUN`, `MORE` stand for the table, the folder, the longer table.
    again
        What goes on after a kill; by default `words`.
    over
        What begins anew if nothing is there to go on with.
    files
        The files of `RUN` whose bytes must not depend on a kill.
    printed
        Takes from what is printed what must not depend on a kill.
    """

    words: str
    again: str | None = None
    over: str | None = None
    files: tuple[str, ...] = ()
    printed: Callable[[str], object] = lambda _: None


def of_task(text: str) -> object:
    """The outcome of a task but its time."""
    plain = json.loads(text)
    return [plain[name] for name in ("solved", "wrong", "of", "loss")]


COMMANDS = {
    "forecast": Command(
        f"forecast DATA --plain {NETWORK} --out RUN -q",
        "resume RUN -q",
        f"forecast DATA --plain {NETWORK} --out RUN -q --overwrite",
        ("weights.safetensors", "forecast.csv"),
    ),
    "forecast of all parts": Command(
        f"forecast DATA {NETWORK} --out RUN -q",
        "resume RUN -q",
        f"forecast DATA {NETWORK} --out RUN -q --overwrite",
        ("weights.safetensors", "forecast.csv", "models.safetensors"),
    ),
    "surrogate of equations": Command(
        f"surrogate EQUATION {SURROGATE} --out RUN -q",
        "resume RUN -q",
        f"surrogate EQUATION {SURROGATE} --out RUN -q --overwrite",
        ("weights.safetensors",),
    ),
    "surrogate of a table": Command(
        "surrogate DATA --target y --out RUN -q",
        None,
        "surrogate DATA --target y --out RUN -q --overwrite",
        ("weights.safetensors",),
    ),
    "compare": Command(
        "compare DATA --ways momentum,esn --seconds 0.3 --hidden 4 --window 8 --steps 3"
        " --out RUN -q"
    ),
    "tasks": Command(
        "tasks adding --way momentum --length 10 --updates 40 --json -q", printed=of_task
    ),
    "search": Command(
        "search DATA --plain --trials 3 --vary hidden=3,4 --epochs 4 --ensemble 1 --window 8"
        " --steps 3 --seeds 1 --out RUN -q",
        files=("winner/weights.safetensors", "winner/forecast.csv"),
    ),
    "update": Command(
        "update RUN MORE --epochs 3 -q", files=("weights.safetensors", "series.safetensors")
    ),
}


class Place:
    """A folder with the tables and the runs of the campaign."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.data, self.more = folder / "y.csv", folder / "more.csv"
        for path, rows in ((self.data, 120), (self.more, 140)):
            lines = (
                f"{i},{math.sin(i / 5) + 0.1 * math.cos(i * i):.6f}\n" for i in range(rows)
            )
            path.write_text("t,y\n" + "".join(lines))

    def words(self, text: str, run: Path) -> list[str]:
        """The arguments of a command."""
        named = {"DATA": str(self.data), "MORE": str(self.more), "RUN": str(run)}
        named["EQUATION"] = EQUATION
        return [named.get(word, word) for word in text.split()]


def found(command: Command, run: Path, out: str) -> dict[str, object]:
    """What must not depend on a kill: the bytes of files, and what was printed."""
    files = {name: content((run / name).read_bytes(), name) for name in command.files}
    return {**files, "printed": command.printed(out)}


def content(raw: bytes, name: str) -> object:
    """What a file holds, to the bit; safetensors writes metadata in another order each time."""
    if not name.endswith(".safetensors"):
        return raw
    size = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + size]), raw[8 + size :]


def fresh(run: Path, of: Path | None) -> None:
    """Make the folder of a run as it is before the command: a copy of another run, or none."""
    shutil.rmtree(run, ignore_errors=True)
    if of is not None:
        shutil.copytree(of, run)
