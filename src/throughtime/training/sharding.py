"""One training on several devices, of one process or of many: where its arrays lie.

A mesh of JAX has an axis `member`, over which the networks of an ensemble are spread, an axis
`batch`, over which the examples of a batch are, or both. The data are on every device. JAX
partitions the program of an epoch accordingly and adds the sums over devices (GSPMD, Xu et al.
2021), so the training is the same up to rounding.
"""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from throughtime.errors import InputError

AXES = ("member", "batch")


@dataclass(frozen=True)
class Placement:
    """Where the arrays of a training lie.

    Attributes
    ----------
    mesh
        The devices by axis; None for the default device of this process.
    ensemble
        The number of networks; None for one without an axis over them.
    """

    mesh: Mesh | None = None
    ensemble: int | None = None

    @classmethod
    def of(cls, mesh: Mesh | None, ensemble: int | None, batch_size: int) -> "Placement":
        """The placement of a training, which the mesh must fit.

        Raises
        ------
        InputError
            For other axes, and for an ensemble or a batch that cannot be shared out evenly.
        """
        if mesh is not None:
            check_mesh(mesh, ensemble, batch_size)
        return cls(mesh, ensemble)

    def __post_init__(self):
        if self.mesh is not None:  # JAX, not this program, says how each array is split
            kinds = (AxisType.Auto,) * len(self.mesh.axis_names)
            automatic = Mesh(self.mesh.devices, self.mesh.axis_names, axis_types=kinds)
            object.__setattr__(self, "mesh", automatic)

    def everywhere(self, tree: Any) -> Any:
        """Arrays that are on every device."""
        return self._put(tree, PartitionSpec())

    def number(self, value: float | int) -> jax.Array:
        """A number that is on every device."""
        here = jax.device_put(value)
        return here if self.mesh is None else self.everywhere(here)

    def by_member(self, tree: Any) -> Any:
        """Arrays whose first axis, of an ensemble, is spread over the members' devices."""
        return self._put(tree, self._spec("member") if self.ensemble else PartitionSpec())

    def plan(self, rows: np.ndarray, keys: np.ndarray) -> tuple[Any, Any]:
        """What is random in an epoch: rows, `(member, row, ..., example)`, and keys."""
        first = "member" if self.ensemble else None
        spec = self._spec(first, *(None,) * (rows.ndim - 2), "batch")
        return self._put(rows, spec), self.by_member(keys)

    def on_host(self, tree: Any) -> Any:
        """Arrays as every process can read them; each process must ask for them."""
        if self.mesh is None:
            return tree
        everywhere = NamedSharding(self.mesh, PartitionSpec())
        gather = jax.jit(lambda each: each, out_shardings=everywhere)
        return jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf)), gather(tree))

    def _spec(self, *axes: str | None) -> PartitionSpec:
        known = () if self.mesh is None else self.mesh.axis_names
        return PartitionSpec(*(axis if axis in known else None for axis in axes))

    def _put(self, tree: Any, spec: PartitionSpec) -> Any:
        if self.mesh is None:
            return tree
        sharding = NamedSharding(self.mesh, spec)

        def place(leaf: Any) -> Any:
            if not isinstance(leaf, jax.Array | np.ndarray | int | float | np.generic):
                return leaf
            return jax.device_put(np.asarray(leaf), sharding)

        return jax.tree.map(place, tree)


def check_mesh(mesh: Any, ensemble: int | None, batch_size: int) -> None:
    """Refuse a mesh that does not fit a training; see `Placement.of`."""
    for axis in mesh.axis_names:
        if axis not in AXES:
            rule = "the axes of a `mesh` must be `member`, `batch` or both"
            remedy = 'Make it by `jax.make_mesh((1, 4), ("member", "batch"))`.'
            raise InputError(rule, f"`{axis}`", remedy)
    for axis, name, count in (
        ("member", "ensemble", ensemble or 1),
        ("batch", "batch_size", batch_size),
    ):
        devices = mesh.shape.get(axis, 1)
        if count % devices:
            rule = f"`{name}` must be a multiple of the devices along `{axis}`"
            remedy = f"Change `{name}`, or the shape of the mesh."
            raise InputError(rule, f"{count} over {devices}", remedy)


HERE = Placement()
"""The default device of this process."""
