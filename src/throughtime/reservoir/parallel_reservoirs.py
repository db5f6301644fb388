r"""Parallel reservoirs: a field in space, predicted by a local model for each group of points.

A field of many points is too much for one reservoir, but what happens at a point in the next
step depends on its neighbourhood alone. So the points are divided into groups, and the model of
each reads its own points and a few on both sides (Pathak, Hunt, Girvan, Lu and Ott 2018):

$$h^g_t = (1 - a) h^g_{t-1} + a \, f(W h^g_{t-1} + F w^g_{t-1} + b), \qquad
  \hat y^g_t = V^g \, (h^g_t, \; m(w^g_{t-1}, w^g_{t-1-s}, \dots)) + c^g$$

$w^g$ is the window of group g, and m are the monomials of its delayed values up to an order;
of order 0 there are none. Without a reservoir these are local next-generation reservoirs
(Barbosa and Gauthier 2022). The weights of the reservoir are the same for all groups. A
homogeneous field obeys the same law at all places: then V and c are too, and every group is
data for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Num

from throughtime.errors import InputError, check_positive_integer

from .closed_loop import Place
from .echo_state_fitting import Memory
from .local_model import LocalModel, features_along, local_sums
from .local_windows import LocalWindows
from .regression_sums import Gram, Triangle
from .ridge import Readout
from .states import as_columns

Field = Num[np.ndarray, "time *point_and_variable"]
"""y, `(time, point)`; of several variables at each point `(time, point, variable)`."""


@dataclass(frozen=True)
class ParallelReservoirs:
    r"""A field predicted by local models; `ParallelReservoirs.fit` makes one.

    $$h^g_t = (1 - a) h^g_{t-1} + a \, f(W h^g_{t-1} + F w^g_{t-1} + b), \qquad
      \hat y^g_t = V^g \, (h^g_t, \; m(w^g_{t-1}, w^g_{t-1-s}, \dots)) + c^g$$

    Attributes
    ----------
    model
        The local model.
    windows
        The groups of points, and what each reads.
    V, c
        The readouts, `(group, output, feature)` and `(group, output)`; of one map for all
        groups there is one.
    ridge
        The penalty that they were fitted with; the largest of them where each map has its own.
    memory
        The states of the groups and the last values of the field at the end of the training
        data, from which `generate` goes on.

    References
    ----------
    Pathak, J., Hunt, B., Girvan, M., Lu, Z. and Ott, E. (2018). Model-free prediction of large
    spatiotemporally chaotic systems from data: a reservoir computing approach. Physical Review
    Letters 120, 024102.

    Barbosa, W. A. S. and Gauthier, D. J. (2022). Learning spatiotemporal chaos using
    next-generation reservoir computing. Chaos 32, 093137.
    """

    model: LocalModel
    windows: LocalWindows
    V: Float[np.ndarray, "maps output feature"]
    c: Float[np.ndarray, "maps output"]
    ridge: float | int
    memory: Memory

    @classmethod
    def fit(
        cls,
        model: LocalModel,
        field: Field,
        group: int,
        overlap: int,
        *,
        shared: bool = True,
        periodic: bool = True,
        ridge: float | int | None = None,
        washout: int = 100,
        regression: str = "qr",
    ) -> "ParallelReservoirs":
        """Fit the readouts to a field.

        The field is read as it is: scale it so that its values are about 1 in size.

        Parameters
        ----------
        model
            The local model, for windows of `group + 2 * overlap` points.
        field
            y, `(time, point)`, or `(time, point, variable)`.
        group, overlap, periodic
            The groups of points and what they read; see `LocalWindows`.
        shared
            Whether all groups have one map: for a field that obeys the same law at all places.
        ridge
            The penalty on the sum over rows; chosen by generalised cross-validation if None,
            one for each map, which looks at single steps alone. `search_local_windows` chooses
            it by free runs.
        washout
            Steps at the start that are left out of the regression, because the states still
            depend on where they began.
        regression
            "qr" keeps all digits, "gram" takes about half the time; see `regression_sums.py`.

        Returns
        -------
        ParallelReservoirs
            The model, ready to `generate` from the end of the field.

        Raises
        ------
        InputError
            For data or a reservoir that do not match, a field shorter than the washout, one map
            on a line (its windows at the ends differ), and a singular system.
        """
        y, windows = as_field(field, group, overlap, periodic)
        if shared and not periodic:
            rule = "on a line, groups must have maps of their own: those at its ends differ"
            raise InputError(rule, "`shared=True`", "Pass `shared=False`.")
        sums, memory = local_sums(model, windows, y, shared, washout, regression)
        return cls.of_sums(model, windows, sums, memory, ridge)

    @classmethod
    def of_sums(
        cls,
        model: LocalModel,
        windows: LocalWindows,
        sums: Sequence[Gram | Triangle],
        memory: Memory,
        ridge: float | int | None,
    ) -> "ParallelReservoirs":
        """The model of `local_sums`, with this penalty."""
        found: list[Readout] = []
        used: list[float | int] = []
        for one in sums:
            if ridge is None:
                path = one.path()
                used.append(path.best())
                found.append(path.solve(used[-1]))
            else:
                used.append(ridge)
                found.append(one.solve(ridge))
        V, c = (np.stack(part) for part in zip(*found, strict=True))
        return cls(model, windows, V, c, max(used), memory)

    def predict(
        self, field: Field, memory: Memory | None = None
    ) -> tuple[Float[np.ndarray, "time *point_and_variable"], Memory]:
        """Predict each step of a field from the true values before it.

        Parameters
        ----------
        field
            y, like that of the fit.
        memory
            Where to begin. If None, the states begin at zero, and the first `model.span` steps,
            before which there are no values, are NaN.

        Returns
        -------
        Float[np.ndarray, "time *point_and_variable"]
            The predictions.
        Memory
            The states and the last values after the last step.

        Raises
        ------
        InputError
            For a field of other points than in the fit, one shorter than the delays, or a
            memory of another model.
        """
        y = self._as_field(field)
        f, span = self.model.features(self.windows.read.shape[1]), self.model.span
        past = np.empty((0, y.shape[1])) if memory is None else memory.y
        h = np.zeros((self.windows.groups, f.settings.units))
        h = h if memory is None else self._check_memory(memory, stacked=False).h
        whole = np.concatenate([past, y])
        _long_enough(whole, span)
        parts, states = [], []
        for g, read in enumerate(self.windows.read):
            X, last = features_along(f, whole[:, read], h[g], len(past))
            parts.append(X @ self._of(self.V, g).T + self._of(self.c, g))
            states.append(last)
        found = self.windows.joined(np.stack(parts))
        if self.model.residual:
            found = found + whole[-len(found) - 1 : -1]
        found = np.concatenate([np.full((len(y) - len(found), y.shape[1]), np.nan), found])
        return found.reshape(np.shape(field)), Memory(np.stack(states), whole[-span:])

    def generate(
        self, steps: int, memory: Memory | None = None
    ) -> Float[np.ndarray, "steps *batch_and_point"]:
        """Run free: what all groups predict is what each reads next.

        Parameters
        ----------
        steps
            The number of steps.
        memory
            Where to begin: a memory from `predict`, or several stacked; the end of the training
            data if None.

        Returns
        -------
        Float[np.ndarray, "steps *batch_and_point"]
            y of each step, `(steps, point)`, with several memories `(steps, batch, point)`, and
            a last axis if there are several variables; infinite or NaN where a run diverges.

        Raises
        ------
        InputError
            For less than one step, and for a memory of another model.
        """
        check_positive_integer("steps", steps)
        memory = self._check_memory(memory or self.memory)
        f = self.model.features(self.windows.read.shape[1])
        runs = memory.y.shape[:-2]
        past = memory.y.reshape(-1, *memory.y.shape[-2:])
        groups, (many, span, columns) = self.windows.groups, past.shape
        units = memory.h.shape[-1]
        h = memory.h.reshape(many, groups, units)  # to a group after the other
        h = h.swapaxes(0, 1).reshape(groups * many, units)
        found = np.empty((steps, many, columns))
        nothing = np.empty((groups * many, 0))
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(steps):
                seen = past[:, :, self.windows.read].transpose(2, 0, 1, 3)
                X, h = f.next(Place(h, seen.reshape(groups * many, span, -1)), nothing)
                X = X.reshape(len(self.V), -1, X.shape[1])
                parts = np.matmul(X, self.V.swapaxes(1, 2)) + self.c[:, None]
                found[t] = self.windows.joined(parts.reshape(groups, many, -1))
                if self.model.residual:
                    found[t] += past[:, -1]
                past = np.concatenate([past[:, 1:], found[t][:, None]], axis=1)
        variables = self.windows.variables
        shape = (self.windows.points, variables) if variables > 1 else (columns,)
        return found.reshape(steps, *runs, *shape)

    def _of(self, part, g):
        return part[g if len(part) > 1 else 0]

    def _as_field(self, field):
        w = self.windows
        shape = (w.points, w.variables) if np.ndim(field) == 3 else (w.points * w.variables,)
        if np.shape(field)[1:] != shape:
            rule = f"`field` must be of {w.points} points with {w.variables} variables each"
            raise InputError(rule, f"shape {np.shape(field)}", "Pass a field like the fit's.")
        return as_columns("field", np.reshape(field, (len(field), -1)))

    def _check_memory(self, memory: Memory, stacked: bool = True) -> Memory:
        """The memory as it is; refuses one of other shapes than this model's."""
        h, y = memory
        units = 0 if self.model.reservoir is None else self.model.reservoir.units
        wanted = (self.windows.groups, units), (self.model.span, self.windows.own.size)
        runs = h.shape[:-2]
        if (h.shape, y.shape) != tuple((*runs, *one) for one in wanted) or (
            len(runs) > int(stacked)
        ):
            rule = f"a memory must be of shapes {wanted[0]} and {wanted[1]}"
            rule += ", or several stacked" if stacked else ""
            remedy = "Pass one that `predict` of this model returned."
            raise InputError(rule, f"{h.shape} and {y.shape}", remedy)
        return memory


def as_field(
    field: Field, group: int, overlap: int, periodic: bool
) -> tuple[Float[np.ndarray, "time column"], LocalWindows]:
    """The field as a table, and its windows."""
    shape = np.shape(field)
    if len(shape) not in (2, 3):
        rule = "`field` must be of shape (time, point) or (time, point, variable)"
        raise InputError(rule, f"shape {shape}", "Pass the values of all points at each step.")
    variables = shape[2] if len(shape) == 3 else 1
    windows = LocalWindows(shape[1], variables, group, overlap, periodic)
    return as_columns("field", np.reshape(field, (shape[0], -1))), windows


def _long_enough(y, span):
    if len(y) <= span:
        rule = f"a field must hold more than the {span} steps that the delays span"
        raise InputError(rule, len(y), "Pass more steps, or lower `delays` or `spacing`.")
