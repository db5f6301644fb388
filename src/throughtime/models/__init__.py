"""The models of one series that stand beside its networks, weighed by their rolling errors.

Begin with `series_model.py` (all of it for one series), then `component.py` (what a fitted
model is) and `model_kinds.py` (which there are): `autoregression.py`, `direct_linear.py`,
`smoothing.py`, `intermittent.py`, `prior.py`. What a series is like: `traits.py`,
`seasonality.py`, `transforms.py`, `outliers.py`. How they are weighed: `rolling_errors.py`,
`combination.py`; how sure they are: `calibration.py`, `intervals.py`. Imports the rooms from
`errors` to `recurrence`.
"""
