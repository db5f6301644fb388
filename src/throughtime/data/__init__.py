"""From a table to a series: files, columns, values, time axes, splits, scalers, bundled data.

Begin with `series.py` (what a series is), then `tables.py` (how a table becomes one). Stamps:
`stamp_readings.py` (what they can mean), `placement.py` (which meaning gives a regular axis),
`time_axis.py` (the axis), `stamp_form.py` (how it is written). Imports `errors` and `_support`.
"""
