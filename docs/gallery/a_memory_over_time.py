r"""
A memory over time
==================

The adding task: of a sequence of random numbers two are marked, and their sum is asked for at
the end. An LSTM learns it; between the marks its memory cells hold what was read.
"""

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import throughtime as tt

task = tt.task("adding", 40)
learned = tt.learn_task(task, tt.way("lstm", updates=3000), seed=0, hidden=32)
print(f"{learned.mistakes.wrong} of {learned.mistakes.sequences} wrong: {learned.stopped}")

# One sequence by hand: random numbers, marked at steps 8 and 30.
numbers = np.random.default_rng(1).uniform(-1, 1, 40)
marks = np.zeros(40)
marks[[8, 30]] = 1
xs = jnp.asarray(np.stack([numbers, marks], axis=1)[None], jnp.float32)

cell = learned.network.cells[0]
state, memory = cell.initial_state(1), []
for x in cell.drive(xs[0][:, None]):
    state = cell.step(x, state)
    memory.append(state.c[0])
memory = np.array(memory)

# The three cells that the marked numbers move most.
fig, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
written = np.abs(memory[8] - memory[7]) + np.abs(memory[30] - memory[29])
for unit in np.argsort(written)[-3:]:
    ax.plot(memory[:, unit], lw=1.2)
for mark in (8, 30):
    ax.axvline(mark, color="0.5", lw=0.8, ls="--")
ax.set(xlabel="step", ylabel="c of three memory cells")
