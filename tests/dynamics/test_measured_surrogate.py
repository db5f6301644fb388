"""Models of measured trajectories against the maps that the data come from, and their files."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import call, fails, succeeds, tree
from conftest import refuses
from forged_arrays import forgeries
from safetensors.numpy import load_file, save
from tampering import rewrite

import throughtime as tt
from throughtime.commands.continued_run import continue_run
from throughtime.data.series import Series
from throughtime.dynamics import saved_measured
from throughtime.dynamics.measured_data import as_trajectories, search_data
from throughtime.dynamics.surrogate import Surrogate
from throughtime.errors import InputError
from throughtime.recurrence.architecture import Architecture
from throughtime.reservoir.closed_loop import Features, Settings
from throughtime.reservoir.closed_loop_model import ClosedLoopModel
from throughtime.reservoir.noise_filter import NoiseFilter
from throughtime.reservoir.ridge import Readout
from throughtime.reservoir.trajectory_smoothing import Noise
from throughtime.stamps.time_axis import Times


def logistic(steps, start=0.3, r=3.9):
    """The map y -> r y (1 - y)."""
    y = [start]
    for _ in range(steps - 1):
        y.append(r * y[-1] * (1 - y[-1]))
    return np.array(y)


@pytest.fixture(scope="module", autouse=True)
def _few_trials():
    """The first settings find these maps; further ones take time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("throughtime.dynamics.measured_surrogate.TRIALS", 10)
        yield


@pytest.fixture(scope="module")
def model():
    return Surrogate().fit(logistic(400), dt=0.5)


def test_a_map_is_found_and_followed(model):
    found = model.measured_
    assert found.traits.kind == "map"
    np.testing.assert_allclose(model.predict(10)[:, 0], logistic(410)[400:], atol=1e-6)
    past = logistic(30, 0.7)
    ahead = model.predict(8, past[:20])
    np.testing.assert_allclose(ahead[:, 0], past[20:28], atol=1e-6)


def test_its_invariants_are_those_of_the_map(model):
    """The exponent is the mean of ln |r (1 - 2y)|, here per step of .5."""
    found = model.measured_.invariants()
    exponent = np.log(np.abs(3.9 * (1 - 2 * logistic(100_000)))).mean() / 0.5
    assert found.bounded
    assert abs(found.exponent / exponent - 1) < 0.02
    assert found.spectrum < 0.2
    sentences = " ".join(model.measured_.sentences(found))
    assert "look like a map" in sentences
    assert "chaotic" in sentences


def with_a_reservoir(found):
    """A model of a variable and an input, with a reservoir and a filter, of random weights."""
    rng = np.random.default_rng(0)

    def map_of(settings, features):
        readout = Readout(0.01 * rng.normal(size=(1, features)), np.zeros(1))
        return Features(settings, settings.draw(1, 1)), readout

    features, readout = map_of(Settings(units=8, delays=2, order=2), 8 + 9)
    noise = Noise(np.full(1, 0.1), np.full(1, 0.01))
    noise_filter = NoiseFilter(*map_of(Settings(order=3), 9), noise, 2)
    past = rng.normal(size=(30, 1)), rng.normal(size=(30, 1))
    made = ClosedLoopModel(np.zeros(2), np.ones(2), features, readout, past, noise_filter)
    found = replace(found, variables=("y",), input_names=("u",), model=made)
    model = Surrogate()
    model.measured_ = found
    return model


