"""A map run through time: cells, `unroll`, its three primitives, networks and their weights.

Begin with `cells.py` (one step of each cell), then `unroll.py` and `primitives.py` (all steps
and their derivatives), then `network.py`. `bptt.py` is the lecture's backward pass written
out. Imports `errors` and `_support`.
"""
