r"""The four effective ways to learn a recurrent network, with their numbers for the tasks.

| way | what makes it work | source |
| --- | --- | --- |
| `lstm` | gates around a memory | Hochreiter and Schmidhuber 1997; Gers et al. 2000 |
| `hf` | curvature, so that no direction is too flat | Martens and Sutskever 2011 |
| `esn` | echoes: only the readout is learned | Jaeger 2001, 2012 |
| `momentum` | weights of the right size, and momentum | Sutskever et al. 2013 |

`learn.learn_task` learns a task in one of them.
"""

import dataclasses
from typing import NamedTuple

from throughtime.errors import InputError, check_positive_integer, did_you_mean
from throughtime.recurrence.initialisation import (
    INITIALISATIONS,
    Initialisation,
    chrono,
    echo_state,
    normal,
)

from .definition import Task
from .way import ReservoirWay, TrainedWay, Way


def _reads_symbols(task: Task) -> bool:
    """Whether the inputs are one-hot symbols, not numbers with marks."""
    return task.input_size > 2


class EchoStateStart(NamedTuple):
    """The echo-state initialisation, with the paper's input scale, smaller for marked values.

    The paper has a spectral radius of 1.1 and a scale of V of .1, with which some seeds learn
    nothing here.

    Parameters
    ----------
    radius
        Spectral radius of W.
    outputs
        Scale of V.
    """

    radius: float
    outputs: float

    def __call__(self, task: Task) -> Initialisation:
        return echo_state(
            0.1 if _reads_symbols(task) else 0.001, self.radius, outputs=self.outputs
        )


class OrthogonalStart(NamedTuple):
    """An orthogonal W: inputs are rotated in h but do not decay, while tanh is nearly linear.

    Then a linear readout can recover earlier inputs, as long as the unknown part of them has no
    more dimensions than h (White, Lee and Sompolinsky 2004).

    Parameters
    ----------
    inputs
        Scale of U.
    outputs
        Scale of V.
    """

    inputs: float
    outputs: float

    def __call__(self, task: Task) -> Initialisation:
        start = INITIALISATIONS["orthogonal"]
        return start._replace(U=normal(self.inputs), V=normal(self.outputs))


def _sparse(task: Task) -> Initialisation:
    """The sparse initialisation of the paper."""
    return INITIALISATIONS["sparse"]


def _long_memory(task: Task) -> Initialisation:
    """Keep gates whose time scales reach from 2 steps to the length of the task."""
    return INITIALISATIONS["keras"]._replace(b=chrono(max(task.steps, 3)), keep=0.0)


def _reservoir(task: Task) -> dict[str, float | int]:
    """Settings by what must be remembered, found by trial on short tasks (T up to 50).

    A string of symbols needs a nearly linear memory: units without leak, at the edge of
    stability, with small inputs. One mark among distractors needs units that saturate and
    forget slowly.
    """
    if not task.last:
        return {"radius": 1.0, "leak": 1.0, "input_scale": 0.1}
    return {"radius": 0.99, "leak": 0.1 if _reads_symbols(task) else 0.2, "input_scale": 1.0}


WAYS: dict[str, Way] = {
    "lstm": TrainedWay(
        about="long short-term memory, its keep gates open for as long as the task, Adam",
        source="Hochreiter and Schmidhuber 1997; Gers et al. 2000; Tallec and Ollivier 2018",
        cell="lstm",
        init=_long_memory,
        method="adam",
        rate=1e-2,
        clip=1.0,
        batch_size=20,
        updates=20_000,
        every=100,
    ),
    "hf": TrainedWay(
        about="tanh units, sparse weights, Hessian-free optimisation",
        source="after Martens and Sutskever 2011",
        cell="rnn",
        init=_sparse,
        method="hessian_free",
        rate=None,
        curvature=300,
        batch_size=300,
        updates=500,
        every=2,
        string_overrides={
            "about": "tanh units, orthogonal weights, Hessian-free optimisation that holds the"
            " states firmly",
            "init": OrthogonalStart(0.1, 0.01),
            "structural": 1.0,
            "centred": True,
        },
    ),
    "esn": ReservoirWay(
        about="an echo state network: fixed weights, a readout by ridge regression",
        source="Jaeger 2001, 2012",
        design=_reservoir,
        sequences=10_000,
    ),
    "momentum": TrainedWay(
        about="tanh units, echo-state initialisation, Nesterov's gradient with momentum 0.995",
        source="after Sutskever, Martens, Dahl and Hinton 2013",
        cell="rnn",
        init=EchoStateStart(1.2, 0.01),
        method="nag",
        rate=1e-3,
        clip=1.0,
        mu=0.995,
        batch_size=100,
        updates=50_000,
        every=250,
        schedule="cosine",
        curriculum=((0.25, 0.04), (0.5, 0.04)),
        centred=True,
        string_overrides={
            "about": "tanh units, orthogonal weights, a readout that learns first, Nesterov's"
            " gradient with momentum 0.995",
            "init": OrthogonalStart(0.1, 0.01),
            "rate": 1.0,
            "recurrent": 1e-4,
            "curriculum": (),
        },
    ),
}
"""The ways by name. `docs/four-ways.md` says where they differ from the papers, and why."""


def way(name: str | Way, **changes: float | int | None) -> Way:
    """One of the four ways by its name, with some of its numbers changed.

    Parameters
    ----------
    name
        A key of `WAYS`, or a way.
    **changes
        Numbers of the way by name, such as `rate`, `updates`, `batch_size` or `hidden`. They
        hold for all tasks; None changes nothing.

    Returns
    -------
    TrainedWay or ReservoirWay
        The way, for `learn_task`.

    Raises
    ------
    InputError
        For an unknown name, a number that the way does not take, or one below its range.

    Examples
    --------
    >>> way("lstm", updates=400).updates
    400
    """
    if isinstance(name, str):
        if name not in WAYS:
            raise InputError("`way` must be a known way", name, did_you_mean(name, WAYS))
        named = WAYS[name]
    else:
        named = name
    new = {label: value for label, value in changes.items() if value is not None}
    for label, value in new.items():
        if getattr(named, label, None) is None:
            rule = f"the way `{name}` takes no `{label}`"
            raise InputError(rule, value, "Leave it out.")
        if label != "rate":
            check_positive_integer(label, value)
    if isinstance(named, TrainedWay):
        overrides = {k: v for k, v in named.string_overrides.items() if k not in new}
        named = dataclasses.replace(named, string_overrides=overrides)
    return dataclasses.replace(named, **new)