@pytest.mark.filterwarnings("error")
def test_arrays_of_other_shapes_are_refused_even_with_right_digests(model, tmp_path):
    """Or the forecast is made all the same."""
    model, folder = with_a_reservoir(model.measured_), tmp_path / "run"
    tt.save(model, folder)
    given = {
        "past": np.ones((20, 1)),
        "past_inputs": np.ones((20, 1)),
        "inputs": np.ones((4, 1)),
    }
    wanted = model.predict(4, **given)
    content = (folder / "weights.safetensors").read_bytes()
    np.testing.assert_array_equal(tt.load_surrogate(folder).predict(4, **given), wanted)
    refused = 0
    for what, forged in forgeries(content, 120):
        rewrite(folder, lambda _: None, "measured.json", weights=forged)
        try:
            found = tt.load_surrogate(folder).predict(4, **given)
            assert found.shape == (4, 1), what
        except InputError as error:
            assert "but its arrays do not fit" in str(error), what
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("index", [-1, 8, 2**31 - 1])
def test_a_matrix_that_points_beyond_its_units_is_refused(index, model, tmp_path):
    tt.save(with_a_reservoir(model.measured_), tmp_path / "run")
    arrays = load_file(tmp_path / "run" / "weights.safetensors")
    arrays["W.indices"][3] = index
    rewrite(tmp_path / "run", lambda _: None, "measured.json", weights=save(arrays))
    with refuses("its arrays do not fit"):
        tt.load_surrogate(tmp_path / "run")


def test_padding_does_not_count():
    parts = [logistic(n, start) for n, start in ((150, 0.3), (120, 0.4), (90, 0.6), (140, 0.2))]
    padded = np.full((4, 150, 1), 7.0)
    for row, part in zip(padded, parts, strict=True):
        row[: len(part), 0] = part
    one = Surrogate().fit(parts)
    other = Surrogate().fit(padded, lengths=[len(part) for part in parts])
    np.testing.assert_array_equal(one.predict(5), other.predict(5))


def test_inputs_drive_a_linear_system():
    rng = np.random.default_rng(0)
    u, y = rng.normal(size=400), np.zeros(400)
    for t in range(1, 400):
        y[t] = 0.8 * y[t - 1] + u[t]
    model = Surrogate().fit(y[:300], inputs=u[:300])
    np.testing.assert_allclose(
        model.predict(50, inputs=u[300:350])[:, 0], y[300:350], atol=1e-4
    )
    with refuses("`inputs` must be of shape (50, 1)"):
        model.predict(50)


def test_a_saved_model_goes_on_as_before(model, tmp_path):
    tt.save(model, tmp_path / "run")
    again = tt.load_surrogate(tmp_path / "run")
    np.testing.assert_array_equal(again.predict(20), model.predict(20))
    assert again.measured_.trials == model.measured_.trials
    weights = tmp_path / "run" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with refuses("as it was written"):
        tt.load_surrogate(tmp_path / "run")


@pytest.mark.parametrize(
    ("rule", "call"),
    [
        ("learn a system or trajectories", lambda: Surrogate().fit()),
        ("learn a system or trajectories", lambda: Surrogate("pendulum").fit(logistic(90))),
        ("needs 50 steps", lambda: Surrogate().fit(logistic(20))),
        ("must move", lambda: Surrogate().fit(np.ones(90))),
        ("must be finite", lambda: Surrogate().fit([np.r_[logistic(90), np.nan]])),
        ("a row for each step", lambda: Surrogate().fit(logistic(90), inputs=logistic(80))),
        ("a length for each", lambda: Surrogate().fit(logistic(90), lengths=[1, 2])),
        ("`dt` must be above 0 and finite", lambda: Surrogate().fit(logistic(90), dt=0.0)),
        ("only a surrogate of measured", lambda: Surrogate("pendulum").predict(3)),
        ("only a surrogate of equations", lambda: Surrogate().solve([1.0], 3)),
    ],
)
def test_mistakes(rule, call):
    with refuses(rule):
        call()


def frame(**columns):
    """A data frame of pandas."""
    import pandas as pd

    return pd.DataFrame(columns)


