"""Arrays of a safetensors file in another shape or type, as a forger would write them."""

import numpy as np
from safetensors.numpy import load, save

from throughtime.training.checkpoint import metadata_of

CHANGES = {
    "one axis more": lambda a: a[None],
    "flat": lambda a: a.ravel(),
    "transposed": lambda a: a.T,
    "cut": lambda a: a[: len(a) - 1],
    "the last axis cut": lambda a: a[..., :-1],
    "twice": lambda a: np.concatenate([a, a]),
    "empty": lambda a: a[:0],
    "one number": lambda a: a.ravel()[0],
    "single precision": lambda a: a.astype(np.float32),
    "whole numbers": lambda a: np.nan_to_num(a).astype(np.int64),
}


def forgeries(content, count, seed=0):
    """So many files, each with one array that is another one, and what was changed."""
    rng, arrays = np.random.default_rng(seed), load(content)
    all_of_them = [(name, how) for name in arrays for how in CHANGES]
    for index in rng.permutation(len(all_of_them)):
        name, how = all_of_them[index]
        if not arrays[name].size:
            continue
        with np.errstate(all="ignore"):
            other = np.ascontiguousarray(CHANGES[how](arrays[name]))
        if other.shape != arrays[name].shape or other.dtype != arrays[name].dtype:
            yield f"{name}: {how}", save({**arrays, name: other}, metadata_of(content))
            count -= 1
        if not count:
            return
