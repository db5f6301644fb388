"""From a series to a forecast: splits, training, closed-loop prediction, backtests.

Begin with `forecaster.py` (the estimator), then read what it uses: `splits.py` (what training,
validation and testing may see), `ensemble_training.py`, `predict.py` (closed-loop forecasts),
`combined_predictor.py` (networks beside the other models of a series) and `backtest.py`
(rolling origins and errors). `verdict.py` puts a backtest into words. Imports the rooms from
`errors` to `models`.
"""
