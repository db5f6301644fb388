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


TITLE = b"<title>A recurrent network to play with</title>"
"""What tells an earlier page, which may be written anew, from another file."""


def write_playground(path: Path) -> None:
    """Write the page; an earlier one is replaced, another file is not.

    Raises
    ------
    InputError
        If there is another file, or none can be written.
    """
    try:
        if path.is_file() and TITLE not in path.read_bytes():
            rule = "only such a page is overwritten"
            raise InputError(rule, f"`{path}`, another file", "Pass another `--out`.")
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, playground())
    except OSError as error:
        rule = "the page must be written to a file"
        got = f"`{path}` ({error.strerror})"
        raise InputError(rule, got, "Pass another `--out`.") from None


def _read(name: str) -> str:
    return (files("throughtime.lecture") / "play" / name).read_text(encoding="utf-8")
