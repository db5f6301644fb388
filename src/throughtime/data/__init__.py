"""Series: from columns and a time axis to what is learned, with its inputs, splits and scalers.

Begin with `series.py` (what a series is), then `loading.py` (how a table becomes one) and
`column_roles.py` (which columns are what). Inputs: `input_columns.py`, `calendar_features.py`,
`future_inputs.py`. Gaps: `missing_values.py`. Imports the rooms from `errors` to `stamps`.
"""
