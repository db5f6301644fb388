"""The command `throughtime gradients`: how far gradients reach in a cell, without a run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from throughtime.errors import InputError, check_known_name, check_positive_integer

from .options import Json, Seed

if TYPE_CHECKING:
    from throughtime.dynamics.jacobian_norms import JacobianNorms

KINDS = ("rnn", "gru", "lstm")
PATHS = {"rnn": "radius^k", "gru": "keep gates", "lstm": "keep gates"}
"""What theory gives for each cell, as `JacobianNorms.path` has it."""

MOST = 2000
"""Steps at most."""


def gradients(
    cell: Annotated[
        str | None, typer.Option(help="`rnn`, `gru` or `lstm`; by default all three.")
    ] = None,
    radius: Annotated[
        float, typer.Option(help="Spectral radius of the recurrent weights.")
    ] = 0.9,
    steps: Annotated[int, typer.Option(help="Steps back, k, at most.")] = 100,
    hidden: Annotated[int, typer.Option(help="Units of the cell.")] = 64,
    activation: Annotated[
        str, typer.Option(help="Function of an `rnn`: `tanh`, `relu`, `logistic`, `identity`.")
    ] = "tanh",
    rotation: Annotated[
        bool, typer.Option("--rotation", help="Take a rotation times the radius for weights.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the picture; by default one in `runs/`.")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Measure how a gradient vanishes or explodes on its way back, beside theory.

    The cell has random weights and reads white noise; it is trained on nothing. The norm of
    the derivative of h(t) by h(t-k) is its largest singular value.

    Example: `throughtime gradients --cell rnn --radius 0.9 --steps 100`
    """
    from throughtime.dynamics.jacobian_norms import jacobian_norms, random_cell
    from throughtime.recurrence.cells import ACTIVATIONS

    if cell is not None:
        check_known_name("cell", cell, KINDS)
    check_known_name("activation", activation, ACTIVATIONS)
    check_positive_integer("steps", steps)
    if steps > MOST:
        raise InputError(f"`steps` must be at most {MOST}", steps, "Lower `steps`.")
    if seed < 0:
        raise InputError("`seed` must be at least 0", seed, "Raise `seed`.")
    import numpy as np  # here, as above: the list of commands must come at once

    from .example import make_folder

    xs = np.random.default_rng(seed).standard_normal((steps + 1, 1))
    found = {}
    for kind in (cell,) if cell else KINDS:
        options = {"rotation": rotation, "activation": activation, "seed": seed}
        found[kind] = jacobian_norms(random_cell(kind, radius, hidden, **options), xs)
    folder = make_folder(out or Path("runs") / "gradients")
    picture = _draw(folder, found)
    if as_json:
        typer.echo(json.dumps({kind: to_json(norms) for kind, norms in found.items()}))
        return
    for kind, norms in found.items():
        typer.echo(text(kind, norms))
    typer.echo(f"Picture: {picture}")


def text(kind: str, norms: "JacobianNorms") -> str:
    """The norms at a few lags, beside theory and bound."""
    block = "W" if kind == "rnn" else "the candidate's W"
    lines = [
        f"{kind}: spectral radius of {block} {norms.radius:.4g}, largest singular value "
        f"{norms.largest:.4g}",
        f"{'k':>6}{'measured':>12}{PATHS[kind]:>12}{'bound':>12}",
    ]
    last = len(norms.measured)
    for k in sorted({lag for lag in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if lag < last}):
        lines.append(_row(norms, k))
    return "\n".join([*lines, _row(norms, last)])


def _row(norms: "JacobianNorms", k: int) -> str:
    values = (norms.measured[k - 1], norms.path[k - 1], norms.bound[k - 1])
    return f"{k:>6}" + "".join(f"{_power(value):>12}" for value in values)


def _power(log: float) -> str:
    """A number from its decimal logarithm, which may be too large or small for a float."""
    import math

    if log == -math.inf:
        return "0"
    exponent = math.floor(log)
    digits = f"{10 ** (log - exponent):.3f}"
    if digits == "10.000":
        digits, exponent = "1.000", exponent + 1
    return f"{digits}e{exponent:+03d}"


def to_json(norms: "JacobianNorms") -> dict:
    """The same for JSON: decimal logarithms by lag, null where a norm is 0."""
    import math

    logs = {"measured": norms.measured, "path": norms.path, "bound": norms.bound}
    plain = {
        f"log10_{name}": [float(v) if math.isfinite(v) else None for v in values]
        for name, values in logs.items()
    }
    return {"radius": norms.radius, "largest": norms.largest, **plain}


def _draw(folder: Path, found: "dict[str, JacobianNorms]") -> Path:
    from throughtime.reports import figure_style, lecture_figures

    picture = folder / "gradients.png"
    panels = {
        kind: (norms.measured, {PATHS[kind]: norms.path, "bound": norms.bound})
        for kind, norms in found.items()
    }
    label = "log10 of the norm of dh(t)/dh(t-k)"
    figure_style.save(lecture_figures.norms_by_lag("Gradients by lag", panels, label), picture)
    return picture
