"""From a series to a forecast: splits, training, closed-loop prediction, intervals, backtests.

Begin with `forecaster.py` (the estimator), then read what it uses: `splits.py` (what training,
validation and testing may see), `ensemble_training.py`, `predict.py` (closed-loop forecasts),
`intervals.py` (where prediction intervals are made), `backtest.py` (rolling origins and errors)
and `baselines.py`. `verdict.py` puts a backtest into words. Imports the rooms from `errors` to
`reservoir`.
"""
