"""What fits a hint, and what does not."""

from typing import Any, Protocol

import numpy as np
import pytest
from jaxtyping import Float, Int

from throughtime._support.type_hints import fits


class Speaks(Protocol):
    def speak(self) -> str: ...


class Dog:
    def speak(self):
        return "wuff"


ROW = Float[np.ndarray, "row"]


@pytest.mark.parametrize(
    ("value", "hint", "fit"),
    [
        (1, int, True),
        (True, int, False),
        (1.5, int, False),
        (1, float, True),
        ("1", float, False),
        (True, bool, True),
        (1, bool, False),
        (None, float | None, True),
        ((), float | None, False),
        ((1, 2), tuple[int, ...], True),
        ((), tuple[int, ...], True),
        ([1], tuple[int, ...], False),
        ((1, 2.5), tuple[int, ...], False),
        ((1, np.ones(2)), tuple[float, ROW], True),
        ((1,), tuple[float, ROW], False),
        (np.ones(3), ROW, True),
        (np.ones((3, 1)), ROW, False),
        (np.ones(3), Int[np.ndarray, "row"], False),
        (1.0, ROW, False),
        (Dog(), Speaks, True),
        (1.0, Speaks, False),
        (object(), Any, True),
    ],
)
def test_fits(value, hint, fit):
    assert fits(value, hint) is fit
