"""
Forecast a measured series
==========================

Forecast the bundled sunspots, and see whether the network is worth it.
"""

import throughtime as tt

sunspots = tt.load_dataset("sunspots")
model = tt.Forecaster(hidden=16, ensemble=2, epochs=30).fit(sunspots)

# %%
# The last fifth of the series was held out. On it, the error at each lead time, beside what
# one would use instead.

print(model.backtest(steps=10).table())

# %%
# The forecast beyond the end of the series, with intervals of 90 %.

forecast = model.predict(5)
for year, mean, low, high in zip(
    forecast.times.labels(),
    forecast.mean[:, 0],
    forecast.lower[:, 0],
    forecast.upper[:, 0],
    strict=True,
):
    print(f"{year}: {mean:.0f} ({low:.0f} to {high:.0f})")
