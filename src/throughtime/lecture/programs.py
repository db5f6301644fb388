"""The lecture's own programs by name, and programs that each show a claim of it."""

from importlib import import_module
from pathlib import Path

from throughtime.errors import InputError, did_you_mean

from .program import Program, ProgramResult, Show


def _lazily(module: str, function: str = ""):
    """A program whose module is imported when it runs: most need much that others do not."""

    def run(folder: Path, seed: int, show: Show) -> ProgramResult:
        found = import_module(f".{module}", __package__)
        return getattr(found, function or module)(folder, seed, show)

    return run


PROGRAMS = {
    "sine": Program("the PyTorch program: a sine wave, closed-loop", 100, _lazily("sine")),
    "noisy-sine": Program(
        "the Keras program: a noisy sine, one step ahead", 100, _lazily("noisy_sine")
    ),
    "oscillator": Program(
        "its equation: Euler's scheme as a network, and longer steps",
        300,
        _lazily("oscillator"),
    ),
    "by-hand": Program("three steps forward and back, with all numbers", 0, _lazily("by_hand")),
    "behaviours": Program(
        "three nets that settle, oscillate, are chaotic", 0, _lazily("behaviours")
    ),
    "small-programs": Program(
        "nets that count, add and tell parity, exactly", 0, _lazily("small_programs")
    ),
    "feed-forward": Program(
        "a feed-forward network beside a recurrent one", 60, _lazily("feed_forward")
    ),
    "gates": Program(
        "gates that write, keep and read", 150, _lazily("gates", "gates_over_time")
    ),
    "strokes": Program("signs of a pen, sequences of any length", 30, _lazily("strokes")),
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
