r"""The regulariser against vanishing gradients (Pascanu, Mikolov and Bengio 2013, section 3.3).

With $x_k = W h_{k-1} + U u_k + b$ what enters a tanh unit, $h_k = \tanh x_k$, and E the loss,

$$\Omega = \sum_k \left(
  \frac{\left\| \frac{\partial E}{\partial x_{k+1}}\, W\, \mathrm{diag}(1 - h_k^2) \right\|}
       {\left\| \frac{\partial E}{\partial x_{k+1}} \right\|} - 1 \right)^2$$

is 0 where the error, sent back by one more step, keeps its length in the one direction that
it has. It is averaged over the batch. Of its slope only the immediate part is used: that by W,
with the h and the slopes of E held constant.
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
    slopes: States,
    present: Bool[Array, " batch"] | None = None,
    *,
    per_step: bool = False,
) -> Float[Array, ""]:
    r"""$\Omega$; see the head of this module.

    Parameters
    ----------
    W
        Hidden to hidden.
    hs
        The hidden states $h_k$ of a tanh cell.
    slopes
        $\partial E / \partial x_k$. Where they are 0 (in the padding, or after the last target)
        nothing is sent back, and the step is left out.
    present
        Which examples of the batch count; all by default.
    per_step
        The mean over steps (of all examples, less those left out) and not the sum.

    Returns
    -------
    Float[Array, '']
        One number.
    """
    ahead = slopes[:, 1:]
    # Slopes may be so small that their squares are 0: only their direction counts.
    size = jnp.abs(ahead).max(axis=-1, keepdims=True)
    felt = size >= jnp.finfo(size.dtype).tiny
    ahead = jnp.where(felt, ahead / jnp.where(felt, size, 1), 0)
    ahead = ahead / jnp.where(felt, jnp.linalg.norm(ahead, axis=-1, keepdims=True), 1)
    back = (ahead @ W) * (1 - hs[:, :-1] ** 2)
    each = jnp.where(felt[..., 0], (_norm(back) - 1) ** 2, 0)  # (batch, time - 1)
    if per_step:
        return each.sum() / jnp.maximum(felt.sum(), 1)
    examples = len(hs) if present is None else jnp.maximum(present.sum(), 1)
    return each.sum() / examples


class Regularised(NamedTuple):
    r"""A method that minimises $E + \lambda \Omega$, by the steps of another.

    Ω and its slope come with the backward pass that gives the slope of E. `Info.loss` is E, so
    that it compares with the loss over other data; Ω is `omega` among the quantities.

    - `method`: the other: any that follows the gradient.
    - `strength`: λ.
    - `per_step`: whether Ω is a mean over the steps, and not the paper's sum over them. Then
      `strength` does not depend on how long sequences are. The program that the authors
      published takes the mean (and squares both norms), and 2 for λ.

    For networks of one tanh cell. Where states are carried from batch to batch, the step from
    one to the next is left out.

    **Raises:** (`init`) `InputError` for a strength that is not positive; (`step`) for another
    network, or an objective that does not show its network and its loss.
    """

    method: Method
    strength: float | int
    per_step: bool = False

    @property
    def members(self) -> int | None:
        """For how many members of an ensemble the other method has a rate or a clip."""
        return getattr(self.method, "members", None)

    @property
    def rate(self) -> float | tuple[float, ...] | None:
        """The rate of the other method, if it tells one."""
        return getattr(self.method, "rate", None)

    @property
    def quantities(self) -> tuple[str, ...]:
        """What `Info.quantities` holds."""
        return (*getattr(self.method, "quantities", ()), "omega")

    def init(self, params: PyTree, *member: Any) -> PyTree:
        if not 0 < self.strength < math.inf:
            rule = "`strength` must be positive and finite"
            raise InputError(rule, self.strength, "Set `strength`.")
        return self.method.init(params, *member)

    def step(self, objective, params, state, batch):
        penalised = _penalised(objective, self.strength, self.per_step)
        params, state, info = self.method.step(penalised, params, state, batch)
        loss, omega, extra = info.extra
        quantities = {**info.quantities, "omega": omega}
        return params, state, Info(loss, info.gradient_norm, extra, quantities)


def _penalised(objective: Any, strength: float | int, per_step: bool) -> MeanLoss:
    """The objective with the penalty added; its extra is the loss, Ω, and the extra before."""
    fields = {f.name for f in getattr(objective, "__dataclass_fields__", {}).values()}
    if not fields >= {"network", "loss"}:
        rule = "the regulariser needs an objective that shows its network and its loss"
        raise InputError(rule, type(objective).__name__, "Use it with `train`.")

    def value(params: PyTree, batch: Batch):
        at = jax.lax.stop_gradient(params)
        loss, extra, hs, gradient, slopes = _slopes(objective, at, batch)
        present = (batch.weights.reshape(len(hs), -1) > 0).any(axis=1)

        def penalty(params):
            W = objective.network(params).cells[0].W
            return regulariser(W, hs, slopes, present, per_step=per_step)

        omega, push = jax.value_and_grad(penalty)(at)
        gradient = jax.tree.map(lambda g, p: g + strength * p, gradient, push)
        return _sloped(params, loss + strength * omega, gradient), (loss, omega, extra)

    return value


def _slopes(objective: Any, params: PyTree, batch: Batch):
    """E, what came with it, the hidden states, and the slopes of E by weights and all x_k."""
    cell = _only_cell(objective.network(params))
    zeros = jnp.zeros((*batch.inputs.shape[:2], cell.hidden_size), cell.W.dtype)

    def loss(params, added):
        shown = dataclasses.replace(
            objective, network=lambda params: _Shown(objective.network(params), added)
        )
        value, extra = shown(params, batch)
        state, hs = extra.state
        return value, (extra._replace(state=state), hs)

    with_slopes = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
    (value, (extra, hs)), (gradient, slopes) = with_slopes(params, zeros)
    return value, extra, hs, gradient, slopes


class _Shown(NamedTuple):
    """A network with `added` added to each x_k, that gives its states beside the final one.

    They are inputs like the others, by a matrix that is the identity. So the kernels give the
    slopes by them as they give those by any input, and these are the slopes by x_k.
    """

    network: Network
    added: States

    @property
    def readout(self):
        return self.network.readout

    def trace(self, xs, state=None, lengths=None):
        wide = _widened(self.network)
        xs = jnp.concatenate([xs.astype(self.added.dtype), self.added], axis=-1)
        ys, hs, final = wide.trace(xs, state, lengths)
        return ys, hs, (final, hs[0])


def _widened(network: Network) -> Network:
    """The network, its cell with so many more inputs as it has units."""
    cell = _only_cell(network)
    hidden, dtype = cell.hidden_size, cell.W.dtype
    U = jnp.concatenate([cell.U, jnp.eye(hidden, dtype=dtype)], axis=1)
    wide = RNN(cell.input_size + hidden, hidden, init="identity", dtype=dtype, key=0)
    wide = eqx.tree_at(lambda c: (c.U, c.W, c.b), wide, (U, cell.W, cell.b))
    return eqx.tree_at(lambda n: n.cells, network, (wide,))


def _only_cell(network: Network) -> RNN:
    cells = network.cells
    if len(cells) != 1 or type(cells[0]) is not RNN or cells[0].activation != "tanh":
        rule = "the regulariser is that of a network of one tanh cell"
        got = " and ".join(
            f"{type(c).__name__} {getattr(c, 'activation', '')}".strip() for c in cells
        )
        raise InputError(rule, got, 'Build it with `cell="rnn"`, `depth=1`.')
    return cells[0]


def _norm(x: Array) -> Array:
    """The length of vectors; its slope at 0 is 0."""
    squares = jnp.sum(x**2, axis=-1)
    some = squares > 0
    return jnp.where(some, jnp.sqrt(jnp.where(some, squares, 1)), 0)


@jax.custom_vjp
def _sloped(params: PyTree, value: Array, gradient: PyTree) -> Array:
    """A value whose slope by the weights is known."""
    return value


def _sloped_forward(params, value, gradient):
    return value, gradient


def _sloped_backward(gradient, g):
    return jax.tree.map(lambda slope: g * slope, gradient), None, None


_sloped.defvjp(_sloped_forward, _sloped_backward)
