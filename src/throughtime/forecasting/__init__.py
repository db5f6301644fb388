"""A series to a forecast: splits, baselines, closed-loop prediction, intervals, backtests.

Begin with `forecaster.py` (the estimator), then `splits.py`, `predict.py` and `backtest.py` in
the order in which it uses them. Imports the rooms from `errors` to `reservoir`.
"""
