"""
Two of the four ways
====================

A reservoir that goes on with a series by itself, and an LSTM that remembers two symbols.
"""

import numpy as np

import throughtime as tt

# %%
# An echo state network: the weights are drawn, only the readout is fitted.

t = np.arange(2600)
series = np.sin(0.2 * t) * np.cos(0.033 * t)
reservoir = tt.ReservoirDesign(units=200, outputs=1, radius=0.95, bias_scale=0.5).draw(0)
network = tt.EchoStateNetwork.fit(reservoir, series[:2500])
ahead = network.generate(100)[:, 0]
print(f"100 steps by itself, largest error: {abs(ahead - series[2500:]).max():.2g}")

# %%
# A long-range task, by any of the ways `lstm`, `hf`, `esn` and `momentum`.

order = tt.task("temporal_order", 20)
solved = tt.learn_task(order, tt.way("lstm", updates=400), seed=0, hidden=32)
print(f"{solved.stopped}: {solved.mistakes.wrong} of {solved.mistakes.sequences} wrong")
