"""The package's shape: layers, what it may import, and how long its files may be.

All of it is read from the source; nothing is imported.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "throughtime"

# From the ground up: a module imports only from the layers above it in this table. Layers of
# one subject follow one another because its modules build on each other.
LAYERS = [
    (
        "ground",
        {"atomic", "baselines", "compilation", "conformal", "errors", "memory", "precision"},
    ),
    ("seeds", {"seeds"}),
    ("primitives", {"initialise", "losses", "metrics", "batches", "native", "times", "values"}),
    ("systems", {"systems", "expressions"}),
    ("systems: through time", {"simulate", "equations"}),
    ("systems: over ranges", {"trajectories"}),
    ("systems: a linear map of them", {"linear_map"}),
    ("systems: how well they are solved", {"surrogate_error"}),
    ("tasks; linear algebra", {"tasks", "conjugate_gradient", "ridge", "spectral_radius"}),
    ("reservoirs: states", {"reservoir"}),
    ("reservoirs: readouts", {"echo_state", "echo_state_property", "next_generation"}),
    ("data: a series", {"series", "files"}),
    ("data: its columns", {"columns"}),
    ("data: a table", {"tables"}),
    ("data: bundled", {"datasets"}),
    ("cells", {"cells"}),
    ("recurrences: equations", {"recurrences"}),
    ("recurrences: scans", {"scans"}),
    ("recurrences: primitives", {"primitives"}),
    ("cells through time", {"unroll"}),
    ("network", {"network"}),
    ("network: what it reads", {"teacher_forcing", "fed_back"}),
    ("network: its gradient written out", {"bptt"}),
    ("network: what is minimised", {"objective"}),
    ("dynamics: what is left to itself", {"maps"}),
    ("dynamics: exponents, gradients", {"lyapunov", "gradient_flow"}),
    ("dynamics: where it stands still", {"fixed_points"}),
    ("dynamics: in a word", {"behaviour"}),
    ("network, closed-loop", {"rollout", "drawn"}),
    ("training: how", {"first_order", "hessian_free", "regulariser"}),
    ("training: how, by name", {"methods"}),
    ("training: an epoch", {"epoch"}),
    ("training", {"train"}),
    ("training: readouts", {"readout"}),
    ("training: the four ways", {"ways"}),
    ("training: a task", {"solve"}),
    ("training: kept and shown", {"checkpoint", "progress"}),
    ("training: sealed, recorded", {"digests", "flow_record"}),
    ("reservoir: search space", {"search_space"}),
    ("reservoir: search", {"reservoir_search"}),
    ("forecasting: its error", {"backtest", "settings"}),
    ("an equation to a network", {"surrogate"}),
    ("forecasting: its parts", {"parts"}),
    ("forecasting", {"predict"}),
    ("run", {"run"}),
    ("forecaster", {"forecast"}),
    ("what a network is judged by", {"subject"}),
    ("what a network does", {"diagnose"}),
    ("drawing", {"drawing"}),
    ("figures", {"figures", "dynamics_figures"}),
    ("verdict", {"verdict"}),
    ("report", {"report", "examples", "compare"}),
    ("reports of other kinds", {"compare_report", "surrogate_report", "diagnose_report"}),
    ("command line: results", {"outcome", "usage", "options"}),
    ("command line: work", {"job"}),
    ("command line: work on surrogates; ends", {"surrogate_run", "ending"}),
    (
        "command line: other commands",
        {"tasks_command", "compare_command", "surrogate_command", "diagnose_command"},
    ),
    ("command line", {"cli"}),
    ("package", {"__init__", "__main__"}),
]
HEIGHT = {module: i for i, (_, modules) in enumerate(LAYERS) for module in modules}
MODULES = sorted(PACKAGE.rglob("*.py"))

FOREIGN = {"torch", "tensorflow", "keras", "pandas", "pyarrow", "sklearn"}
UNSAFE = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}

modules = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)


def tree(path):
    """The source of a module, parsed; what only a type checker reads is left out."""
    parsed = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(parsed):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    return parsed


def own_imports(parsed):
    """The modules of the package that are imported, and the line of each."""
    found = []
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            found += [(a.name, node.lineno) for a in node.names if _is_own(a.name)]
        elif isinstance(node, ast.ImportFrom) and node.level:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found += [(name, node.lineno) for name in names]
        elif isinstance(node, ast.ImportFrom) and _is_own(node.module):
            found.append((node.module, node.lineno))
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


def test_the_table_has_every_module_once():
    assert len(HEIGHT) == sum(len(modules) for _, modules in LAYERS)
    assert sorted(HEIGHT) == sorted(path.stem for path in MODULES)


@modules
def test_a_module_imports_from_lower_layers_only(path):
    for name, line in own_imports(tree(path)):
        assert not _is_own(name), f"{path.name}:{line}: import relatively, not from `{name}`"
        assert HEIGHT[name] < HEIGHT[path.stem], f"{path.name}:{line} imports `{name}`"


@modules
def test_only_light_and_safe_packages_are_imported(path):
    assert not foreign_imports(tree(path)) & (FOREIGN | UNSAFE)


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
        if isinstance(node, ast.FunctionDef) and not _is_command(node):
            length = node.end_lineno - node.lineno + 1 - _documentation(node)
            assert length <= 60, f"{path.name}:{node.lineno} `{node.name}`: {length} lines"


def _is_command(node):
    return any(ast.unparse(d).startswith("app.command") for d in node.decorator_list)


def _documentation(node):
    """The lines of its docstring: a long one is no reason to split a function."""
    if ast.get_docstring(node) is None:
        return 0
    return node.body[0].end_lineno - node.body[0].lineno + 1


def test_the_reader_of_imports_sees_all_of_them(tmp_path):
    source = tmp_path / "x.py"
    source.write_text(
        "import torch.nn as t\nfrom . import train, run\nfrom .cells import GRU\n"
        "from throughtime.job import begin\nimport throughtime.cli\n"
        "if TYPE_CHECKING:\n    from .report import x\n"
        "def f():\n    from .tables import y\n    import_module('pickle')\n"
    )
    names = {name for name, _ in own_imports(tree(source))}
    assert names == {"train", "run", "cells", "tables", "throughtime.job", "throughtime.cli"}
    assert foreign_imports(tree(source)) >= {"torch", "pickle"}
