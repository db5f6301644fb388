"""Write trained weights of the prior into the package, in half precision.

python benchmarks/prior/export.py prior/network.eqx
"""

import argparse
from pathlib import Path

import equinox as eqx
import numpy as np
from safetensors.numpy import save_file

from throughtime.models.prior import WEIGHTS, tensors_of
from throughtime.models.prior_network import PriorNetwork

PACKAGE = Path(__file__).parents[2] / "src" / "throughtime" / "forecasting"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", type=Path)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--width", type=int, default=96)
    options = parser.parse_args()
    empty = PriorNetwork(options.hidden, options.width, key=0)
    network = eqx.tree_deserialise_leaves(options.network, empty)
    tensors = {name: x.astype(np.float16) for name, x in tensors_of(network).items()}
    save_file(tensors, PACKAGE / WEIGHTS)
    size = (PACKAGE / WEIGHTS).stat().st_size
    print(f"{sum(x.size for x in tensors.values()):,} weights, {size:,} bytes")


if __name__ == "__main__":
    main()
