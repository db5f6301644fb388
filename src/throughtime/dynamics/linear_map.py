r"""The baseline of a surrogate: a linear map with the same inputs as the network.

$$y_{n+1} = \sum_j q_j(p)\, A_j (1, y_n, u_n)$$

where $q_j$ are the products of the parameters up to the second order and the $A_j$ are fitted
by least squares on the same trajectories. For a linear system it is nearly exact, whatever the
time step.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from .trajectories import Trajectories


@dataclass(frozen=True)
class LinearMap:
    """A fitted linear map.

    Attributes
    ----------
    coefficients
        `(feature, variable)`.
    parameters
        The number of inputs, the last ones, that are parameters of the system.
    """

    coefficients: Float64[np.ndarray, "feature variable"]
    parameters: int

    @classmethod
    def fit(cls, training: Trajectories, parameters: int) -> "LinearMap":
        """Least squares over all steps of all trajectories."""
        before, after = training.states[:, :-1], training.states[:, 1:]
        features = _features(before, training.inputs, parameters)
        size = features.shape[-1]
        largest = np.abs(features).max(axis=(0, 1))
        scale = np.where(largest > 0, largest, 1)
        scaled = (features / scale).reshape(-1, size)
        solution = np.linalg.lstsq(scaled, after.reshape(len(scaled), -1), rcond=None)[0]
        return cls(solution / scale[:, None], parameters)

    def solve(
        self,
        start: Float64[np.ndarray, "trajectory variable"],
        inputs: Float64[np.ndarray, "trajectory step input"],
    ) -> Float64[np.ndarray, "trajectory time variable"]:
        """Iterate the map in closed loop: each output is the next state."""
        states = [start]
        with np.errstate(over="ignore", invalid="ignore"):
            for n in range(inputs.shape[1]):
                features = _features(states[-1], inputs[:, n], self.parameters)
                states.append(features @ self.coefficients)
        return np.stack(states, axis=1)


def _features(states: np.ndarray, inputs: np.ndarray, parameters: int) -> np.ndarray:
    """(1, y, u) times each product of at most two parameters."""
    driven = inputs.shape[-1] - parameters
    u, p = inputs[..., :driven], inputs[..., driven:]
    one = np.ones((*states.shape[:-1], 1))
    linear = np.concatenate([one, states, u], axis=-1)
    p = np.concatenate([one, p], axis=-1)
    rows, columns = np.triu_indices(parameters + 1)
    products = p[..., rows] * p[..., columns]
    return (products[..., :, None] * linear[..., None, :]).reshape(*states.shape[:-1], -1)
