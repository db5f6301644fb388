"""A page to play with: a small recurrent network in the browser, as one offline file.

Its script is put together from the files of `play/`, one idea each, in the order of `SCRIPTS`.
"""

from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from throughtime._support import atomic
from throughtime.errors import InputError
from throughtime.reports.page import policy_for, whole_script

SCRIPTS = ("matrix", "eigenvalues", "network", "training", "canvas", "page")

FIGURES = {
    "states": "The states after a push",
    "plane": "The eigenvalues of W, and the unit circle",
    "lags": "How much of a gradient reaches back, by lag",
    "sine": "The sine, and the network's forecast from step 75 on",
}


def playground() -> str:
    """The page as text."""
    style = _read("style.css")
    script = whole_script(_read(f"{name}.js") for name in SCRIPTS)
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return page.from_string(_read("page.html")).render(
        style=Markup(style),
        script=Markup(script),
        policy=policy_for(style, script),
        figures=FIGURES,
    )


def write_playground(path: Path) -> None:
    """Write the page.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, playground())
    except OSError as error:
        rule = "the page must be written to a file"
        got = f"`{path}` ({error.strerror})"
        raise InputError(rule, got, "Pass another `--out`.") from None


def _read(name: str) -> str:
    return (files("throughtime.lecture") / "play" / name).read_text(encoding="utf-8")
