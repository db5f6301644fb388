"""Settings of a forecaster that are found by trials.

Begin with `search.py` (a search from its start to its result), then `space.py` (what is tried)
and `trial.py` (one trial). Imports the rooms from `errors` to `forecasting`.
"""
