"""The recipe for conda says what `pyproject.toml` says."""

import re
import tomllib
from pathlib import Path

import jinja2
import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA_NAMES = {"matplotlib": "matplotlib-base"}


@pytest.fixture(scope="module")
def recipe():
    """The recipe as it is rendered."""
    text = (ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8")
    environment = jinja2.Environment("<%", "%>", "${{", "}}", undefined=jinja2.StrictUndefined)
    known = {"compiler": "{}_compiler".format, "stdlib": "{}_stdlib".format, "PYTHON": "python"}
    known |= yaml.safe_load(text)["context"]
    return yaml.safe_load(environment.from_string(text).render(known))


def requirement(text):
    """`name>=1,<2` as a name and its bounds."""
    name, bounds = re.fullmatch(r"([\w.-]+) ?(.*)", text).groups()
    return CONDA_NAMES.get(name, name), bounds


def test_it_has_the_same_requirements(recipe):
    project = PROJECT["project"]
    wanted = dict(map(requirement, project["dependencies"]))
    wanted["python"] = project["requires-python"]
    assert dict(map(requirement, recipe["requirements"]["run"])) == wanted
    host = dict(map(requirement, recipe["requirements"]["host"]))
    assert dict(map(requirement, PROJECT["build-system"]["requires"])).items() <= host.items()


def test_it_names_the_same_package(recipe):
    project = PROJECT["project"]
    about = {"name": project["name"], "version": project["version"]}
    assert recipe["package"] == about
    assert recipe["about"]["license"] == project["license"]
    assert recipe["about"]["homepage"] == project["urls"]["Homepage"]
    imports, commands = recipe["tests"]
    assert imports["python"]["imports"] == [project["name"]]
    assert {line.split()[0] for line in commands["script"]} == set(project["scripts"])


def test_it_has_the_sections_of_the_format_and_no_others(recipe):
    """Those of version 1 of the format, in its order."""
    sections = ["schema_version", "context", "package", "source", "build", "requirements"]
    assert list(recipe) == [*sections, "tests", "about"]
    assert set(recipe["requirements"]) == {"build", "host", "run"}
    assert (ROOT / "recipe" / recipe["source"]["path"] / "pyproject.toml").exists()
    assert (ROOT / recipe["about"]["license_file"]).exists()
