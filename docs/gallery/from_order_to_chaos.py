r"""
From order to chaos
===================

The logistic map :math:`x_{n+1} = r x_n (1 - x_n)`: where it goes, and its Lyapunov exponent
below. Where the exponent is above zero, neighbours part.
"""

import matplotlib.pyplot as plt
import numpy as np

import throughtime as tt

logistic = tt.system("logistic")
rates = np.linspace(2.8, 4.0, 600)
starts = np.full((len(rates), 1), 0.3)
orbits = tt.simulate(logistic, 400, start=starts, parameters={"r": rates})[:, 200:, 0]

# The exponent is the mean of ln |f'(x)| along the orbit.
slopes = np.abs(rates[:, None] * (1 - 2 * orbits))
exponents = np.log(np.maximum(slopes, 1e-12)).mean(axis=1)

fig, (top, bottom) = plt.subplots(2, figsize=(8, 5), sharex=True, layout="constrained")
top.plot(np.repeat(rates, orbits.shape[1]), orbits.ravel(), "k,", alpha=0.3)
top.set(ylabel="x")
bottom.plot(rates, exponents, lw=0.8)
bottom.axhline(0, color="0.5", lw=0.8)
bottom.set(xlabel="r", ylabel="Lyapunov exponent", ylim=(-2, 1))
