"""From a column of stamps to a time axis: what stamps can mean, and which meaning is regular.

Begin with `time_axis.py` (the axis), then `stamp_readings.py` (all that stamps can mean),
`placement.py` (which meaning gives a regular axis) and `stamp_form.py` (how it is written).
Imports the rooms from `errors` to `tables`.
"""
