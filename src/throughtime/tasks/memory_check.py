"""Whether a task can be learned in the memory of this machine."""

import jax

from throughtime._support.memory import total_memory
from throughtime.errors import InputError
from throughtime.reservoir.readout import sums_size

from .definition import Task
from .way import TrainedWay, Way

STATE_NUMBERS = {"lstm": 8, "gru": 6, "rnn": 2}
"""Numbers that are kept for each step, sequence and unit; see `unroll`."""

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
"""Square matrices of recurrent weights, by cell."""


def check_memory(task: Task, way: Way, hidden: int) -> None:
    """Refuse a task whose states and weights would not fit in memory while it is learned.

    States take the numbers that `unroll` keeps for each step, sequence and unit; Hessian-free
    needs as many again for a product with the curvature, and an `esn` keeps h alone. A
    recurrent weight takes its draw in double precision and five numbers of a training: itself,
    its gradient, two of the method, and the best so far. In an `esn` it takes itself and five
    squares of the regression.

    Raises
    ------
    InputError
        If that is more than the device has.
    """
    if isinstance(way, TrainedWay):
        sequences = min(way.batch_size, way.curvature or way.batch_size)
        numbers = STATE_NUMBERS[way.cell] * (2 if way.curvature else 1)
        weights = (8 + 5 * 4) * GATES[way.cell] * hidden**2
    else:
        sequences, numbers = min(256, way.training_sequences(task)), 2
        weights = (8 + 4) * hidden**2 + sums_size(hidden, task.output_size)
    bytes_needed = 4 * numbers * sequences * task.steps * hidden + weights
    limit = _device_memory()
    if limit is not None and bytes_needed > limit:
        rule = f"way and task must fit into memory, {limit / 2**30:.1f} GiB"
        got = (
            f"{bytes_needed / 2**30:.1f} GiB of states and weights for `{task.name}` of length"
            f" {task.length}, {sequences} sequences at a time and {hidden} units"
        )
        raise InputError(rule, got, "Lower the length, the batch size or the units.")


def _device_memory() -> int | None:
    """Bytes of memory of the device that computes; None if that is not known."""
    if jax.default_backend() != "cpu":
        return (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    return total_memory()