STEPS = np.arange(60.0)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(
    ("rule", "given", "options"),
    [
        ("must be arrays of numbers; got the text `lorenz.csv`", "lorenz.csv", {}),
        ("must be arrays of numbers; got a `list`", ["a", "b"], {}),
        ("must be arrays of numbers; got a `DataFrame`", frame(x=STEPS, s=["a"] * 60), {}),
        ("must be arrays of numbers", np.arange(60).astype("datetime64[D]"), {}),
        ("`inputs` must be arrays of numbers", STEPS, {"inputs": "u.csv"}),
        ("more steps than variables; got 2 lists of 60", [list(STEPS)] * 2, {}),
        ("`dt` must be above 0 and finite; got None", STEPS, {"dt": None}),
        ("`dt` must be above 0 and finite; got 'a'", STEPS, {"dt": "a"}),
        ("a length for each of 1", STEPS, {"lengths": 60}),
        ("within the steps of each trajectory; got 500", [STEPS] * 2, {"lengths": [500, 9]}),
        ("within the steps of each trajectory; got -5", [STEPS] * 2, {"lengths": [-5, 60]}),
        ("within the steps of each trajectory; got 9.5", [STEPS], {"lengths": [9.5]}),
        ("a name for each of 1 variables; got 2", STEPS, {"names": (["a", "b"], [])}),
        ("a name for each of 0 inputs; got 1", STEPS, {"names": (["a"], ["u"])}),
        ("one column; got `a` twice", np.ones((60, 2)), {"names": (["a", "a"], [])}),
        ("a list of the variables, and", STEPS, {"names": ("a", "")}),
        ("a list of the variables, and", STEPS, {"names": (["a"],)}),
        ("the same columns", [frame(x=STEPS, y=STEPS), frame(y=STEPS, x=STEPS)], {}),
    ],
)
def test_what_is_no_trajectory_is_told(rule, given, options):
    with refuses(rule):
        Surrogate().fit(given, **options)


def test_the_past_must_be_numbers(model):
    with refuses("`past` must be arrays of numbers"):
        model.predict(3, "past.csv")


def test_nested_lists_are_what_they_are_for_numpy():
    table = np.random.default_rng(0).normal(size=(60, 6))
    for given in (table.tolist(), tuple(map(tuple, table))):
        (one,) = as_trajectories(given)
        np.testing.assert_array_equal(one, table)
    parts = as_trajectories([table.tolist(), table[:20].tolist()])
    assert [part.shape for part in parts] == [(60, 6), (20, 6)]
    parts = as_trajectories([table.tolist(), table.tolist()])
    assert [part.shape for part in parts] == [(60, 6)] * 2
    parts = as_trajectories([[1.0, 2.0, 3.0], [4.0, 5.0]])
    assert [part.shape for part in parts] == [(3, 1), (2, 1)]
    parts = as_trajectories([table[:, 0], table[:, 1]])
    assert [part.shape for part in parts] == [(60, 1)] * 2


def test_names_are_those_of_the_frames():
    values = logistic(80)
    driven = frame(**{"a b": values, "z": values**2}), frame(u=np.sin(STEPS[:40]).repeat(2))
    found = Surrogate().fit(driven[0], inputs=driven[1]).measured_
    assert (found.variables, found.input_names) == (("a b", "z"), ("u",))
    found = Surrogate().fit([driven[0]], names=(["p", "q"], [])).measured_
    assert found.variables == ("p", "q")
    assert Surrogate().fit(driven[0].to_numpy()).measured_.variables == ("y1", "y2")


def test_a_past_must_fit(model):
    with refuses("`past` must have 1 columns"):
        model.predict(3, np.ones((9, 2)))


