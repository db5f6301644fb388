"""The third way to train: fixed random recurrent weights, and a readout found by regression.

Begin with `states.py` (a reservoir run through time), then `ridge.py` (the regression) and
`echo_state.py` (both together). Imports the rooms from `errors` to `training`.
"""
