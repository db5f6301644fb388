"""Commands that train are killed at random moments, go on, and must end with the same bits."""

import json
import random
import shutil
import signal
import time
from pathlib import Path

from throughtime.runs import run_folder

from .commands import COMMANDS, Command, Place, found, fresh
from .prepared import Ended, checkpoints_at_every_epoch, killed_at_write, run

IN_A_ROW = 12
"""Kills of one run until it may end."""


class Killing:
    """Kills of one command.

    Attributes
    ----------
    kills
        How often it was killed.
    refusals
        How often what would go on was refused in one line, and was begun anew.
    faults
        What was lost or unclear, a sentence each.
    """

    def __init__(self, name: str, command: Command, place: Place, base: Path | None):
        self.name, self.command, self.place, self.base = name, command, place, base
        self.folder = place.folder / name.replace(" ", "-")
        self.kills = self.at_writes = self.refusals = self.finished = 0
        self.faults: list[str] = []
        fresh(self.folder, base)
        done = self._run(command.words)
        if done.status != 0:
            raise SystemExit(f"{name} does not run:\n{done.err}")
        self.wanted, self.seconds = found(command, self.folder, done.out), done.seconds

    def _run(self, text: str, chance: random.Random | None = None) -> Ended:
        """Run a command, which is killed if there is a chance; that is counted."""
        first, after = checkpoints_at_every_epoch, None
        at_write = chance is not None and bool(self.command.files) and chance.random() < 0.5
        if chance is not None and at_write:
            kill = killed_at_write(chance.randrange(30))

            def first() -> None:
                checkpoints_at_every_epoch()
                kill()
        elif chance is not None:
            after = chance.uniform(0, self.seconds)
        words = self.place.words(text, self.folder)
        done = run(words, self.place.folder / "log", first=first, after=after)
        if done.status == -9:
            self.kills += 1
            self.at_writes += at_write
        elif not done.is_clear:
            self.faults.append(f"{text}: status {done.status}: {done.err[-400:]}")
        return done

    def chain(self, chance: random.Random) -> None:
        """Begin a run, kill it a few times, let it end, and compare."""
        fresh(self.folder, self.base)
        text, done = self.command.words, None
        for _ in range(IN_A_ROW):
            done = self._run(text, chance)
            if done.status == 2:
                text = self._after_refusal(text)
            elif done.status == 0:
                break
            else:
                text = self.command.again or self.command.words
        while done is None or done.status != 0:
            done = self._run(text)
            if done.status == 2:
                text = self._after_refusal(text)
            elif done.status != 0:
                return
        self._compare(done)

    def _after_refusal(self, text: str) -> str:
        """What to do when going on was refused: begin anew, in the same folder if possible."""
        self.refusals += 1
        if text != self.command.over and self.command.over is not None:
            return self.command.over
        shutil.rmtree(self.folder)
        return self.command.words

    def _compare(self, done: Ended) -> None:
        self.finished += 1
        try:
            ended = found(self.command, self.folder, done.out)
        except OSError as error:
            self.faults.append(f"after kills, {error.filename} is missing")
            return
        other = [name for name, value in self.wanted.items() if ended[name] != value]
        if other:
            self.faults.append(f"after kills, {', '.join(other)}: other than undisturbed")
            kept = self.folder.with_name(f"{self.folder.name}-fault-{len(self.faults)}")
            shutil.copytree(self.folder, kept, dirs_exist_ok=True)
        if list(self.folder.rglob(".*")):
            self.faults.append("after kills and an end, temporary files are left")


class KillingUpdate(Killing):
    """An update that is killed leaves the run as it was, or as it shall be."""

    def chain(self, chance: random.Random) -> None:
        fresh(self.folder, self.base)
        before = self._series()
        for _ in range(IN_A_ROW):
            self._run(self.command.words, chance)
            loaded = self._run("predict RUN --steps 3")
            if loaded.status != 0:
                self.faults.append(f"after a kill, predict: {loaded.err[-300:]}")
                return
            if self._series() != before:
                break
        else:
            self._run(self.command.words)
        self.finished += 1
        # A file that counts may still lie beside its place; its digest is checked here.
        run_folder.finish_writing(self.folder, "run.json")
        ended = found(self.command, self.folder, "")
        if ended != self.wanted:
            self.faults.append("after kills, the updated run is another")

    def _series(self) -> str:
        """The digest of the series that counts."""
        record = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        return record["digests"]["series.safetensors"]


def run_part(folder: Path, count: int, seed: int, show=print) -> dict:
    """Kill all commands in turn, `count` times in all or until Ctrl-C; what came of it."""
    chance, place = random.Random(seed), Place(folder)
    base = folder / "base"
    done = run(place.words(COMMANDS["forecast"].words, base), folder / "log")
    if done.status != 0:
        raise SystemExit(done.err)
    killings = [
        (KillingUpdate if name == "update" else Killing)(
            name, command, place, base if name == "update" else None
        )
        for name, command in COMMANDS.items()
    ]
    clock = time.monotonic()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    while sum(one.kills for one in killings) < count:
        one = min(killings, key=lambda one: one.kills)
        try:
            one.chain(chance)
        except KeyboardInterrupt:  # what was found until then counts
            break
        faults = f", faults: {one.faults}" if one.faults else ""
        show(f"{one.name}: {one.kills} kills{faults} ({time.monotonic() - clock:.0f} s)")
    return {
        "kills": sum(one.kills for one in killings),
        "commands": {
            one.name: {
                "kills": one.kills,
                "of them at a write": one.at_writes,
                "refused in one line": one.refusals,
                "ended and compared": one.finished,
            }
            for one in killings
        },
        "faults": [f"{one.name}: {fault}" for one in killings for fault in one.faults],
    }
