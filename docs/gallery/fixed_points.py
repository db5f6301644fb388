r"""
Fixed points of Lorenz-63
=========================

Where a system stands still, and whether it would stay there: the absolute eigenvalues of the
slopes of a step are below one where it is stable.
"""

import matplotlib.pyplot as plt
import numpy as np

import throughtime as tt

lorenz = tt.system("lorenz63")
states = tt.simulate(lorenz, 4000, dt=0.01, transient=20)
points = tt.fixed_points(tt.map_of_system(lorenz))

fig, ax = plt.subplots(figsize=(6, 4.4), layout="constrained")
ax.plot(states[:, 0], states[:, 2], color="0.6", lw=0.5)
for point in points:
    x, _, z = point.states[0]
    ax.plot(x, z, "o", color="C2" if point.stable else "C3", ms=7)
    largest = np.abs(point.eigenvalues).max()
    ax.annotate(f"{largest:.3f}", (x, z), xytext=(6, 6), textcoords="offset points")
ax.set(xlabel="x", ylabel="z", title="largest |eigenvalue| at each fixed point")
