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
    """

    mesh: Mesh | None = None

    def __post_init__(self):
        if self.mesh is not None:  # JAX, not this program, says how each array is split
            kinds = (AxisType.Auto,) * len(self.mesh.axis_names)
            automatic = Mesh(self.mesh.devices, self.mesh.axis_names, axis_types=kinds)
            object.__setattr__(self, "mesh", automatic)

    def check(self, ensemble: int | None, batch_size: int) -> None:
        """Refuse a mesh that does not fit the training.

        Raises
        ------
        InputError
            For other axes, and for an ensemble or a batch that cannot be shared out evenly.
        """
        if self.mesh is None:
            return
        for axis in self.mesh.axis_names:
            if axis not in AXES:
                rule = "the axes of a `mesh` must be `member`, `batch` or both"
                remedy = 'Make it by `jax.make_mesh((1, 4), ("member", "batch"))`.'
                raise InputError(rule, f"`{axis}`", remedy)
        for axis, name, count in (
            ("member", "ensemble", ensemble or 1),
            ("batch", "batch_size", batch_size),
        ):
            devices = self.mesh.shape.get(axis, 1)
            if count % devices:
                rule = f"`{name}` must be a multiple of the devices along `{axis}`"
                remedy = f"Change `{name}`, or the shape of the mesh."
                raise InputError(rule, f"{count} over {devices}", remedy)

    def everywhere(self, tree: Any) -> Any:
        """Arrays that are on every device."""
        return self._put(tree, PartitionSpec())

    def number(self, value: float | int) -> jax.Array:
        """A number that is on every device."""
        here = jax.device_put(value)
        return here if self.mesh is None else self.everywhere(here)

    def by_member(self, tree: Any, ensemble: int | None) -> Any:
        """Arrays whose first axis, of an ensemble, is spread over the members' devices."""
        return self._put(tree, self._spec("member") if ensemble else PartitionSpec())

    def rows(self, rows: np.ndarray, ensemble: int | None) -> Any:
        """The plan of an epoch, `(member, row, example)`, spread over both axes."""
        if self.mesh is None:
            return rows
        axes = {0: "member" if ensemble else None, rows.ndim - 1: "batch"}
        return self._put(rows, self._spec(*(axes.get(i) for i in range(rows.ndim))))

    def on_host(self, tree: Any) -> Any:
        """Arrays as every process can read them; each process must ask for them."""
        if self.mesh is None:
            return tree
        everywhere = NamedSharding(self.mesh, PartitionSpec())
        gather = jax.jit(lambda each: each, out_shardings=everywhere)
        return jax.tree.map(np.asarray, gather(tree))

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


HERE = Placement()
"""The default device of this process."""
