r"""The regulariser against vanishing gradients (Pascanu, Mikolov and Bengio 2013, section 3.3).

With $x_k = W h_{k-1} + U u_k + b$ the input of a tanh unit, $h_k = \tanh x_k$, and E the loss,

$$\Omega = \sum_k \left(
  \frac{\left\| \frac{\partial E}{\partial x_{k+1}}\, W\, \mathrm{diag}(1 - h_k^2) \right\|}
       {\left\| \frac{\partial E}{\partial x_{k+1}} \right\|} - 1 \right)^2$$

is 0 where the gradient keeps its length when it is propagated back by one more step. The norm
is taken only along the direction of the gradient itself. $\Omega$ is averaged over the batch.
Of its derivative only the immediate part is used: that with respect to W, with h and the
gradients of E held constant.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from throughtime.errors import InputError
from throughtime.recurrence.cells import RNN
from throughtime.recurrence.network import Network

from .batches import Batch
from .objective import Info, MeanLoss, Method

States = Float[Array, "batch time hidden"]


def regulariser(
    W: Float[Array, "hidden hidden"],
    hs: States,
    gradients: States,
    mask: Bool[Array, " batch"] | None = None,
    *,
    per_step: bool = False,
) -> Float[Array, ""]:
    r"""$\Omega$; see the head of this module.

    Parameters
    ----------
    W
        The weights from hidden to hidden units, `(hidden, hidden)`.
    hs
        The hidden states $h_k$ of a tanh cell, `(batch, time, hidden)`.
    gradients
        $\partial E / \partial x_k$, `(batch, time, hidden)`. Steps where they are 0 (in the
        padding, or after the last target) are left out.
    mask
        Which examples of the batch count, `(batch,)`; all of them when None.
    per_step
        Whether to take the mean over the steps of all examples that are not left out, instead
        of the sum.

    Returns
    -------
    Array, ()
        $\Omega$.
    """
    following = gradients[:, 1:]
    # Gradients may be so small that their squares are 0: only their direction counts.
    size = jnp.abs(following).max(axis=-1, keepdims=True)
    nonzero = size >= jnp.finfo(size.dtype).tiny
    following = jnp.where(nonzero, following / jnp.where(nonzero, size, 1), 0)
    length = jnp.linalg.norm(following, axis=-1, keepdims=True)
    direction = following / jnp.where(nonzero, length, 1)
    back = (direction @ W) * (1 - hs[:, :-1] ** 2)
    terms = jnp.where(nonzero[..., 0], (_norm(back) - 1) ** 2, 0)  # (batch, time - 1)
    if per_step:
        return terms.sum() / jnp.maximum(nonzero.sum(), 1)
    examples = len(hs) if mask is None else jnp.maximum(mask.sum(), 1)
    return terms.sum() / examples


class Regularised(NamedTuple):
    r"""A method that minimises $E + \lambda \Omega$, by the updates of another method.

    $\Omega$ and its derivative come with the backward pass that gives the gradient of E.
    `Info.loss` is E, so that it compares with the loss over other data; $\Omega$ is `omega`
    among the quantities.

    The method is for networks of one tanh cell. Where states are carried from batch to batch,
    the step from one batch to the next is left out.

    Parameters
    ----------
    method
        The other method, any that follows the gradient.
    strength
        $\lambda$.
    per_step
        Whether $\Omega$ is a mean over the steps, instead of the paper's sum over them. Then
        `strength` does not depend on the length of the sequences. (The program published by the
        authors takes the mean, squares both norms, and has $\lambda = 2$.)

    Raises
    ------
    InputError
        From `init`, for a strength that is not positive and finite; from `step`, for another
        kind of network, a network that reads its own outputs (a `forcing` other than `full`),
        or an objective without the attributes `network` and `loss`.
    """

    method: Method
    strength: float | int
    per_step: bool = False

    @property
    def members(self) -> int | None:
        """The number of members with a rate or clip of their own in the other method."""
        return getattr(self.method, "members", None)

    @property
    def rate(self) -> float | tuple[float, ...] | None:
        """The rate of the other method, if it has one."""
        return getattr(self.method, "rate", None)

    @property
    def quantities(self) -> tuple[str, ...]:
        """The names in `Info.quantities`."""
        return (*getattr(self.method, "quantities", ()), "omega")

    def init(self, params: PyTree, *member: Any) -> PyTree:
        if not 0 < self.strength < math.inf:
            rule = "`strength` must be positive and finite"
            raise InputError(rule, self.strength, "Set `strength` to a number such as 1.0.")
        return self.method.init(params, *member)

    def step(self, objective, params, state, batch):
        if batch.forcing_weights is not None:  # then the gradient flows back by V and U too
            rule = "the regulariser is for networks that read the data alone"
            got = "a `forcing` that feeds outputs back"
            raise InputError(rule, got, 'Use `forcing="full"`, or another method.')
        penalised = _penalised(objective, self.strength, self.per_step)
        params, state, info = self.method.step(penalised, params, state, batch)
        loss, omega, auxiliary = info.auxiliary
        quantities = {**info.quantities, "omega": omega}
        return params, state, Info(loss, info.gradient_norm, auxiliary, quantities)


def _penalised(objective: Any, strength: float | int, per_step: bool) -> MeanLoss:
    """The objective plus the penalty; its auxiliary output is E, omega, and that of E."""
    fields = {f.name for f in getattr(objective, "__dataclass_fields__", {}).values()}
    if not fields >= {"network", "loss"}:
        rule = "the regulariser needs an objective with attributes `network` and `loss`"
        raise InputError(rule, type(objective).__name__, "Use it with `train`.")

    def value(params: PyTree, batch: Batch):
        constant = jax.lax.stop_gradient(params)
        loss, auxiliary, hs, gradient, state_gradients = _gradients(objective, constant, batch)
        mask = (batch.weights.reshape(len(hs), -1) > 0).any(axis=1)

        def penalty(params):
            W = objective.network(params).cells[0].W
            return regulariser(W, hs, state_gradients, mask, per_step=per_step)

        omega, of_penalty = jax.value_and_grad(penalty)(constant)
        total = jax.tree.map(lambda g, p: g + strength * p, gradient, of_penalty)
        value = _with_gradient(params, loss + strength * omega, total)
        return value, (loss, omega, auxiliary)

    return value


def _gradients(objective: Any, params: PyTree, batch: Batch):
    """E, its auxiliary output, the hidden states, and the gradients of E in weights and x_k."""
    cell = _only_cell(objective.network(params))
    zeros = jnp.zeros((*batch.inputs.shape[:2], cell.hidden_size), cell.W.dtype)

    def loss(params, perturbation):
        perturbed = dataclasses.replace(
            objective,
            network=lambda params: _PerturbedNetwork(objective.network(params), perturbation),
        )
        value, auxiliary = perturbed(params, batch)
        state, hs = auxiliary.state
        return value, (auxiliary._replace(state=state), hs)

    with_gradients = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
    (value, (auxiliary, hs)), (gradient, state_gradients) = with_gradients(params, zeros)
    return value, auxiliary, hs, gradient, state_gradients


class _PerturbedNetwork(NamedTuple):
    """A network with a perturbation added to each x_k, which returns its hidden states too.

    The perturbations are inputs like the others, through a matrix that is the identity: so the
    kernels give the gradient with respect to them, which is the gradient with respect to x_k.
    """

    network: Network
    perturbation: States

    @property
    def readout(self):
        return self.network.readout

    def trace(self, xs, state=None, lengths=None):
        widened = _widened(self.network)
        xs = jnp.concatenate([xs.astype(self.perturbation.dtype), self.perturbation], axis=-1)
        ys, hs, final = widened.trace(xs, state, lengths)
        return ys, hs, (final, hs[0])


def _widened(network: Network) -> Network:
    """The network with one more input for each unit of its cell."""
    cell = _only_cell(network)
    hidden, dtype = cell.hidden_size, cell.W.dtype
    U = jnp.concatenate([cell.U, jnp.eye(hidden, dtype=dtype)], axis=1)
    widened = RNN(cell.input_size + hidden, hidden, init="identity", dtype=dtype, key=0)
    widened = eqx.tree_at(lambda c: (c.U, c.W, c.b), widened, (U, cell.W, cell.b))
    return eqx.tree_at(lambda n: n.cells, network, (widened,))


def _only_cell(network: Network) -> RNN:
    cells = network.cells
    if len(cells) != 1 or type(cells[0]) is not RNN or cells[0].activation != "tanh":
        rule = "the regulariser is for networks of one tanh cell"
        got = " and ".join(
            f"{type(c).__name__} {getattr(c, 'activation', '')}".strip() for c in cells
        )
        raise InputError(rule, got, 'Build it with `cell="rnn"`, `depth=1`.')
    return cells[0]


def _norm(x: Array) -> Array:
    """The length of vectors; its derivative at 0 is 0."""
    squares = jnp.sum(x**2, axis=-1)
    nonzero = squares > 0
    return jnp.where(nonzero, jnp.sqrt(jnp.where(nonzero, squares, 1)), 0)


@jax.custom_vjp
def _with_gradient(params: PyTree, value: Array, gradient: PyTree) -> Array:
    """A value whose gradient with respect to the weights is already known."""
    return value


def _with_gradient_forward(params, value, gradient):
    return value, gradient


def _with_gradient_backward(gradient, g):
    return jax.tree.map(lambda slope: g * slope, gradient), None, None


_with_gradient.defvjp(_with_gradient_forward, _with_gradient_backward)
