"""The tests check the types of the library, of functions with axes and of those without."""

from collections.abc import Callable
from typing import Literal

import jaxtyping
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import Float, PyTree
from type_checks import jaxtyped, may_have_axes, told_by_shapes

from throughtime.data.series import Series
from throughtime.errors import closest_name
from throughtime.stamps.time_axis import Times


@pytest.mark.parametrize(
    ("hint", "axes"),
    [
        (int | None, False),
        (Literal["a"], False),
        (Callable[..., dict[str, int]], False),
        (Float[np.ndarray, "row"] | None, True),
        (Callable[[Float[np.ndarray, "row"]], int], True),
        (dict[str, list[PyTree]], True),
        ("Forecaster", True),
        (list["Forecaster"], True),
    ],
)
def test_axes_are_found_in_annotations(hint, axes):
    assert may_have_axes(hint) == axes


ROW = Float[np.ndarray, "row"]


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        (ROW | None, True),
        (tuple[ROW, ...] | list[ROW], True),
        (Callable[[ROW], int], True),
        (Float[np.ndarray, "{n}"], False),
        (dict[str, ROW], False),
        (PyTree, False),
        (Literal["a"], False),
    ],
)
def test_what_types_and_shapes_decide(hint, told):
    assert told_by_shapes(hint) == told


@jaxtyped(typechecker=beartype)
def first(rows: tuple[ROW, ROW], step: int, result: object) -> Float[np.ndarray, "row-1"]:
    """The second check of a kind runs the function alone."""
    return result


def test_a_kind_that_passed_does_not_let_another_pass():
    three, four = np.ones(3), np.ones(4)
    for _ in range(3):
        assert first((four, four), 1, three) is three
        assert first((four, four), step=1, result=three) is three
        for wrong in [
            ((four, three), 1, three),
            ((four, four), 1.0, three),
            ([four, four], 1, three),
            ((four, four.astype("f4").astype(int)), 1, three),
            ((four, four), 1, four),
            ((four, four), 1, None),
        ]:
            with pytest.raises(jaxtyping.TypeCheckError):
                first(*wrong)
        with pytest.raises(jaxtyping.TypeCheckError):
            first((four, four), result=three, step="1")
        with pytest.raises(TypeError):
            first((four, four))


def test_wrong_types_are_refused_with_and_without_axes(lab):
    with pytest.raises(jaxtyping.TypeCheckError, match=r"name.* known"):
        closest_name("a", 3)
    with pytest.raises(jaxtyping.TypeCheckError, match="step"):
        Times(0, "a day", 3, None)
    with pytest.raises(jaxtyping.TypeCheckError, match="inputs"):
        Series(lab.targets, lab.target_names, lab.inputs[1:], lab.input_names, lab.times)


def test_nothing_is_checked_as_it_is_installed(as_installed):
    with pytest.raises(TypeError, match="not iterable"):
        closest_name("a", 3)
