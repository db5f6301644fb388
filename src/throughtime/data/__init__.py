"""A table to a series: files, dialects, columns, values, time axes, scalers, bundled data.

Begin with `series.py` (what a series is), then `tables.py` (how a table becomes one). Imports
`errors` and `_support`.
"""
