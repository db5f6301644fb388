r"""
The error at each lead time, beside the baselines
=================================================

A forecast is worth what it gains over what one would use instead, on the same origins. The
Santa Fe laser: the forecast and its parts, a linear autoregression, and persistence.
"""

import throughtime as tt
from throughtime.reports import error_figures

model = tt.Forecaster(hidden=32, ensemble=2, epochs=40).fit(tt.load_dataset("laser"))
backtest = model.backtest(steps=20)
figure = error_figures.error_by_lead_time(backtest)
