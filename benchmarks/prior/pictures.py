"""Pages of random series of the generator, for docs/prior-generator.md.

python benchmarks/prior/pictures.py --seed 1 --out docs/_static [--only dynamic] [--length 200]
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from generator import KINDS, draw

ROWS, COLUMNS = 12, 5


def page(batch, names, path):
    """Sixty panels: kind and seasons above each."""
    figure, axes = plt.subplots(ROWS, COLUMNS, figsize=(COLUMNS * 3.2, ROWS * 1.35))
    for axis, values, seasons, kind in zip(axes.flat, *batch, strict=True):
        axis.plot(values, color="#1f4e79", linewidth=0.7)
        told = ", ".join(str(m) for m in seasons if m > 1)
        axis.set_title(f"{names[kind]}  {told}", fontsize=7, pad=2, loc="left")
        axis.set_xticks([])
        axis.set_yticks([])
        for side in axis.spines.values():
            side.set_linewidth(0.4)
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--length", type=int, default=300)
    parser.add_argument("--only", choices=list(KINDS))
    parser.add_argument("--out", type=Path, default=Path("docs/_static"))
    options = parser.parse_args()
    names = list(KINDS)
    batch = draw(np.random.default_rng(options.seed), 4096 if options.only else 400, 640)
    keep = np.arange(len(batch.kind))
    if options.only:
        keep = keep[batch.kind == names.index(options.only)]
    keep = keep[: ROWS * COLUMNS]
    chosen = type(batch)(*(part[keep] for part in batch))
    chosen = chosen._replace(values=chosen.values[:, -options.length :])
    name = f"prior-series-{options.only}.png" if options.only else "prior-series.png"
    page(chosen, names, options.out / name)


if __name__ == "__main__":
    main()
