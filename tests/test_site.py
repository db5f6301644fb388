"""The site, as far as it can be checked without building it."""

import re
import shlex
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import test_layers
import typer

import throughtime as tt

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXTENSIONS = DOCS / "_ext"
PAGES = sorted(
    path
    for path in DOCS.rglob("*.md")
    if not {"_build", "generated"} & {part.name for part in path.relative_to(DOCS).parents}
)
EXECUTED = [path for path in PAGES if "{code-cell}" in path.read_text(encoding="utf-8")]
GALLERIES = {"generated/tutorials": ROOT / "examples", "generated/gallery": DOCS / "gallery"}

pages = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
executed = pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.stem)


@cache
def extension(name):
    """A module of the site's own extensions that needs no Sphinx."""
    sys.path.insert(0, str(EXTENSIONS))
    try:
        return __import__(name)
    finally:
        sys.path.remove(str(EXTENSIONS))


@cache
def reference():
    """The pages of the API reference, by name."""
    return extension("api_pages").pages()


def toctrees(text):
    """The pages that a page in Markdown has below it."""
    for body in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL):
        for line in body.splitlines():
            if line and not line.startswith(":"):
                yield re.sub(r".*<(.*)>", r"\1", line)


def options():
    """The options of each command."""
    from throughtime.commands.app import app

    program = typer.main.get_command(app)
    return {
        name: {o for one in command.params for o in (*one.opts, *one.secondary_opts)}
        for name, command in program.commands.items()
    }


def test_every_public_name_is_on_one_page_of_a_room():
    tables = [text for name, text in reference().items() if name.startswith("room-")]
    listed = [
        name
        for text in tables
        for body in re.findall(r"autosummary::\n   :nosignatures:\n\n((?:   .+\n)+)", text)
        for name in body.split()
    ]
    assert sorted(listed) == sorted(tt.__all__)


def test_every_public_name_is_documented_once():
    documented = []
    for text in reference().values():
        below = ""
        for directive, name in re.findall(
            r"^\.\. (py:currentmodule|autoclass|autofunction|py:data):: (\S+)",
            text,
            re.MULTILINE,
        ):
            below = name if directive == "py:currentmodule" else below
            if directive != "py:currentmodule" and below == "throughtime":
                documented.append(name)
    assert sorted(documented) == sorted(tt.__all__)


def test_every_module_has_a_page_that_its_room_names():
    for name in test_layers.NAMES:
        module = name.removeprefix("throughtime").removeprefix(".").removesuffix(".__init__")
        if (
            module in ("", "__main__")
            or (test_layers.PACKAGE / module.replace(".", "/")).is_dir()
        ):
            continue
        assert module in reference(), name
        assert f"<{module}>" in reference()[f"room-{module.split('.')[0]}"]


def test_every_page_is_in_a_table_of_contents():
    below = set()
    for path in PAGES:
        for name in toctrees(path.read_text(encoding="utf-8")):
            page = (path.parent / name).relative_to(DOCS).as_posix()
            below.add(page)
            if page.startswith("generated/"):
                folder = page.removesuffix("/index")
                written = folder in GALLERIES or folder == "generated/api"
                assert written, f"{path.name} names {page}, which nothing writes"
            else:
                assert (DOCS / f"{page}.md").exists(), f"{path.name} names {page}"
    own = {path.relative_to(DOCS).with_suffix("").as_posix() for path in PAGES} - {"index"}
    assert own <= below, own - below


@pytest.mark.parametrize("folder", GALLERIES.values(), ids=lambda folder: folder.name)
def test_every_program_of_a_gallery_has_a_title(folder):
    assert (folder / "GALLERY_HEADER.rst").exists()
    for path in folder.glob("*.py"):
        first = path.read_text(encoding="utf-8").split('"""')[1].strip().splitlines()
        assert first[1] == "=" * len(first[0]), path.name


@pages
def test_a_page_names_only_commands_and_options_that_exist(path):
    known, text = options(), path.read_text(encoding="utf-8")
    blocks = re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL)
    lines = [line.split("#")[0] for block in blocks for line in block.strip("`").splitlines()]
    for line in lines:
        if not (match := re.match(r"(?:\w+=\S+ )?throughtime ([a-z]\S*)(.*)", line)):
            continue
        assert match[1] in known, line
        used = set(re.findall(r"(?<!\S)(--[a-z-]+)", match[2]))
        assert used <= known[match[1]] | {"--help"}, line


