"""Figures for a paper: each as SVG, PDF and PNG, with its numbers as CSV."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from throughtime._support import atomic
from throughtime.errors import InputError

from . import figure_data, figure_style

FORMATS: dict[str, dict[str, Any]] = {
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
    "png": {"dpi": 300, "metadata": {"Software": None}},
}

FONTS: dict[Any, Any] = {"pdf.fonttype": 42, "svg.fonttype": "none"}
"""Text stays text; TrueType is what journals ask for."""


class FigureFiles:
    """Draws figures, as `PictureMaker` does, and writes them once all are drawn.

    The files are named after the figure, and after its label where there is one.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def __call__(self, label: str, draw: Callable[..., Figure], *arguments: Any) -> str:
        """Draw a figure with `draw(*arguments)`, and return the name of its files."""
        figure, name = draw(*arguments), self._name(f"{draw.__name__} {label}")
        found = figure_data.panels(figure)
        for i, panel in enumerate(found):
            part = f"-{i + 1}" if len(found) > 1 else ""
            self.files[f"{name}{part}.csv"] = figure_data.to_csv(panel).encode()
        for suffix, content in in_formats(figure).items():
            self.files[f"{name}.{suffix}"] = content
        return name

    def write(self, folder: Path) -> list[Path]:
        """Write all files into a folder, which is made if it does not exist.

        Raises
        ------
        InputError
            If the folder cannot be written to.
        """
        check_folder(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in self.files.items():
                atomic.write(folder / name, content)
        except OSError as error:
            raise _unwritable(folder, error.strerror or "not writable") from None
        return [folder / name for name in self.files]

    def _name(self, text: str) -> str:
        """A name of letters, digits and hyphens that no other figure has."""
        name = re.sub(r"[^\w]+|_", "-", text.lower()).strip("-")[:80]
        same = sum(
            re.fullmatch(rf"{re.escape(name)}(-\d+)?\.png", one) is not None
            for one in self.files
        )
        return f"{name}-{same + 1}" if same else name


def in_formats(figure: Figure) -> dict[str, bytes]:
    """A figure as SVG, PDF and PNG, by the suffix."""
    found = {}
    with figure_style.style(), rc_context(FONTS):
        for suffix, options in FORMATS.items():
            content = io.BytesIO()
            figure.savefig(content, format=suffix, facecolor="white", **options)
            found[suffix] = content.getvalue()
    return found


def check_folder(folder: Path) -> None:
    """Refuse a folder of figures that is a file.

    Raises
    ------
    InputError
        If it is.
    """
    if folder.exists() and not folder.is_dir():
        raise _unwritable(folder, "a file")


def _unwritable(folder: Path, reason: str) -> InputError:
    rule = "the folder of figures must be writable"
    return InputError(rule, f"`{folder}` ({reason})", "Pass another folder by `--out`.")
