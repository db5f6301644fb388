"""Equations to surrogates, and the long-term dynamics of maps.

Begin with `systems.py` and `simulate.py` (equations through time), then `surrogate.py` (a
network that learns them); or with `maps.py` and `lyapunov.py` (what a map does), then
`diagnose.py`. Imports the rooms from `errors` to `forecasting`.
"""
