"""What the documents show runs, and what they name is there."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "CONTRIBUTING.md",
]

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_says_something(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip()


def test_the_parts_in_the_readme_run():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    parts = next(block for block in blocks if "tt.Windows" in block)
    names = {}
    exec("import throughtime as tt\n" + parts, names)
    assert names["ahead"].shape == (1, 100, 1)


@documents
def test_files_that_a_document_names_are_there(path):
    text = path.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    named = re.findall(r"`((?:src|tests|scripts|benchmarks|docs|examples)/[\w./-]+)`", text)
    missing = [name for name in links if not (path.parent / name).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]
    assert not missing


@documents
def test_no_placeholder_is_left(path):
    assert not re.search(r"^[A-Z]{4,}$", path.read_text(encoding="utf-8"), re.MULTILINE)
