r"""
A reservoir goes on with Mackey-Glass
=====================================

An echo state network is fitted by regression to a series of a delay equation, then runs by
itself. It follows the truth for some time, then leaves it: the equation is chaotic.
"""

import matplotlib.pyplot as plt
import numpy as np

import throughtime as tt

series = tt.simulate(tt.system("mackey-glass"), 3800, dt=1.0, transient=1000)[:, 0]
series = series - series.mean()
design = tt.ReservoirDesign(units=500, outputs=1, radius=0.9, input_scale=0.5, bias_scale=0.2)
network = tt.EchoStateNetwork.fit(design.draw(0), series[:3000])
ahead = network.generate(800)[:, 0]

fig, (top, bottom) = plt.subplots(2, figsize=(8, 4.4), sharex=True, layout="constrained")
top.plot(series[3000:3800], color="0.3", label="truth")
top.plot(ahead, "C1--", lw=1.2, label="network, by itself")
top.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.97), borderaxespad=0)
bottom.semilogy(np.abs(ahead - series[3000:3800]), lw=1)
bottom.set(xlabel="steps", ylabel="error")
