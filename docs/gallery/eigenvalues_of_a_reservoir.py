r"""
The eigenvalues of a reservoir
==============================

Recurrent weights of an echo state network are drawn once and scaled so that the largest
absolute eigenvalue is exactly the spectral radius asked for. Sparse weights fill the disc
(Girko's law); a cycle has its eigenvalues on the circle.
"""

import matplotlib.pyplot as plt
import numpy as np

import throughtime as tt

circle = np.exp(1j * np.linspace(0, 2 * np.pi, 200))
fig, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, topology in zip(axes, ("sparse", "cycle"), strict=True):
    design = tt.ReservoirDesign(units=300, outputs=1, radius=0.9, topology=topology)
    W = design.draw(0).W
    eigenvalues = np.linalg.eigvals(W.toarray() if hasattr(W, "toarray") else np.asarray(W))
    ax.plot(circle.real, circle.imag, color="0.6", lw=0.8)
    ax.plot(eigenvalues.real, eigenvalues.imag, ".", ms=4)
    ax.set_aspect("equal")
    ax.set_title(f"{topology}: largest |eigenvalue| {abs(eigenvalues).max():.3f}", fontsize=10)
