"""
What it does when left alone
============================

A network that has learned Lorenz-63 is compared with it by its dynamics, in a free run.
"""

from pathlib import Path

import numpy as np

import throughtime as tt
from throughtime.reports import dynamics_figures, figure_style

# %%
# The network learns from 50 trajectories, which start in a box around the attractor.

ranges = {"x": (-18, 18), "y": (-24, 24), "z": (4, 44)}
options = {"cell": "lstm", "window": 16, "trajectories": 50, "epochs": 200}
model = tt.Surrogate("lorenz63", ranges=ranges, **options).fit()
found = tt.diagnose(model)
print(*found.sentences(), sep="\n")

# %%
# The attractor of the network beside that of the system, with the fixed points of the network.

truth, free = found.model.truth, found.attractor
points = [found.position(point) for point in found.fixed_points or []]
stable = [point.stable for point in found.fixed_points or []]


def of(kind):
    """x and z of the stable or of the unstable fixed points."""
    chosen = [p for p, s in zip(points, stable, strict=True) if s == kind]
    return np.array([p[0] for p in chosen]), np.array([p[2] for p in chosen])


figure = dynamics_figures.phase_portrait(
    {"Lorenz-63": (truth[:, 0], truth[:, 2]), "network, free run": (free[:, 0], free[:, 2])},
    ("x", "z"),
    {"stable": of(True), "unstable": of(False)},
)
folder = Path("runs/examples")
folder.mkdir(parents=True, exist_ok=True)
figure_style.save(figure, folder / "lorenz.png")

# %%
# The Lyapunov exponents as they converge, beside those of the system.

spectrum = found.behaviour.spectrum
figure = dynamics_figures.lyapunov_exponents(
    spectrum.times, spectrum.running, found.model.exponents
)
figure_style.save(figure, folder / "exponents.png")
