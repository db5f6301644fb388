"""The house: its rooms, what each may import, and how long its files may be.

All of it is read from the source; nothing is imported.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "throughtime"

# From the ground up: a room imports only from the rooms above it in this list, and a module
# only from its own room's modules that do not, in turn, need it.
ROOMS = [
    "errors",
    "_support",
    "tables",
    "stamps",
    "data",
    "recurrence",
    "training",
    "runs",
    "reservoir",
    "models",
    "forecasting",
    "dynamics",
    "tuning",
    "tasks",
    "reports",
    "lecture",
    "interop",
    "commands",
]
MODULES = sorted(PACKAGE.rglob("*.py"))

NEIGHBOURS = {
    "torch": "torch",
    "keras": "keras",
    "onnx": "onnx",
    "scikit_learn": "sklearn",
    "sequence_arrays": "sklearn",
    "sktime": "sktime",
    "darts": "darts",
    "pandas_series": "pandas",
}
"""The library that each module of `interop` is for: nothing else imports it."""

FOREIGN = {"onnx", "torch", "tensorflow", "keras", "pandas", "pyarrow", "sklearn"}
FOREIGN |= {"sktime", "darts"}
UNSAFE = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}


def dotted(path, package=PACKAGE):
    """The name of a module: `throughtime.data.series`."""
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path): path for path in MODULES}
modules = pytest.mark.parametrize("path", MODULES, ids=dotted)


def room(name):
    """The room of a module, "" for the package itself; `errors` is a room of one module."""
    parts = name.removesuffix(".__main__").split(".")
    return parts[1] if len(parts) > 1 else ""


def tree(path):
    """The source of a module, parsed; what only a type checker reads is left out."""
    parsed = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(parsed):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    return parsed


def own_imports(path, package=PACKAGE, names=NAMES):
    """The modules of the package that are imported, and the line and the node of each."""
    here = dotted(path, package).split(".")
    here = here if path.name == "__init__.py" else here[:-1]
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [(a.name, node) for a in node.names if _is_own(a.name)]
        elif isinstance(node, ast.ImportFrom):
            above = here[: len(here) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            if _is_own(source):
                inner = [f"{source}.{a.name}" for a in node.names]
                found += [(name if name in names else source, node) for name in inner]
    return found


def _is_own(name):
    return name.split(".")[0] == "throughtime"


def foreign_imports(parsed):
    """The packages that are imported, by `import` or by name."""
    found = set()
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            if isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value.split(".")[0])
    return found


def climbs(path, package=PACKAGE, names=NAMES):
    """The imports of a module from a room below its own, or of a room as a whole."""
    own = room(dotted(path, package))
    wrong = []
    for name, node in own_imports(path, package, names):
        other = room(name)
        known = other in ROOMS and not (name == f"throughtime.{other}" and other != "errors")
        if not known or (own and own != other and ROOMS.index(other) > ROOMS.index(own)):
            wrong.append(f"{path.name}:{node.lineno} imports `{name}`")
    return wrong


def cycle(graph):
    """A chain of modules that import each other, empty if there is none."""
    done, path = set(), []

    def visit(name):
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        path.append(name)
        for other in sorted(graph[name]):
            if found := visit(other):
                return found
        path.pop()
        done.add(name)
        return []

    for name in sorted(graph):
        if found := visit(name):
            return found
    return []


def test_the_table_of_contents_is_the_list_of_rooms():
    entries = {path.name for path in PACKAGE.iterdir()} - {"__pycache__"}
    rooms = {"errors.py", *(name for name in ROOMS if name != "errors")}
    assert entries == rooms | {"__init__.py", "__init__.pyi", "__main__.py", "py.typed"}


@modules
def test_a_module_imports_from_rooms_above_its_own(path):
    assert not climbs(path)


def test_no_module_needs_itself():
    graph = {
        name: {other for other, _ in own_imports(path) if other in NAMES}
        for name, path in NAMES.items()
    }
    assert cycle(graph) == []


@modules
def test_an_import_shows_whether_it_leaves_the_room(path):
    """Within a room it is relative, across rooms it names the room."""
    own = room(dotted(path))
    for name, node in own_imports(path):
        relative = isinstance(node, ast.ImportFrom) and node.level == 1
        assert relative == (room(name) == own), f"{path.name}:{node.lineno} imports `{name}`"


@pytest.mark.parametrize("name", [name for name in ROOMS if name != "errors"])
def test_a_room_says_what_lives_there_and_where_to_begin(name):
    text = ast.get_docstring(ast.parse((PACKAGE / name / "__init__.py").read_text()))
    begins = [word for word in text.split("`") if word.endswith(".py")]
    assert "Imports" in text or "import" in text
    assert begins and all((PACKAGE / name / word).exists() for word in begins), text


@modules
def test_only_light_and_safe_packages_are_imported(path):
    parsed = tree(path)
    for node in ast.walk(parsed):  # its processes, not its files
        if isinstance(node, ast.ImportFrom) and node.module == "joblib":
            assert {one.name for one in node.names} <= {
                "Parallel",
                "delayed",
                "parallel_config",
            }
            node.module = "processes"
    own = {NEIGHBOURS.get(path.stem)} if path.parent.name == "interop" else set()
    assert not foreign_imports(parsed) & (FOREIGN | UNSAFE) - own


@modules
def test_nothing_is_executed_from_text(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            known = node.func.id not in ("eval", "exec", "compile", "__import__")
            assert known, f"{path.name}:{node.lineno} calls {node.func.id}"


@modules
def test_files_and_functions_are_short(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef) and not _is_command(node, path):
            length = node.end_lineno - node.lineno + 1 - _documentation(node)
            assert length <= 60, f"{path.name}:{node.lineno} `{node.name}`: {length} lines"


def _is_command(node, path):
    """A command's options are its arguments: as long as there are options."""
    return path.parent.name == "commands" and node.name == path.stem


