"""The lecture's own programs, with its data, models, batches and optimisers, and its claims.

Begin with `sine.py`; `programs.py` lists them all. Imports the rooms from `errors` to
`reports`.
"""
