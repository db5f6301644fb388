"""Training: what is minimised, and how.

Begin with `objective.py`, the loss of a batch and its mask (`step_weights`); then `epoch.py`,
one epoch, and `program.py`, which compiles it once; then `train.py`, the loop. `methods.py` and
`losses.py` list methods and losses by name. Imports `errors`, `_support`, `data`
and `recurrence`.
"""
