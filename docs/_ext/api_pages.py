"""Writes the pages of the API reference from the source: one for each room and each module.

The public names are those of `src/throughtime/__init__.pyi`, the rooms those of
`tests/test_layers.py`. Nothing is imported; a page is written only where it has changed, so
that a second build reads only what is new.
"""

import ast
import inspect
from pathlib import Path

from to_rst import to_rst

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "throughtime"
INSIDE = ("commands", "_support")  # rooms for those who change the package
INTRODUCTION = """The package is a house of rooms. Each has a page: its public names, which are
attributes of ``throughtime``, then its modules. :doc:`/architecture` shows how they stand."""
COMMANDS = "commands"  # its functions are programs: they have a page of their own


def rooms():
    """The rooms, from the ground up, as `tests/test_layers.py` lists them."""
    tree = ast.parse((ROOT / "tests" / "test_layers.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ROOMS":
            return ast.literal_eval(node.value)
    raise LookupError("tests/test_layers.py has no list ROOMS")


def public_names():
    """Each public name and the module that it comes from: `{"GRU": "recurrence.cells"}`."""
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and node.level
        for alias in node.names
    }


def modules(room):
    """The modules of a room and of those within, as `["data.datasets", "data.files", ...]`."""
    if (PACKAGE / room).is_dir():
        files = sorted((PACKAGE / room).rglob("*.py"))
        own = [file.relative_to(PACKAGE).with_suffix("") for file in files]
        return [".".join(file.parts) for file in own if file.stem != "__init__"]
    return [room]


def parsed(module):
    """The source of a module or of a room, parsed."""
    path = PACKAGE.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def summary(module):
    """The first sentence of a module's docstring."""
    text = " ".join((ast.get_docstring(parsed(module)) or "").split("\n\n")[0].split())
    return text.split(". ")[0]


def contents(module):
    """What a module defines for others, in its order: the name of each and its directive."""
    found, body = {}, parsed(module).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.ClassDef) and ast.get_docstring(node):
            found[node.name] = [".. autoclass:: {}", "   :members:"]
        elif isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
            found[node.name] = [".. autofunction:: {}"]
        elif isinstance(node, ast.Assign | ast.AnnAssign) and _text(after):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                found[target.id] = _data(node.value, _text(after))
    return {name: lines for name, lines in found.items() if not name.startswith("_")}


def _text(node):
    """The text of a docstring that stands below what it documents, if this is one."""
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return node.value.value if is_text and isinstance(node.value.value, str) else None


def _data(value, text):
    """A constant is shown with its value, anything longer with its docstring alone."""
    shown = [f"   :value: {ast.unparse(value)}"] if isinstance(value, ast.Constant) else []
    described = to_rst(inspect.cleandoc(text)).split("\n")
    return [".. py:data:: {}", *shown, "", *(f"   {line}".rstrip() for line in described)]


def _heading(text, line):
    return [text, line * len(text), ""]


def module_page(module):
    """The page of a module: its docstring, its public names, then what else it defines."""
    public = {name for name, home in public_names().items() if home == module}
    entries = contents(module)
    if module.startswith(f"{COMMANDS}."):
        entries.pop(module.split(".")[-1], None)
    lines = [*_heading(module, "="), f".. automodule:: throughtime.{module}", ""]
    lines += [".. py:currentmodule:: throughtime", ""]
    lines += _directives(entries, [name for name in entries if name in public])
    others = [name for name in entries if name not in public]
    if others and public:
        lines += [".. rubric:: Also in this module", ""]
    lines += [f".. py:currentmodule:: throughtime.{module}", ""]
    return "\n".join([*lines, *_directives(entries, others)])


def _directives(entries, names):
    lines = []
    for name in names:
        first, *rest = entries[name]
        lines += [first.format(name), *rest, ""]
    return lines


def room_page(room):
    """The page of a room: its docstring, its public names and its modules, in two tables."""
    own = modules(room)
    names = sorted((n for n, home in public_names().items() if home in own), key=str.lower)
    text = (ast.get_docstring(parsed(room)) or "").split("\n\n")
    lines = [*_heading(room, "="), " ".join(text[0].split()), ""]
    if names:
        lines += [*_heading("Public names", "-"), "As attributes of ``throughtime``:", ""]
        lines += [".. currentmodule:: throughtime", "", ".. autosummary::", "   :nosignatures:"]
        lines += ["", *(f"   {name}" for name in names), ""]
    lines += _heading("Modules", "-")
    if (PACKAGE / room).is_dir():
        lines += ["\n\n".join(text[1:]), ""]
    lines += [".. list-table::", "   :widths: 30 70", "   :class: modules", ""]
    for module in own:
        lines += [
            f"   * - :doc:`{module.split('.')[-1]} <{module}>`",
            f"     - {summary(module)}",
        ]
    lines += ["", ".. toctree::", "   :hidden:", ""]
    return "\n".join(
        [*lines, *(f"   {module.split('.')[-1]} <{module}>" for module in own), ""]
    )


def index_page():
    """The first page of the reference: the command line, then the rooms."""
    lines = [*_heading("API reference", "="), INTRODUCTION, ""]
    lines += [".. list-table::", "   :widths: 25 75", "   :class: modules", ""]
    lines += ["   * - :doc:`Command line </generated/commands>`", "     - every command"]
    shown = [*(r for r in rooms() if r not in INSIDE), *(r for r in INSIDE if r in rooms())]
    for room in shown:
        lines += [f"   * - :doc:`{room} <room-{room}>`", f"     - {summary(room)}"]
    lines += ["", ".. toctree::", "   :hidden:", "", "   Command line </generated/commands>"]
    return "\n".join([*lines, *(f"   {room} <room-{room}>" for room in shown), ""])


def pages():
    """Every page of the reference: its name, without a suffix, and its text."""
    found = {"index": index_page()}
    for room in rooms():
        # A room of one module has one page for both, so its module goes below another name.
        found[f"room-{room}"] = room_page(room)
        found |= {module: module_page(module) for module in modules(room)}
    return found


def write(folder):
    """Write the pages that have changed, and remove those whose module is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {f"{name}.rst": text for name, text in pages().items()}
    for file in folder.glob("*.rst"):
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        file = folder / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
