"""Equations to surrogates, and what a map does when it is left alone.

Begin with `systems.py` and `simulate.py` (equations through time), then `surrogate.py` (a
network that learns them); or with `maps.py` and `lyapunov.py` (what a map does), then
`diagnose.py`. Imports the rooms from `errors` to `forecasting`.
"""
