"""Files of runs are damaged or forged; what reads them must refuse, or give the same numbers.

A damaged file is an accident: what is still read must give the forecast of the run, to the bit.
A forged one has right digests, so its numbers may be others, but nothing else than an
`InputError` may come of it.
"""

import collections
import hashlib
import json
import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .mutations import damaged, forged, put


@dataclass(frozen=True)
class Subject:
    """A run, and what reads it.

    Attributes
    ----------
    folder
        Where it is.
    record
        The file with the digests of the others; "" for none.
    files
        Those that are tampered with.
    read
        Reads the run; returns numbers.
    """

    folder: Path
    record: str
    files: tuple[str, ...]
    read: Callable[[Path], Any]


def subjects(folder: Path) -> list[Subject]:
    """One run of each kind, and a training that was stopped."""
    import throughtime as tt
    from throughtime.forecasting.forecaster import Forecaster
    from throughtime.runs import forecast_record
    from throughtime.runs.run_list import list_runs
    from throughtime.training.checkpoint import read_checkpoint, write_checkpoint

    y = np.sin(np.arange(90) / 5) + 0.1 * np.cos(np.arange(90) ** 2)
    small: dict[str, Any] = {"hidden": 4, "epochs": 2, "ensemble": 2, "window": 8}

    def forecast(run: Path):
        list_runs(run)
        return tt.load(run).predict(3).mean

    def surrogate(run: Path):
        list_runs(run)
        return tt.load_surrogate(run).predict(3)

    def solved(run: Path):
        list_runs(run)
        return tt.load_surrogate(run).solve([0.3], 5)

    def network(run: Path):
        list_runs(run)
        return tt.load_network(run)(np.ones((1, 5, 1), np.float32))[0]

    def checkpoint(run: Path):
        model = Forecaster.from_record(forecast_record.read(run), run)
        state, history = read_checkpoint(run, model.first_state()) or (None, [])
        return None if state is None else np.append(np.asarray(state.params), len(history))

    places = {name: folder / name for name in ("all", "plain", "data", "net", "stopped", "map")}
    model = Forecaster(**small).fit(y)
    model.predict(3)
    model.save(places["all"])
    plain = Forecaster(**small, core=None, prior=None).fit(y)
    plain.save(places["plain"])
    tt.save(tt.Surrogate().fit([np.stack([y, np.roll(y, 3)], 1)]), places["data"])
    tt.save(tt.Architecture(1, 1, hidden=3).ensemble(1, 0), places["net"])
    logistic = tt.Surrogate(
        "x[n+1] = 3.9*x[n]*(1 - x[n]); x[0] = 0.3", trajectories=8, steps=30
    )
    logistic.hidden, logistic.epochs = 4, 2
    tt.save(logistic.fit(), places["map"])
    fresh = Forecaster(**small, core=None, prior=None).prepare(y)
    places["stopped"].mkdir()
    forecast_record.write(places["stopped"], fresh.record(options={}, command=""))
    write_checkpoint(places["stopped"], fresh.first_state(), plain.history_)
    whole = ("run.json", "series.safetensors", "weights.safetensors", "history.jsonl")
    state = "checkpoint/state.safetensors"
    return [
        Subject(places["plain"], "run.json", whole, forecast),
        Subject(places["all"], "run.json", (*whole, "models.safetensors"), forecast),
        Subject(places["data"], "measured.json", ("measured.json", whole[2]), surrogate),
        Subject(places["map"], "surrogate.json", ("surrogate.json", *whole[2:]), solved),
        Subject(places["net"], "network.json", ("network.json", whole[2]), network),
        Subject(places["stopped"], "", (state,), checkpoint),
    ]


def with_digests(folder: Path, record: str, change: Callable[[Any], None]) -> None:
    """Change the record of a run, and make all digests right."""
    path = folder / record
    plain = json.loads(path.read_text())
    plain.pop("digest")
    for name in plain["digests"]:
        plain["digests"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    change(plain)
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
    path.write_text(json.dumps({**plain, "digest": hashlib.sha256(canonical).hexdigest()}))


def run_part(folder: Path, count: int, seed: int, show=print) -> dict:
    """Tamper with `count` files."""
    from throughtime.errors import InputError

    chance, kinds = random.Random(seed), collections.Counter()
    faults: dict[str, list[str]] = {}
    each = []
    for one in subjects(folder):
        files = {p: p.read_bytes() for p in one.folder.rglob("*") if p.is_file()}
        each.append((one, files, np.asarray(one.read(one.folder))))
    for number in range(count):
        subject, files, wanted = chance.choice(each)
        name = chance.choice(subject.files)
        path, forging = subject.folder / name, bool(subject.record) and chance.random() < 0.5
        if not forging:
            path.write_bytes(damaged(files[path], chance))
        elif name == subject.record:
            with_digests(subject.folder, subject.record, lambda plain: put(plain, chance))
        else:
            path.write_bytes(forged(files[path], name, chance))
            with_digests(subject.folder, subject.record, lambda _: None)
        label = f"{'forged' if forging else 'damaged'} {subject.folder.name}/{name}"
        try:
            found = np.asarray(subject.read(subject.folder))
            same = found.shape == wanted.shape and (found == wanted).all()
            kinds[f"{label}: read"] += 1
            if not same and not forging:
                faults.setdefault(f"{label}: another number", []).append(str(number))
        except InputError as error:
            kinds[f"{label}: refused"] += 1
            if "\n" in str(error):
                faults.setdefault(f"{label}: more than a line", []).append(str(error))
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)
            own = [one for one in where if "throughtime" in one.filename][-1]
            at = f"{Path(own.filename).name}:{own.lineno}"
            kind = f"{label}: {type(error).__name__} at {at}: {str(error)[:150]}"
            faults.setdefault(kind, []).append(str(number))
        for changed in {path, subject.folder / (subject.record or name)}:
            changed.write_bytes(files[changed])
        if number % 500 == 499:
            show(f"{number + 1} files, {sum(map(len, faults.values()))} faults")
    return {
        "came of it": dict(sorted(kinds.items())),
        "faults": [f"{kind} ({len(numbers)} times)" for kind, numbers in faults.items()],
    }
