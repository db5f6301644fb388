"""From a table to a series: files, columns, values, time axes, splits, scalers, bundled data.

Begin with `series.py` (what a series is), then `tables.py` (how a table becomes one). Imports
`errors` and `_support`.
"""
