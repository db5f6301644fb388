"""What the documents show runs, and what they name is there."""

import re
import runpy
import tomllib
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "start").glob("*.md")),
    ROOT / "CONTRIBUTING.md",
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCE = PROJECT["urls"]["Source"]
# The same tree by absolute addresses, as a package index needs them in the README.
PUBLISHED = [
    f"{SOURCE}/blob/main/",
    f"{SOURCE}/tree/main/",
    SOURCE.replace("//github.com/", "//raw.githubusercontent.com/") + "/main/",
]

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_says_something(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("part", "shape"), [("tt.Prior", (1, 12)), ("tt.Windows", (1, 100, 1))]
)
def test_the_parts_in_the_readme_run(part, shape):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    code = next(block for block in blocks if part in block)
    names = {}
    exec("import throughtime as tt\n" + code, names)
    assert names["ahead"].shape == shape


@pytest.mark.usefixtures("quick_compile")
def test_the_page_of_a_cell_of_your_own_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "own-cell.md").read_text(encoding="utf-8")
    names = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(code, names)
    assert "gradient" in capsys.readouterr().out
    assert names["ys"].shape == names["first"].shape
    np.testing.assert_array_equal(
        names["again"].predict(5).mean, names["model"].predict(5).mean
    )
    ones = jnp.ones((1, 4, 1))
    np.testing.assert_array_equal(names["same"](ones)[0], names["network"](ones)[0])


@documents
def test_files_that_a_document_names_are_there(path):
    text = path.read_text(encoding="utf-8")
    addresses = re.findall(r"\]\(([^)#\s]+)", text)
    links = [link for link in addresses if "://" not in link]
    folders = "src|tests|scripts|benchmarks|docs|examples|native|recipe"
    named = re.findall(rf"`((?:{folders})/[\w./-]+)`", text)
    missing = [name for name in links if not (path.parent / name).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]
    missing += [link for link in addresses if published(link) and not published(link).exists()]
    assert not missing


def published(address):
    """The file of this tree that an absolute address means; None for one that is elsewhere."""
    for root in PUBLISHED:
        if address.startswith(root):
            return ROOT / address.removeprefix(root)
    return None


def test_pictures_of_the_readme_have_absolute_addresses():
    """A package index shows the README without the files beside it."""
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert pictures
    for picture in pictures:
        assert picture.startswith(PUBLISHED[-1]) and published(picture).is_file(), picture


def test_the_addresses_of_the_project_are_one():
    assert all(address.startswith(SOURCE) for address in PROJECT["urls"].values())


@documents
def test_no_placeholder_is_left(path):
    assert not re.search(r"^[A-Z]{4,}$", path.read_text(encoding="utf-8"), re.MULTILINE)