def test_a_table_becomes_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table, run = tmp_path / "runs.csv", tmp_path / "run"
    rows = [f"{k},{i},{v!r}" for k in "ab" for i, v in enumerate(logistic(200, 0.3).tolist())]
    table.write_text("run,t,y\n" + "\n".join(rows) + "\n")
    done = call("surrogate", table, "--id", "run", "--out", run, "--json", "--quiet")
    assert done.status == 0, done.err
    assert json.loads(done.out)["kind"] == "map"
    assert (run / "report.html").read_text().count("<svg") >= 2
    ahead = call("predict", run, "--steps", 3).out.splitlines()
    assert ahead[0] == "t,y"
    values = [float(line.split(",")[1]) for line in ahead[1:]]
    np.testing.assert_allclose(values, logistic(203)[200:], atol=1e-5)
    said = call("diagnose", run).out.splitlines()
    assert said[0].startswith("By the data alone, y is chaotic: ")
    assert said[-1] == f"Report: {run / 'report.html'}"
    wrong = call("diagnose", table)
    assert wrong.status == 2 and f"`throughtime surrogate {table}`" in wrong.err
    assert "`--steps` is for another run" in call("diagnose", run, "--steps", 9).err
    figures = succeeds("figures", run, "--out", tmp_path / "paper").out.split()
    names = {Path(name).stem for name in figures if name.endswith(".pdf")}
    assert names == {"time-series", "phase-portrait"}
    drawn = list(csv.DictReader((tmp_path / "paper/time-series.csv").read_text().splitlines()))
    free = [float(row["free run"]) for row in drawn if row["free run"]]
    np.testing.assert_allclose(free[:3], logistic(203)[200:], atol=1e-5)
    rule = "has the figures of its report alone"
    fails("figures", run, "--diagnosis", rule=rule, got="run", remedy="Leave out")
    rule = "an update is of a forecasting run"
    remedy = f"`throughtime surrogate {table} --target y --id run --dt 1`"
    fails("update", run, table, rule=rule, got="a model of trajectories", remedy=remedy)
    rule, remedy = "interrupted can be resumed", f"`throughtime predict {run}`"
    fails("resume", run, rule=rule, got="complete", remedy=remedy)
    again = call("surrogate", table, "--id", "run", "--out", run)
    assert again.status == 2
    assert "new or empty" in again.err


def network():
    """A small network."""
    return Architecture(1, 1, "rnn", 2).build(0)


def table_of(values, path):
    """A CSV of one column."""
    path.write_text("y\n" + "\n".join(map(repr, values.tolist())) + "\n")
    return path


@pytest.mark.parametrize(
    ("steps", "more", "rule", "got"),
    [
        (20, (), "a model needs 50 steps", "20"),
        (90, ("--dt", "-1"), "`dt` must be above 0 and finite", "-1"),
        (90, ("--seed", "-1"), "a seed must not be negative", "-1"),
        (90, ("--out", "/proc/x"), "must be writable", "`/proc/x`"),
        (90, ("--out", "file/x"), "must be writable", "`file/x`"),
    ],
)
def test_what_fails_leaves_the_earlier_run(
    model, tmp_path, monkeypatch, steps, more, rule, got
):
    monkeypatch.chdir(tmp_path)
    table_of(logistic(steps), tmp_path / "file")
    tt.save(model, "run")
    for out in (("--out", "run", "--overwrite"), ("--out", "new/run")):
        fails("surrogate", "file", *out, *more, "-q", rule=rule, got=got)


