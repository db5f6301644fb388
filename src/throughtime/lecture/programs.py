"""The lecture's own programs by name, and programs that each show a claim of it."""

from throughtime.errors import InputError, did_you_mean

from .behaviours import behaviours
from .by_hand import by_hand
from .feed_forward import EPOCHS as FEED_FORWARD_EPOCHS
from .feed_forward import feed_forward
from .gates import EPOCHS as GATE_EPOCHS
from .gates import gates_over_time
from .noisy_sine import noisy_sine
from .oscillator import oscillator
from .program import Program
from .sine import sine
from .small_programs import small_programs
from .strokes import EPOCHS as STROKE_EPOCHS
from .strokes import strokes

PROGRAMS = {
    "sine": Program("the PyTorch program: a sine wave, closed-loop", 100, sine),
    "noisy-sine": Program("the Keras program: a noisy sine, one step ahead", 100, noisy_sine),
    "oscillator": Program(
        "its equation: Euler's scheme as a network, and longer steps", 300, oscillator
    ),
    "by-hand": Program("three steps forward and back, with all numbers", 0, by_hand),
    "behaviours": Program("three nets that settle, oscillate, are chaotic", 0, behaviours),
    "small-programs": Program(
        "nets that count, add and tell parity, exactly", 0, small_programs
    ),
    "feed-forward": Program(
        "a feed-forward network beside a recurrent one", FEED_FORWARD_EPOCHS, feed_forward
    ),
    "gates": Program("gates that write, keep and read", GATE_EPOCHS, gates_over_time),
    "strokes": Program("signs of a pen, sequences of any length", STROKE_EPOCHS, strokes),
}
"""The programs by name."""


def program(name: str) -> Program:
    """The program of that name.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if name not in PROGRAMS:
        remedy = did_you_mean(name, PROGRAMS)
        raise InputError("an example must be a known one", name, remedy)
    return PROGRAMS[name]
