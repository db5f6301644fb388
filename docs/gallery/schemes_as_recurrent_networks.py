r"""
A scheme is a recurrent network
===============================

The lecture's oscillator, :math:`x'' + \eta x' + x = F(t)`, solved by Euler's scheme
:math:`y_{n+1} = y_n + h f(y_n)`, which is a recurrent network without weights to learn, by
Runge and Kutta's with the same steps, and to a tolerance.
"""

import matplotlib.pyplot as plt
import numpy as np

import throughtime as tt

oscillator = tt.system("oscillator")
step, steps = 0.25, 160
t = step * np.arange(steps + 1)

fig, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
for scheme, look in {"adaptive": "k-", "rk4": "C0--", "euler": "C1-"}.items():
    substeps = None if scheme == "adaptive" else 1
    x = tt.simulate(oscillator, steps, dt=step, scheme=scheme, substeps=substeps)[:, 0]
    ax.plot(t, x, look, lw=1.3, label=scheme)
ax.set(xlabel="time", ylabel="x", title=f"steps of {step}")
ax.legend(frameon=False, ncols=3)