@pages
def test_a_page_names_only_public_names_that_exist(path):
    used = set(re.findall(r"\btt\.([A-Za-z_]+)", path.read_text(encoding="utf-8")))
    assert used <= set(dir(tt)), used - set(dir(tt))


@executed
def test_a_page_is_read_as_a_notebook(path):
    """Its head says so; otherwise its code is shown and not run."""
    assert path.read_text(encoding="utf-8").startswith("---\nfile_format: mystnb\n")


def test_each_row_of_the_lecture_leads_to_its_place():
    text = (DOCS / "lecture.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    places = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
    assert re.findall(r"\]\(#([\w-]+)\)", text) == places


def test_the_drawings_are_those_of_their_script_and_name_what_is_there():
    drawings = extension("drawings")
    for name, text in drawings.drawings().items():
        assert (DOCS / "_static" / name).read_text(encoding="utf-8") == text, name
    drawn = [box[0] for storey in drawings.HOUSE for box in storey]
    assert sorted(drawn) == sorted(test_layers.ROOMS)
    for _, module, _ in drawings.CSV + drawings.EQUATION:
        assert not module or (test_layers.PACKAGE / module).is_file(), module


def test_the_house_stands_as_it_is_drawn():
    """A room is drawn above, or to the left of, every room that it imports."""
    order = [box[0] for storey in extension("drawings").HOUSE for box in storey]
    for name, path in test_layers.NAMES.items():
        own = test_layers.room(name)
        for other, _ in test_layers.own_imports(path):
            below = test_layers.room(other)
            if own and below and own != below and own in order:
                assert order.index(own) < order.index(below), f"{name} imports {other}"


def test_what_is_to_be_touched_to_add_something_is_there():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| a.+\|$", text.split("## To add something")[1], re.MULTILINE)
    assert len(rows) >= 8
    for row in rows:
        code = re.findall(r"`([^`]+)`", row)
        roots = (test_layers.PACKAGE, ROOT)
        files = [next((r / c for r in roots if (r / c).is_file()), None) for c in code]
        missing = [c for c, f in zip(code, files, strict=True) if f is None and "/" in c[:-1]]
        assert not missing, row
        source = "".join(f.read_text(encoding="utf-8") for f in files if f)
        assert all(c in source for c in code if c.isupper()), row


def test_nothing_of_the_site_is_in_the_wheel():
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["scikit-build"]
    assert built["wheel"]["packages"] == ["src/throughtime"]


@pytest.mark.parametrize(
    ("text", "rst"),
    [
        ("a `b` c", "a :named:`b` c"),
        ("the $x_t$ of", "the :math:`x_t` of"),
        ("`x`s", ":named:`x`\\ s"),
        ("a\n\n$$y = x$$\n\nb", "a\n\n\n\n.. math::\n\n   y = x\n\n\n\nb"),
        ("|x| of fit_ and *args", "\\|x\\| of fit\\_ and \\*args"),
        (">>> a | b_", ">>> a | b_"),
        (
            "| a | b |\n| --- | --- |\n| 1 | `2` |",
            ".. list-table::\n   :header-rows: 1\n\n   * - a\n     - b\n   * - 1\n"
            "     - :named:`2`\n",
        ),
    ],
)
def test_docstrings_become_restructured_text(text, rst):
    assert extension("to_rst").to_rst(text) == rst


def test_every_slide_has_a_command_that_exists():
    """Each slide but the plan and the literature has a row; its command parses as it stands."""
    from throughtime.commands.app import app
    from throughtime.lecture.programs import PROGRAMS

    commands = typer.main.get_command(app).commands  # pyright: ignore
    text, lecture = (
        (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("slides", "lecture")
    )
    titles = re.findall(r"^## (.+)$", lecture, re.MULTILINE)
    places = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    slides = set()
    for row in re.findall(r"^\| (\d.+) \|$", text, re.MULTILINE):
        number, _, code, _, link = row.split(" | ")
        first, *last = map(int, number.replace(",", " ").replace("to", " ").split())
        slides |= set(range(first, last[0] + 1)) if "to" in number else {first, *last}
        assert re.search(r"\(lecture\.md#([\w-]+)\)", link)[1] in places, row
        words = shlex.split(code.strip("`")) if code.startswith("`throughtime") else []
        if words:
            commands[words[1]].make_context(words[1], words[2:])  # parses, or raises
        if words[1:2] == ["example"]:
            assert words[2] in PROGRAMS, row
    assert slides == set(range(4, 46))
    shown = set(re.findall(r"throughtime example ([\w-]+)", text))
    assert shown == set(PROGRAMS)
