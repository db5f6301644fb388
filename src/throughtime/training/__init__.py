"""What is minimised, and how: batches, losses, methods, the training loop, checkpoints.

Begin with `objective.py` (the loss of a batch), then `epoch.py` (one epoch as one program) and
`train.py` (the loop). `methods.py` names the methods. Imports `errors`, `_support`, `data` and
`recurrence`.
"""
