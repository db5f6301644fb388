"""The four ways on the long-range tasks, beside the published figures.

    python benchmarks/long_range.py --task adding --length 80 --way momentum \
        --seeds 1-4 [--updates 50000] [--out FILE]
    python benchmarks/long_range.py --record [--way momentum]
    python benchmarks/long_range.py --table [--out FILE]

A *cell* is a task, its length, a way, a recipe, the units, the updates at most and a seed. Each
that is finished is a line in `results/long_range.jsonl`; what has a line already is skipped, so
a long table is made in as many pieces as one likes. `--record` runs all that the table in
`docs/four-ways.md` is made of. Recipes are changes of a way, by name: `--list` shows them. Test
sequences are of the cell's own seed and judged once, at its end.
"""

import argparse
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from machine import machine

from throughtime._support.seeds import generator
from throughtime.recurrence.initialisation import echo_state
from throughtime.tasks import recipes
from throughtime.tasks.criterion import Criterion
from throughtime.tasks.error_count import count_errors
from throughtime.tasks.learn import learn_task
from throughtime.tasks.long_range import task
from throughtime.tasks.recipes import EchoStateStart
from throughtime.tasks.sampling import TaskData
from throughtime.tasks.way import TrainedWay, Way
from throughtime.training.regulariser import Regularised
from throughtime.training.result import Diverged

OUT = Path(__file__).parent / "results" / "long_range.jsonl"


@dataclass(frozen=True)
class RegularisedWay(TrainedWay):
    """A way with the regulariser against vanishing gradients, of this strength."""

    strength: float = 2.0

    def optimiser(self, task, network):
        first_order = super().optimiser(task, network)
        return Regularised(first_order, self.strength, per_step=True)


WAYS: dict[str, Way] = {
    **recipes.WAYS,
    # The strength is that of the authors' program, which has the mean over the steps; its rate
    # of .01 had not left the guess after 3,000 updates, and .1 was chosen on seed 300.
    "regularised": RegularisedWay(
        about="tanh units, sparse weights, clipped gradients, the regulariser",
        source="Pascanu, Mikolov and Bengio 2013",
        cell="rnn",
        init=lambda task: echo_state(0.1, 0.95),
        method="sgd",
        rate=0.1,
        clip=1.0,
        batch_size=20,
        updates=50_000,
        every=500,
        hidden=50,
    ),
}
"""The four ways, and one that is measured here alone."""

LONGER = 500, 1000, 5000
"""Lengths on which a regularised network is tested too, without having seen any so long."""

MOMENTA: dict[str, dict] = {
    "mu0=0": {"mu": 0.0},
    "mu0=.9": {"mu": 0.9},
    "mu0=.98": {"mu": 0.98},
    "classical .98": {"method": "cm", "mu": 0.98},
}
"""The columns of the table of Sutskever et al. (2013) beside .995, which is the default."""

RECIPES: dict[tuple[str, str], dict] = {
    ("lstm", "default"): {},
    ("lstm", "cosine"): {"schedule": "cosine"},
    ("lstm", "cosine, batches of 10"): {"schedule": "cosine", "batch_size": 10},
    ("hf", "default"): {},
    ("hf", "sparse"): {"init": WAYS["hf"].init, "structural": 0.03, "centred": False},
    ("hf", "states not held"): {"structural": 0.03},
    ("hf", "paper"): {"batch_size": 10_000, "curvature": 1000},
    ("hf", "by Adam"): {
        "method": "adam", "rate": 1e-3, "clip": 1.0, "curvature": None, "batch_size": 100,
        "every": 250, "schedule": "cosine",
    },
    ("esn", "default"): {},
    ("regularised", "default"): {},
    ("regularised", "rate 0.01"): {"rate": 0.01},
    ("regularised", "quarter, half, whole"): {"curriculum": ((0.25, 0.3), (0.5, 0.2))},
    ("regularised", "no regulariser"): {"strength": 1e-30},
    ("momentum", "default"): {},
    ("momentum", "paper"): {
        "init": EchoStateStart(1.1, 0.1), "rate": 1e-4, "clip": None, "schedule": "constant",
        "curriculum": (), "recurrent": 1,
    },
    ("momentum", "readout alone"): {"recurrent": 0.0},
    **{
        ("momentum", f"one rate for all, {rate}"): {"recurrent": 1, "rate": rate}
        for rate in (0.01, 0.001, 0.0001)
    },
    **{
        ("momentum", f"{name}, rate {rate}"): {**changes, "rate": rate}
        for name, changes in MOMENTA.items()
        for rate in (0.1, 0.01, 0.001)
    },
}  # fmt: skip
"""What differs from `WAYS`, by way and recipe."""

