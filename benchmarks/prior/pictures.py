"""A page of random series of the generator, a row a kind, for docs/prior-generator.md.

    python benchmarks/prior/pictures.py
    python benchmarks/prior/pictures.py --only dynamic --seed 3 --out /tmp

With `--only`, twelve rows of one kind. Shown are the last `--length` of 640 steps.
"""

import argparse
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from generator import KINDS, draw
from PIL import Image

COLUMNS = 5
DOCS = Path(__file__).parents[2] / "docs"


def page(values, titles, path):
    """Five panels a row; few colours, so that the file is small."""
    rows = len(values) // COLUMNS
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(COLUMNS * 2.6, rows * 1.15))
    for axis, series, title in zip(axes.flat, values, titles, strict=True):
        axis.plot(series, color="#1f4e79", linewidth=0.7)
        axis.set_title(title, fontsize=7, pad=2, loc="left")
        axis.set_xticks([])
        axis.set_yticks([])
        for side in axis.spines.values():
            side.set_linewidth(0.4)
    figure.tight_layout(pad=0.3)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=100)
    plt.close(figure)
    Image.open(drawn).convert("RGB").quantize(16).save(path, optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--length", type=int, default=240)
    parser.add_argument("--only", choices=list(KINDS))
    parser.add_argument("--out", type=Path, default=DOCS)
    options = parser.parse_args()
    names = list(KINDS)
    batch = draw(np.random.default_rng(options.seed), 4096, 640)
    shown, each = ([options.only], 60) if options.only else (names, COLUMNS)
    rows = [np.flatnonzero(batch.kind == names.index(name))[:each] for name in shown]
    rows = np.concatenate(rows)
    titles = []
    for kind, seasons in zip(batch.kind[rows], batch.seasons[rows], strict=True):
        titles.append(f"{names[kind]}  " + ", ".join(str(m) for m in seasons if m > 1))
    ending = f"-{options.only}" if options.only else ""
    page(
        batch.values[rows, -options.length :], titles, options.out / f"prior-series{ending}.png"
    )


if __name__ == "__main__":
    main()
