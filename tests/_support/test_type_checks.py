"""The tests check the types of the library, of functions with axes and of those without."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from jaxtyping import Float, PyTree
from type_checks import may_have_axes

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


def test_wrong_types_are_refused_with_and_without_axes(lab):
    with pytest.raises(Exception, match=r"name.* known"):
        closest_name("a", 3)
    with pytest.raises(Exception, match="step"):
        Times(0, "a day", 3, None)
    with pytest.raises(Exception, match="inputs"):
        Series(lab.targets, lab.target_names, lab.inputs[1:], lab.input_names, lab.times)


def test_nothing_is_checked_as_it_is_installed(as_installed):
    with pytest.raises(TypeError, match="not iterable"):
        closest_name("a", 3)
