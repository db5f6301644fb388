"""The notebooks of the lecture run, and what they say is so.

Each runs cell by cell, its folded solutions too, in this process: the site's build runs them as
notebooks. What a notebook claims is then held against theory, not against its printed text.
"""

import json

import numpy as np
import pytest
from test_site import extension

FILES = extension("notebook_files")
PAGES = FILES.pages()


@pytest.fixture(autouse=True)
def without_windows(monkeypatch):
    """Pictures are drawn, and none is shown."""
    monkeypatch.setenv("MPLBACKEND", "Agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def run(name):
    """Everything that a notebook has named when its last cell has run."""
    import matplotlib.pyplot as plt

    names = {}
    for place, code in enumerate(FILES.code(PAGES[name])):
        exec(compile(code, f"{name}, cell {place + 1}", "exec"), names)
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()
            plt.close(number)
    return names


def rmse(values, truth):
    return float(np.sqrt(np.mean((np.asarray(values) - np.asarray(truth)) ** 2)))


def test_sequences():
    found = run("sequences")
    test, network = found["test"], found["fitted"].network
    assert found["mse"](network, test) < 0.5  # the noise alone has 1/3
    assert found["same"]  # a single step from zero has no use for W
    assert found["history"][-1].validation_loss < 1e-3
    assert rmse(found["ahead"], found["faster"][800:]) < 0.2  # the last solution's closed loop
    cut = np.abs(found["with_the_future"] - found["spots"][found["drawn"]])
    assert np.sqrt(np.mean(cut**2)) < rmse(found["spots"][247:308], found["spots"][248:])
    assert (np.diff(found["size"][2:6]) < 0).all()


def test_a_recurrence_by_hand(capsys):
    """Its derivatives by the chain rule, by a small change and by the library are one."""
    found = run("a-recurrence-by-hand")
    assert found["dW"] == pytest.approx(found["change"] / (2 * found["step"]), abs=1e-8)
    assert found["dW"] == pytest.approx(found["found"].W.item(), abs=1e-6)
    assert found["dV"] == pytest.approx(found["found"].V.item(), abs=1e-6)
    assert capsys.readouterr().out.count("dL/dW:") == 2


def test_vanishing_and_exploding():
    found = run("vanishing-and-exploding")
    # Its W is now a rotation times 2: as many powers of two.
    rotation = found["rotation"]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(64), atol=1e-12)
    assert found["norms"].measured[-1] <= found["norms"].bound[-1]
    errors = found["errors"]
    assert all(line[0] < 0.1 for line in errors.values())
    assert errors["small W"][-1] > 0.5 > 0.2 > errors["LSTM"][-1]
    assert found["lag"] == 153
    assert float(found["state"].c[0, 0]) == pytest.approx(0.5, abs=1e-4)
    assert found["path"][-1] == pytest.approx(1.0, abs=0.02)  # clipped, it arrives


def test_equations_as_recurrences():
    found = run("equations-as-recurrences")
    eta, learned = found["eta"], found["W_learned"]
    sizes = np.abs(np.linalg.eigvals(learned))
    np.testing.assert_allclose(sizes, np.exp(-eta * 0.5 / 2), rtol=1e-6)
    times = 0.5 * np.arange(61)
    np.testing.assert_allclose(found["learned"], found["exact"](times), atol=1e-6)
    np.testing.assert_allclose(learned @ learned, found["W_twice"], atol=1e-6)
    assert (
        rmse(found["network"], found["truth"]) < 0.5 < rmse(found["by_euler"], found["truth"])
    )
    assert found["x"].max() == pytest.approx(found["theory"], rel=0.01)


def test_what_networks_can_do(capsys):
    found = run("what-networks-can-do")
    said = capsys.readouterr().out
    for gain, kind in (("0.5", "settles"), ("1.0", "oscillates"), ("1.5", "is chaotic")):
        assert f"gain {gain}: It {kind}" in said
    distance = found["distance"]
    slope = np.polyfit(np.arange(20, 130), np.log(distance[20:130]), 1)[0]
    assert slope == pytest.approx(found["exponent"], rel=0.3)
    assert "wrong in 10,000 steps: 0" in said
    assert f"271828 + 314159 = {271828 + 314159}" in said
    assert "500 deep: match" in said and said.count("do not match") == 2
    assert "0 0 0 1 1 1 1 1 1 1" in said and "all right: True" in said


def test_the_four_ways():
    found = run("the-four-ways")
    errors = {name: error for name, (error, _) in found["table"].items()}
    assert errors["plain"] > 0.9
    for name in ("LSTM", "Hessian-free", "echo state", "momentum"):
        assert errors[name] < 0.3, errors
    assert errors["momentum from small weights"] > 0.9
    assert found["table"]["good start, plain descent"][0] > 0.5


@pytest.mark.parametrize("name", PAGES)
def test_a_file_for_jupyter_holds_the_page(name):
    """All code, in order; solutions folded away; no link that leads nowhere."""
    written = json.loads(json.dumps(FILES.notebook(PAGES[name], "https://here")))
    cells = written["cells"]
    code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    assert code == FILES.code(PAGES[name])
    hidden = [cell for cell in cells if "hide-cell" in cell["metadata"].get("tags", ())]
    assert 3 <= len(hidden) <= 5
    assert all(cell["metadata"]["jupyter"]["source_hidden"] for cell in hidden)
    text = "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    assert text.startswith("# ") and "```{" not in text and ".md)" not in text.split("https")[0]
    assert text.count("**1.**") == 1 and text.count("\n**") == len(hidden)


def test_every_notebook_is_in_the_index_and_linked_to_its_file():
    index = FILES.link("notebooks/index", (FILES.FOLDER / "index.md").read_text("utf-8"))
    for name in PAGES:
        assert f"({name}.md)" in index
        assert f'"../_static/notebooks/{name}.ipynb"' in index
        assert f"/{name}.ipynb" in FILES.link(f"notebooks/{name}", PAGES[name])
    assert len(PAGES) == 6
