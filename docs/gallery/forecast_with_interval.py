r"""
A forecast and its interval
===========================

El Niño, monthly: two years ahead of what was measured, with the interval that is to hold 90 %.
"""

import matplotlib.pyplot as plt
import numpy as np

import throughtime as tt

series = tt.load_dataset("elnino")
model = tt.Forecaster(hidden=16, ensemble=2, epochs=40).fit(series)
forecast = model.predict(24)

measured = np.asarray(series.targets)[-60:, 0]
ahead = np.arange(24)
fig, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
ax.plot(np.arange(-60, 0), measured, color="0.3", lw=1.2, label="measured")
ax.fill_between(
    ahead, forecast.lower[:, 0], forecast.upper[:, 0], alpha=0.25, lw=0, label="90 %"
)
ax.plot(ahead, forecast.mean[:, 0], color="C0", label="forecast")
ax.set(xlabel="months from the end of the series", ylabel="sea surface, °C")
ax.legend(frameon=False, ncols=3)