def _documentation(node):
    """The lines of its docstring: a long one is no reason to split a function."""
    if ast.get_docstring(node) is None:
        return 0
    return node.body[0].end_lineno - node.body[0].lineno + 1


def house(tmp_path, **sources):
    """A small package of these modules, `room__module`: its folder, and its names."""
    package = tmp_path / "throughtime"
    for name, source in sources.items():
        path = package.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return package, {dotted(path, package): path for path in package.rglob("*.py")}


@pytest.mark.parametrize(
    "line",
    [
        "from throughtime.forecasting.forecaster import Forecaster",
        "from throughtime.forecasting import forecaster",
        "import throughtime.forecasting.forecaster",
        "def late():\n    from throughtime.forecasting.forecaster import Forecaster",
        "from throughtime import forecasting",
        "from throughtime import Forecaster",
        "from ..forecasting.forecaster import Forecaster",
    ],
)
def test_a_wrong_import_is_found(tmp_path, line):
    package, names = house(
        tmp_path, data__series=line, forecasting__forecaster="", forecasting____init__=""
    )
    assert climbs(names["throughtime.data.series"], package, names)


def test_a_right_import_is_not_found(tmp_path):
    package, names = house(
        tmp_path,
        errors="",
        data__series="from throughtime.errors import InputError\nfrom .scaler import Scaler",
        data__scaler="import numpy",
    )
    assert not climbs(names["throughtime.data.series"], package, names)


def test_a_cycle_is_found(tmp_path):
    package, names = house(
        tmp_path, data__a="from .b import x", data__b="from . import c", data__c="import d"
    )
    imports = {n: {m for m, _ in own_imports(p, package, names)} for n, p in names.items()}
    assert cycle(imports) == []
    names["throughtime.data.c"].write_text("def f():\n    from .a import y")
    imports = {n: {m for m, _ in own_imports(p, package, names)} for n, p in names.items()}
    assert set(cycle(imports)) == set(names)


def test_the_reader_of_imports_sees_all_of_them(tmp_path):
    package, names = house(
        tmp_path,
        data__series="import torch.nn as t\nfrom . import files, tables\n"
        "from .scaler import Scaler\nfrom throughtime.errors import InputError\n"
        "import throughtime.commands.app\n"
        "if TYPE_CHECKING:\n    from .report import x\n"
        "def f():\n    from .values import y\n    import_module('pickle')\n",
        data__files="",
        data__tables="",
    )
    path = names["throughtime.data.series"]
    seen = {name for name, _ in own_imports(path, package, names)}
    rooms = {f"throughtime.data.{name}" for name in ("files", "tables", "scaler", "values")}
    assert seen == rooms | {"throughtime.errors", "throughtime.commands.app"}
    assert foreign_imports(tree(path)) >= {"torch", "pickle"}
