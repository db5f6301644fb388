"""Writes each page of `docs/notebooks/` as an .ipynb file, and links the pages to these files.

The files hold no outputs: who opens one wants to run it. Solutions are folded away there as in
the site, and links lead to the source or to the notebook beside it.
"""

import json
import re
from pathlib import Path

HERE = Path(__file__).parents[1]
FOLDER = HERE / "notebooks"
PLACE = "_static/notebooks"
CELL = re.compile(r"^```\{code-cell\} python\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
HEAD = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
HIDDEN = ":tags: [hide-cell]\n"
LINK = re.compile(r"\]\(([\w./-]+)\.md(#[\w-]+)?\)")


def pages():
    """The notebooks by name, and the text of each."""
    files = sorted(FOLDER.glob("*.md"))
    return {f.stem: f.read_text(encoding="utf-8") for f in files if f.stem != "index"}


def code(text):
    """The code of each cell of a page, from the first to the last."""
    return [body.removeprefix(HIDDEN).strip("\n") for body in CELL.findall(text)]


def notebook(text, source):
    """A page as a notebook, in the format of Jupyter; `source` is where the project is."""
    cells = []
    for place, part in enumerate(CELL.split(HEAD.sub("", text))):
        if place % 2:
            kept = {"tags": ["hide-cell"], "jupyter": {"source_hidden": True}}
            cells.append(
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "metadata": kept if part.startswith(HIDDEN) else {},
                    "outputs": [],
                    "source": part.removeprefix(HIDDEN).strip("\n"),
                }
            )
        elif part.strip():
            linked = LINK.sub(lambda match: f"]({_address(match, source)})", part.strip())
            cells.append({"cell_type": "markdown", "metadata": {}, "source": linked})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    head = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": head, "nbformat": 4, "nbformat_minor": 4}


def _address(match, source):
    """Where a link of a page leads from its file."""
    page, place = match[1], match[2] or ""
    if page in pages():
        return f"{page}.ipynb"
    file = (FOLDER / f"{page}.md").resolve().relative_to(HERE.parent)
    return f"{source}/blob/main/{file}{place}"


def write(folder, source):
    """Write all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        written = json.dumps(notebook(text, source), indent=1, ensure_ascii=False)
        (folder / f"{name}.ipynb").write_text(written + "\n", encoding="utf-8")


def link(docname, text):
    """The text of a page of the site, with its link to the file."""
    folder, _, name = docname.partition("/")
    if folder != "notebooks":
        return text
    address = '<a href="../{}/{}.ipynb" download>{}</a>'
    if name == "index":
        return re.sub(
            r"`([\w-]+)\.ipynb`", lambda m: address.format(PLACE, m[1], f"{m[1]}.ipynb"), text
        )
    line = address.format(PLACE, name, "This page as a file for Jupyter")
    return re.sub(r"^(# .+\n)", rf"\1\n{line}\n", text, count=1, flags=re.MULTILINE)


def setup(app):
    def insert(app, docname, source):
        source[0] = link(docname, source[0])

    app.connect("source-read", insert)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
