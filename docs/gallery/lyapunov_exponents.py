r"""
Lyapunov exponents as they converge
===================================

Small differences follow the tangent map and are made orthogonal at every step; their mean
rates are the exponents. Lorenz-63: one positive, one zero, one strongly negative. Their sum is
the trace of the law, :math:`-(\sigma + 1 + \beta) = -13.67`.
"""

import matplotlib.pyplot as plt

import throughtime as tt

spectrum = tt.lyapunov_of_system(tt.system("lorenz63"), time=200)
print("exponents", spectrum.exponents, "sum", spectrum.exponents.sum())

fig, (top, bottom) = plt.subplots(2, figsize=(8, 4.4), sharex=True, layout="constrained")
for i, known in enumerate((0.9056, 0.0, -14.572)):
    ax = bottom if i == 2 else top
    ax.plot(spectrum.times, spectrum.running[:, i], f"C{i}", label=f"exponent {i + 1}")
    ax.axhline(known, color="0.5", lw=0.8, ls="--")
    ax.legend(frameon=False)
top.set(ylim=(-0.5, 1.5))
bottom.set(xlabel="time", ylim=(-15.5, -13.5))
