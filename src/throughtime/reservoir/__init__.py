"""The third way to train: recurrent weights that are drawn once, and a readout by regression.

Begin with `states.py` (a reservoir run through time), then `ridge.py` (the regression) and
`echo_state.py` (both together). Imports the rooms from `errors` to `training`.
"""
