"""A map run through time: cells, `unroll`, its three primitives, networks and their weights.

Begin with `cells.py` (one step of each cell), then `unroll.py` (all steps) and `network.py`
(cells and a readout); `architecture.py` builds a network from plain values, `ensemble.py`
stacks several, and `rollout.py` runs one in closed loop. `own_cell.py` takes a cell that is not
built in, which `cell_check.py` tries. `bptt.py` is the lecture's backward pass written out.

`newton_in_time.py` runs all steps of a cell at once, by linear recurrences
(`linear_recurrence.py`): for devices that are idle otherwise.

`primitives.py` defines the derivatives of a run through time. Its parts are
`step_equations.py` (each step and its derivatives), `primitive_arguments.py` (shapes),
`scan_lowering.py` (in JAX) and `native_kernels.py` (in C++).

Initial weights are in `initialisation.py`. Reservoirs are in `reservoir_weights.py`,
`spectral_radius.py` and `echo_state_cell.py`, and run in C++ by `native_reservoir.py`; one
without memory, which reads its own outputs, by `flow_map.py`.
`exponential_smoothing.py` is a linear cell of three rates. Imports `errors` and `_support`.
"""