HS, MS = "Hochreiter and Schmidhuber 1997", "Martens and Sutskever 2011"
PASCANU = "Pascanu, Mikolov and Bengio 2013"
SUTSKEVER = "Sutskever et al. 2013, mean of 4 seeds"
UNDER = "under 1 % wrong, not every seed at T=200"
PUBLISHED: dict[tuple[str, int, str], tuple[str, str]] = {
    ("adding", 100, "lstm"): ("1 of 2560 wrong, 74k sequences", HS),
    ("adding", 500, "lstm"): ("0 of 2560 wrong, 209k sequences", HS),
    ("adding", 1000, "lstm"): ("1 of 2560 wrong, 853k sequences", HS),
    ("multiplication", 100, "lstm"): ("14 of 2560 wrong, 1.27M sequences", HS),
    ("temporal_order", 100, "lstm"): ("1 of 2560 wrong, 31,390 sequences", HS),
    ("adding_mean", 80, "momentum"): (".00025 wrong", SUTSKEVER),
    ("multiplication", 80, "momentum"): (".0013 wrong", SUTSKEVER),
    ("memorisation_5bit", 200, "momentum"): (".63 wrong answers", SUTSKEVER),
    ("memorisation_20bit", 80, "momentum"): (".00005 wrong answers", SUTSKEVER),
    ("temporal_order", 50, "regularised"): ("5 of 5 seeds", PASCANU),
    ("temporal_order", 100, "regularised"): ("5 of 5 seeds", PASCANU),
    ("temporal_order", 200, "regularised"): ("5 of 5 seeds", PASCANU),
    ("xor", 100, "hf"): ('success "very rare"', MS),
    **{
        (name, 200, "hf"): (UNDER, MS)
        for name in ("adding", "multiplication", "temporal_order", "temporal_order_3",
                     "random_permutation", "memorisation_5bit", "memorisation_20bit")
    },
}  # fmt: skip
"""What was published, and by whom, by task, length and way: see the papers' own settings."""


@dataclass(frozen=True)
class Cell:
    """One run; its fields name it in the file of results."""

    task: str
    length: int
    way: str
    recipe: str
    hidden: int
    updates: int | None
    share: float
    test: int
    seed: int

    def changed(self) -> Way:
        """The way as this cell has it."""
        changes = dict(RECIPES[self.way, self.recipe])
        if self.updates is not None:
            changes["updates"] = self.updates
        return replace(WAYS[self.way].for_task(task(self.task, self.length)), **changes)

    def numbers(self) -> dict:
        """Of the way, as they are now: a cell that was run with others is another one."""
        way = self.changed()
        told = {f.name: getattr(way, f.name) for f in fields(way)}
        for name in ("hidden", "about", "source", "updates", "every", "string_overrides"):
            told.pop(name, None)
        for name, value in told.items():
            if callable(value):
                told[name] = getattr(value, "__name__", None) or repr(value)
        return told


SYMBOLS = "memorisation_5bit", "memorisation_20bit"
NUMBERS = "adding", "multiplication"
RECORD: list[tuple] = [
    ("adding", 100, "lstm", "cosine", 64, 3700, 1e-9, 2560),
    ("adding", 100, "lstm", "cosine, batches of 10", 64, 7400, 0.0, 2560),
    *(("adding", T, "lstm", "cosine", 64, n, 1e-9, 2560)
      for T, n in ((500, 10_450), (1000, 10_000))),
    ("temporal_order", 100, "lstm", "cosine", 64, 1500, 1e-9, 2560),
    *((name, 80, "momentum", "default", 100, 50_000, 0.0, 10_000)
      for name in ("adding_mean", "multiplication")),
    ("memorisation_20bit", 80, "momentum", "default", 100, 10_000, 0.0, 10_000),
    ("memorisation_5bit", 200, "momentum", "default", 100, 5_000, 0.0, 2560),
    *((name, T, "hf", "default", 100, 150, 0.01, 2560)
      for T in (100, 200) for name in (*NUMBERS, *SYMBOLS)),
    *((name, T, "esn", "default", 500, None, 0.01, 2560)
      for T in (100, 200) for name in (*NUMBERS, *SYMBOLS)),
]  # fmt: skip
"""Task, length, way, recipe, units, updates, share and test of every cell, but for the seed."""


def measure(cell: Cell) -> dict:
    """Run a cell; a training that diverged says so, and has no mistakes."""
    way = cell.changed()
    row = {**cell.__dict__, "numbers": cell.numbers(), **machine()}

    def show(_, checks) -> None:
        last = checks[-1]
        said = f"{last.updates} updates, {last.seconds:.0f} s, loss {last.validation_loss:.4g}"
        print(f"  {said}, wrong {last.mistakes.share:.4f}", flush=True)

    checks = 2 if cell.share else 10**9  # in a row: more than there are, so it never ends
    criterion = Criterion(cell.share or 1, checks, test=cell.test)
    try:
        found = learn_task(
            task(cell.task, cell.length),
            way,
            seed=cell.seed,
            hidden=cell.hidden,
            criterion=criterion,
            on_check=show,
        )
    except Diverged as error:
        return {**row, "diverged": str(error)}
    longer = {}
    for length in LONGER if cell.way == "regularised" else ():
        data = TaskData(task(cell.task, length), cell.test, key=generator(cell.seed, 5))
        longer[length] = count_errors(found.network, data).wrong
    return {
        **row,
        **({"longer": longer} if longer else {}),
        **found.mistakes._asdict(),
        "tested": found.mistakes.sequences,
        "sequences": found.sequences,
        "loss": found.loss,
        "baseline": found.baseline,
        "updates_done": found.updates,
        "seconds": found.seconds,
        "solved": found.mistakes.share < 0.01,
        "stopped": found.stopped,
    }


