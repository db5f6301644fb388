"""The lecture's own programs, with its data, model, batches and optimiser.

Begin with `programs.py`. Imports the rooms from `errors` to `reports`.
"""