def test_a_run_is_replaced_once_the_new_one_is_found(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table_of(logistic(90), tmp_path / "y.csv")
    tt.save(network(), "run")
    succeeds("surrogate", "y.csv", "--out", "run", "--overwrite", "-q")
    new = {"measured.json", "weights.safetensors", "report.html"}
    assert set(tree(tmp_path / "run")) == new
    tt.save(model, "run", overwrite=True)
    assert set(tree(tmp_path / "run")) == new - {"report.html"}
    assert len(tt.load_surrogate("run").measured_.data()) == 400


def test_a_save_that_fails_leaves_the_earlier_run(model, tmp_path, monkeypatch):
    tt.save(model, tmp_path / "run")
    before = tree(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("throughtime._support.atomic._written_beside", full)
    for one in (model, network()):
        with refuses("must be writable"):
            tt.save(one, tmp_path / "run", overwrite=True)
    assert tree(tmp_path) == before


def panel_of(path, lengths, first=0.0):
    """A table of logistic maps, each with its square in a column whose name has a comma."""
    rows = [["run", "t", "a,b", "=y"]]
    for k, n in enumerate(lengths):
        values = logistic(n, first + 0.3 + 0.1 * k).tolist()
        rows += [["ab"[k], t, v, v * v] for t, v in enumerate(values)]
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)


def test_each_trajectory_of_newer_data_is_continued(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel_of("panel.csv", (120, 110))
    panel_of("newer.csv", (30, 25), 0.05)
    succeeds("surrogate", "panel.csv", "--id", "run", "--time", "t", "--out", "run", "-q")
    done = succeeds("predict", "run", "--steps", 3)
    assert "from the last trajectory" in done.err
    (head, *rows) = csv.reader(done.out.splitlines())
    assert head == ["t", "a,b", "'=y"] and [row[0] for row in rows] == ["110", "111", "112"]
    np.testing.assert_allclose(
        [float(row[1]) for row in rows], logistic(113, 0.4)[110:], atol=1e-4
    )
    (head, *rows) = csv.reader(
        succeeds("predict", "run", "--steps", 3, "--data", "newer.csv").out.splitlines()
    )
    assert head == ["run", "t", "a,b", "'=y"]
    assert [row[:2] for row in rows] == [
        [name, str(t)] for name, n in (("a", 30), ("b", 25)) for t in range(n, n + 3)
    ]
    expected = np.r_[logistic(33, 0.35)[30:], logistic(28, 0.45)[25:]]
    found = np.array([[float(value) for value in row[2:]] for row in rows])
    np.testing.assert_allclose(found, np.c_[expected, expected**2], atol=1e-4)


def test_a_continuation_goes_on_as_its_table(model, tmp_path):
    months = np.arange("2001-01", "2034-05", dtype="M8[M]").astype("M8[us]")
    times = Times.from_stamps(months, "month")
    found = model.measured_
    last = Series(found.data(), found.variables, found.inputs(), (), times)
    saved_measured.write_measured(tmp_path, found, 0, saved_measured.Origin("", {}, last))
    head, *rows = continue_run(tmp_path, 2, None, None, None).split()
    values = model.predict(2)[:, 0].tolist()
    expected = [f"2034-0{5 + i}-01,{v!r}" for i, v in enumerate(values)]
    assert head.split(",")[0] == "month" and rows == expected
    short = continue_run(tmp_path, 2, None, None, None, exact=False).split()[1:]
    for row, other in zip(rows, short, strict=True):
        assert len(other) <= 20 < len(row)
        assert float(other[11:]) == pytest.approx(float(row[11:]), abs=1e-5)


def test_a_run_without_its_record_is_told_by_every_command(model, tmp_path, monkeypatch):
    """As after a crash before the first file was complete."""
    monkeypatch.chdir(tmp_path)
    tt.save(model, "run")
    Path("run/measured.json").unlink()
    for command in ("predict", "diagnose", "resume"):
        fails(
            command, "run", rule="`surrogate.json`, `measured.json`", got="`run`",
            remedy="`throughtime runs`",
        )  # fmt: skip
    for read in (tt.load, tt.load_surrogate, tt.load_network):
        with refuses("a run is a folder with a `run.json`, or of another kind"):
            read(tmp_path / "run")


@pytest.mark.parametrize(
    ("given", "rule", "got"),
    [
        ("pendulum --target x", "`--target` is for a table", "a system"),
        ("y.csv --hidden 64", "`--hidden` is for a system", "the table `y.csv`"),
        ("y.csv --range x=1:2", "`--range` is for a system", "the table `y.csv`"),
        ("y.csv --unseen-steps 9", "`--unseen-steps` is for a system", "the table `y.csv`"),
        ("--set x=2", "`--set` is for what is learned", "nothing"),
    ],
)
def test_options_without_an_effect_are_refused(tmp_path, monkeypatch, given, rule, got):
    """Also with the value that they have by default."""
    monkeypatch.chdir(tmp_path)
    fails("surrogate", *given.split(), rule=rule, got=got, remedy="eave it out")


@pytest.mark.parametrize("series", [np.exp(-np.arange(120) / 24.0), np.arange(120.0)])
def test_slow_series_are_not_asked_for_delays_longer_than_they_are(series):
    found = Surrogate().fit(series).measured_
    assert max(trial.settings.span for trial in found.trials) <= 30
    assert np.isfinite(found.predict(5)).all()


def test_delays_reach_over_steps_that_every_trajectory_has():
    """Before a start there are as many steps as the longest delays span."""
    rng = np.random.default_rng(0)
    parts = [np.sin(0.05 * np.arange(n) + rng.uniform(0, 6)) for n in (240, 120, 60, 50)]
    data, _ = search_data(
        [part[:, None] for part in parts], [np.zeros((len(p), 0)) for p in parts]
    )
    assert data.longest_span <= 20
    for one in data.trajectories:
        assert (one.starts >= data.longest_span).all()


def test_what_is_held_out_does_not_scale_what_is_learned():
    rng = np.random.default_rng(0)
    y = np.cumsum(rng.normal(size=(400, 2)), axis=0)
    other = y.copy()
    other[300:] = 50 + 7 * rng.normal(size=(100, 2))
    (one, kind), (two, same) = (search_data([z], [np.zeros((400, 0))]) for z in (y, other))
    np.testing.assert_array_equal(one.training()[0][0], two.training()[0][0])
    assert kind == same


def test_a_rotation_is_not_chaotic():
    """A neutral direction grows for a while: more than its spread over runs says."""
    phase = 2 * np.pi * np.arange(600) / 37.3
    found = Surrogate().fit(np.stack([np.sin(phase), np.cos(phase)], axis=1)).measured_
    invariants = found.invariants()
    assert not invariants.chaotic
    assert "is chaotic" not in " ".join(found.sentences(invariants))


def test_a_noisy_flow_is_saved_with_what_takes_its_noise(tmp_path):
    t = 0.1 * np.arange(1500)
    y = np.stack([np.sin(t), np.cos(t)], axis=1)
    noisy = y + 0.05 * np.random.default_rng(0).normal(size=y.shape)
    model = Surrogate().fit(noisy)
    known = model.measured_.model.filter
    assert known is not None
    past = noisy[100:300]
    ahead = model.predict(20, past)
    assert np.abs(ahead - y[300:320]).max() < 0.04  # less than the noise of the last step
    tt.save(model, tmp_path / "run")
    np.testing.assert_array_equal(tt.load_surrogate(tmp_path / "run").predict(20, past), ahead)


def test_no_trajectory_at_all_is_told():
    with refuses("a fit needs data; got no trajectory"):
        Surrogate().fit(np.zeros((0, 5, 2)))


def test_delays_reach_no_further_than_the_past_without_noise(monkeypatch):
    """A slow noisy oscillation, whose delays are longer than what is read at first."""
    monkeypatch.setattr("throughtime.dynamics.measured_data.PAST", 20)
    y = np.sin(0.06 * np.arange(600))[:, None]
    y = y + 0.05 * np.random.default_rng(0).normal(size=y.shape)
    data, traits = search_data([y], [np.zeros((len(y), 0))])
    (one,) = data.trajectories
    assert data.denoised
    wanted = min(traits.dimension * traits.delay + 1, one.end // 3)
    assert 20 < wanted <= data.longest_span <= min(len(past) for past, _ in one.pasts)
    widest = Settings(delays=2, spacing=data.longest_span - 1)
    assert np.isfinite(one.places(Features(widest, None)).y).all()


def test_many_columns_of_noise_end_in_a_verdict():
    """No model is ever near noise of many variables: that is no error."""
    model = Surrogate().fit(np.random.default_rng(0).normal(size=(120, 20)))
    said = model.measured_.sentences(model.measured_.invariants())
    assert said[0].startswith("Nothing here can be foretold: ")
    assert np.isfinite(model.predict(3)).all()


@pytest.mark.parametrize("unit", [1e-300, 1e300])
def test_the_unit_of_the_data_does_not_matter(unit):
    """Not even where the squares of numbers are none."""
    y = logistic(80)[:, None]
    plain, other = (search_data([one], [np.zeros((80, 0))])[0] for one in (y, unit * y))
    np.testing.assert_allclose(other.trajectories[0].y, plain.trajectories[0].y, rtol=1e-9)
    np.testing.assert_allclose(other.scale, unit * plain.scale)


def test_what_grows_is_foretold_better_than_by_its_mean():
    """The errors of the mean grow with the data, and the last of them are all that counts."""
    model = Surrogate().fit(np.exp(0.1 * np.arange(200)))
    found = model.measured_
    assert found.baselines.beats_mean
    assert "Nothing here" not in found.sentences(found.invariants())[0]
