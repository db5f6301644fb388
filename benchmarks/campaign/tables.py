"""Tables damaged at random; `benchmarks/mutated_tables.py` alone prints the messages."""

import collections
import random
from pathlib import Path

import mutated_tables

from throughtime.data.loading import to_series
from throughtime.errors import InputError


def run_part(folder: Path, count: int, seed: int, show=print) -> dict:
    """Read `count` tables: refused in one line, or every number is one that is written."""
    kinds, faults = collections.Counter(), []
    for number in range(count):
        raw, target = mutated_tables.mutated(random.Random(seed * 1_000_003 + number))
        path = folder / f"lab{number}.csv"
        path.write_bytes(raw)
        try:
            wrong = mutated_tables.misread(raw, to_series(path, target=target))
            kinds["misread" if wrong else "read"] += 1
            if wrong:
                faults.append(f"misread, seed {seed}, number {number}: {wrong}")
        except InputError as error:
            kinds["refused in one line"] += 1
            if "\n" in str(error):
                faults.append(f"seed {seed}, number {number}: more than a line: {error}")
        except Exception as error:
            faults.append(
                f"seed {seed}, number {number}: {type(error).__name__}: {error}"[:300]
            )
        path.unlink()
        if number % 1000 == 999:
            show(f"{number + 1} tables, {len(faults)} faults")
    return {"came of it": dict(kinds), "faults": faults}