def read(out: Path) -> list[dict]:
    """The finished cells; a line cut short by an interruption is left out."""
    rows = []
    for line in out.read_text().splitlines() if out.exists() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def table(rows: list[dict]) -> str:
    """A line for each kind of cell, over its seeds, beside the published figure."""
    kinds = defaultdict(list)
    for row in rows:
        kind = {k: v for k, v in row.items() if k in Cell.__dataclass_fields__ and k != "seed"}
        kinds[json.dumps({**kind, "numbers": row["numbers"]})].append(row)
    head = "task", "T", "way", "recipe", "units", "solved", "wrong", "of", "wrong answers, mean"
    head += "updates", "sequences", "seconds", "published"
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for _, seeded in sorted(kinds.items()):
        lines.append(f"| {' | '.join(map(str, line(seeded)))} |")
    return "\n".join(lines)


def line(seeded: list[dict]) -> list:
    """What is told of a kind: counts of each seed, their mean, and medians of the cost.

    A mean over a seed that diverged is infinite.
    """
    first = seeded[0]
    name, length, way = (first[key] for key in ("task", "length", "way"))
    lost = [row for row in seeded if "diverged" in row]
    done = [row for row in seeded if row not in lost]
    wrong = [str(row["wrong"]) for row in done] + ["diverged"] * len(lost)
    mean = statistics.fmean([row["answers"] for row in done] + [math.inf] * len(lost))
    cost = [
        f"{statistics.median(row[key] for row in done):,.0f}" if done else ""
        for key in ("updates_done", "sequences", "seconds")
    ]
    figure, source = PUBLISHED.get((name, length, way), ("", ""))
    return [
        *(name, length, way, first["recipe"], first["hidden"]),
        f"{sum(row['solved'] for row in done)} of {len(seeded)}",
        ", ".join(wrong),
        done[0]["tested"] if done else "",
        f"{mean:.3g}",
        *cost,
        f"{figure} ({source})" if source else "",
    ]


def seeds(text: str) -> Iterable[int]:
    """`3`, `1,4` or `1-4`."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def cells(options: argparse.Namespace) -> Iterable[Cell]:
    """What is asked for; of a record, the first seed of everything first."""
    if options.record:
        kinds = [kind for kind in RECORD if options.way in (None, kind[2])]
    else:
        hidden = options.hidden or WAYS[options.way].hidden
        share = 0.0 if options.all_updates else options.share
        shape = options.task, options.length, options.way, options.recipe, hidden
        kinds = [(*shape, options.updates, share, options.test)]
    for seed in seeds(options.seeds):
        yield from (Cell(*kind, seed) for kind in kinds)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="adding")
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--way", choices=sorted(WAYS), help="by default lstm; all, of a record")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--seeds", default="1-4", help="`3`, `1,4` or `1-4`")
    parser.add_argument("--hidden", type=int)
    parser.add_argument("--updates", type=int, help="at most")
    parser.add_argument("--share", type=float, default=0.01, help="wrong, below which it stops")
    parser.add_argument("--test", type=int, default=2560, help="sequences judged at the end")
    parser.add_argument("--all-updates", action="store_true", help="do not stop when solved")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--record", action="store_true", help="run all that the table is of")
    parser.add_argument("--table", action="store_true", help="print the results and leave")
    parser.add_argument("--list", action="store_true", help="print the recipes and leave")
    options = parser.parse_args()
    if options.record:
        return options
    options.way = options.way or "lstm"
    if (options.way, options.recipe) not in RECIPES:
        parser.error(f"`{options.way}` has no recipe `{options.recipe}`; see --list")
    if options.updates is not None and not isinstance(WAYS[options.way], TrainedWay):
        parser.error(f"`{options.way}` takes no --updates")
    return options


def main() -> None:
    options = parsed()
    if options.list:
        for (way, recipe), changes in RECIPES.items():
            print(f"{way:<10} {recipe:<10} {', '.join(changes) or 'as in `ways.WAYS`'}")
        return
    if options.table:
        print(table(read(options.out)))
        return
    for cell in cells(options):
        # (as it is read back: a tuple is a list)
        asked = json.loads(json.dumps({**cell.__dict__, "numbers": cell.numbers()}))
        if asked in [{name: row.get(name) for name in asked} for row in read(options.out)]:
            print(f"there already: {cell}")
            continue
        print(cell, flush=True)
        row = measure(cell)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with options.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print({name: row[name] for name in ("wrong", "loss", "seconds") if name in row})


if __name__ == "__main__":
    main()
