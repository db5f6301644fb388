r"""The baseline of a surrogate: a linear map that reads what the network reads.

$$y_{n+1} = \sum_j q_j(p)\, A_j (1, y_n, u_n)$$

with $q_j$ the products of the parameters up to the second order; the $A_j$ by least squares on
the same trajectories. Of a linear system it is nearly exact, whatever the step.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from .trajectories import Trajectories


@dataclass(frozen=True)
class LinearMap:
    """A fitted map; `coefficients`, `(feature, variable)`; `told`: how many parameters."""

    coefficients: Float64[np.ndarray, "feature variable"]
    told: int

    @classmethod
    def fit(cls, training: Trajectories, told: int) -> "LinearMap":
        """Least squares over all steps of all trajectories; `told` inputs are parameters."""
        before, after = training.states[:, :-1], training.states[:, 1:]
        features = _features(before, training.inputs, told)
        size = features.shape[-1]
        scale = np.abs(features).max(axis=(0, 1))
        scaled = (features / np.where(scale > 0, scale, 1)).reshape(-1, size)
        found = np.linalg.lstsq(scaled, after.reshape(len(scaled), -1), rcond=None)[0]
        return cls(found / np.where(scale > 0, scale, 1)[:, None], told)

    def solve(
        self,
        start: Float64[np.ndarray, "trajectory variable"],
        inputs: Float64[np.ndarray, "trajectory step input"],
    ) -> Float64[np.ndarray, "trajectory time variable"]:
        """Closed-loop: its answers are its next states."""
        states = [start]
        with np.errstate(over="ignore", invalid="ignore"):
            for n in range(inputs.shape[1]):
                features = _features(states[-1], inputs[:, n], self.told)
                states.append(features @ self.coefficients)
        return np.stack(states, axis=1)


def _features(states: np.ndarray, inputs: np.ndarray, told: int) -> np.ndarray:
    """(1, y, u), times each product of at most two parameters."""
    driven, p = inputs[..., : inputs.shape[-1] - told], inputs[..., inputs.shape[-1] - told :]
    one = np.ones((*states.shape[:-1], 1))
    read = np.concatenate([one, states, driven], axis=-1)
    with_one = np.concatenate([one, p], axis=-1)
    rows, columns = np.triu_indices(told + 1)
    products = with_one[..., rows] * with_one[..., columns]
    return (products[..., :, None] * read[..., None, :]).reshape(*states.shape[:-1], -1)
