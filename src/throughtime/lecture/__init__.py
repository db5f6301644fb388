"""The lecture's own programs, with its data, models, batches and optimisers.

Begin with `sine.py`; `programs.py` lists them all. Imports the rooms from `errors` to
`reports`.
"""
