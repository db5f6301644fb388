"""The groups of neighbouring points that a field is divided into, and what each reads."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from throughtime.errors import InputError, check_positive_integer


@dataclass(frozen=True)
class LocalWindows:
    """Groups of neighbouring points, each with a window of what it reads.

    Parameters
    ----------
    points
        Points of the field, on a circle or on a line.
    variables
        Numbers at each point.
    group
        Points of a group, which divide those of the field without remainder.
    overlap
        Points on each side of a group that it reads beside its own.
    periodic
        Whether the field is on a circle. On a line, a window that would reach over an end is
        moved inwards.

    Raises
    ------
    InputError
        For numbers out of range, a group that does not divide the field, and a window that is
        wider than the field.
    """

    points: int
    variables: int
    group: int
    overlap: int
    periodic: bool = True

    def __post_init__(self):
        check_positive_integer("group", self.group)
        if self.overlap < 0:
            rule = "`overlap` must be 0 or more"
            raise InputError(rule, self.overlap, "Pass a number of points, such as 4.")
        if self.points % self.group:
            sizes = [n for n in range(1, self.points + 1) if self.points % n == 0]
            nearest = min(sizes, key=lambda n: abs(n - self.group))
            rule = f"`group` must divide the {self.points} points of the field"
            raise InputError(rule, self.group, f"Pass `group={nearest}`.")
        if self.width > self.points:
            most = (self.points - self.group) // 2
            rule = f"a group and its overlaps must fit into the {self.points} points"
            raise InputError(rule, f"`overlap` {self.overlap}", f"Pass {most} or less.")

    @property
    def groups(self) -> int:
        """The number of groups."""
        return self.points // self.group

    @property
    def width(self) -> int:
        """Points that a group reads."""
        return self.group + 2 * self.overlap

    @cached_property
    def read(self) -> Int[np.ndarray, "groups window"]:
        """The columns of the field that each group reads."""
        first = np.arange(self.groups) * self.group - self.overlap
        if not self.periodic:
            first = np.clip(first, 0, self.points - self.width)
        return self._columns((first[:, None] + np.arange(self.width)) % self.points)

    @cached_property
    def own(self) -> Int[np.ndarray, "groups output"]:
        """The columns of the field that each group predicts."""
        return self._columns(np.arange(self.points).reshape(self.groups, self.group))

    def joined(
        self, parts: Float[np.ndarray, "groups runs output"]
    ) -> Float[np.ndarray, "runs column"]:
        """The whole field from what the groups predict."""
        return parts.swapaxes(0, 1).reshape(parts.shape[1], -1)

    def _columns(self, points):
        """The columns of points, a variable beside the other."""
        columns = points[..., None] * self.variables + np.arange(self.variables)
        return columns.reshape(len(points), -1)
