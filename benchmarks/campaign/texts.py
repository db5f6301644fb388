"""Equations that were changed at random; `benchmarks/equation_texts.py` alone prints more."""

import collections
import random
from pathlib import Path

import equation_texts


def run_part(folder: Path, count: int, seed: int, show=print) -> dict:
    """Read `count` texts, and solve a twentieth of them."""
    chance, kinds, faults = random.Random(seed), collections.Counter(), []
    for number in range(count):
        text = equation_texts.changed(chance)
        try:
            kind = equation_texts.answer(text, chance.random() < 0.05)
            kinds[kind if kind in ("read", "solved") else "refused in one line"] += 1
        except Exception as error:
            faults.append(f"{text!r}: {type(error).__name__}: {str(error)[:200]}")
        if number % 1000 == 999:
            show(f"{number + 1} texts, {len(faults)} faults")
    return {"came of it": dict(kinds), "faults": faults}
