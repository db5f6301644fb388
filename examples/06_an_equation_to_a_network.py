"""
An equation to a network
========================

Equations as text become a network that solves them, also for forces it has never met.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np

import throughtime as tt
from throughtime.reports import dynamics_figures, figure_style

# %%
# Newton's equation, damped and driven. The network learns from 100 trajectories whose starts,
# damping and frequency lie in these ranges, and is evaluated in closed loop on 50 others.

newton = "x' = v; v' = F - damping*v - x; F = cos(w*t); damping = 0.2; w = 1.2"
ranges = {"x": (-2, 2), "v": (-2, 2), "damping": (0.1, 0.5), "w": (0.5, 2)}
model = tt.Surrogate(newton, ranges=ranges, dt=0.5, trajectories=100).fit()
evaluation = model.evaluate(50, 200)
print(*evaluation.sentences(), sep="\n")

# %%
# Now a force of a kind that the equation does not name.


def beat(t, parameters):
    """A force of two waves; that of the equation has one."""
    return jnp.stack([0.7 * jnp.cos(0.9 * t) + 0.4 * jnp.sin(1.7 * t)])


other = model.evaluate(50, 200, drive=beat)
print(f"Under a force of another kind: {other.sentences()[0]}")

# %%
# One trajectory, beside Euler's scheme with the same steps.

which = int(np.argsort(evaluation.errors)[25])
t, shown = 0.5 * np.arange(121), slice(121)
curves = {
    "truth": (t, evaluation.unseen.states[which, shown, 0]),
    "network": (t, evaluation.solution[which, shown, 0]),
    "Euler, the same steps": (t, evaluation.scheme("euler", which)[shown, 0]),
}
folder = Path("runs/examples")
folder.mkdir(parents=True, exist_ok=True)
figure = dynamics_figures.time_series(curves, "An unseen oscillator", ("time", "x"))
figure_style.save(figure, folder / "oscillator.png")
