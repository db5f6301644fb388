"""Runs on disk: read back to the same bits, refused when anything was changed."""

import dataclasses
import functools
import json
import os
import pickle
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save
from tampering import rewrite

import throughtime as tt
from throughtime._support import atomic
from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster
from throughtime.runs import forecast_record, run_folder

TINY = {"cell": "rnn", "hidden": 4, "window": 8, "epochs": 2, "batch_size": 16}
ROW = (
    b'{"member": 0, "epoch": 1, "loss": 0.5, "validation_loss": null, '
    b'"gradient_norm": 1.0, "factor": 1.0, "seconds": 0.1}\n'
)
many = settings(max_examples=60)


@functools.cache
def fitted() -> Forecaster:
    """An ensemble on a table with dates and an input."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "month": pd.date_range("2015-01-31", periods=60, freq="ME"),
            "y": np.sin(0.5 * np.arange(60)) + 0.1 * rng.normal(size=60),
            "u": rng.normal(size=60),
        }
    )
    model = Forecaster(**TINY, ensemble=2, dense=(3,))
    return model.fit(table, target="y", inputs=["u"], time="month")


@functools.cache
def saved() -> Path:
    folder = Path(tempfile.mkdtemp()) / "run"
    fitted().save(folder)
    return folder


@pytest.fixture
def folder(tmp_path):
    """A run of its own, to be damaged."""
    return Path(shutil.copytree(saved(), tmp_path / "run"))


def refusal(folder):
    """The one line that a run is refused with; no other exception will do."""
    with pytest.raises(InputError) as caught:
        tt.load(folder)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    return str(caught.value)


# --- there and back ---


def test_a_saved_forecaster_forecasts_the_same_bits():
    model, again = fitted(), tt.load(saved())
    ahead = np.linspace(-1, 1, 5)[:, None]
    one, other = model.predict(5, inputs=ahead), again.predict(5, inputs=ahead)
    for name in ("mean", "lower", "upper"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.times == other.times and other.times.labels()[0] == "2020-01-31"
    assert again.get_params() == model.get_params() and again.dense == (3,)
    assert again.history_ == model.history_
    assert again.fitted_.stopped == model.fitted_.stopped
    assert again.fitted_.best_epochs == model.fitted_.best_epochs
    assert again.parts_.series[0].fingerprint() == model.parts_.series[0].fingerprint()


def test_a_run_from_before_there_were_reservoirs_is_read(folder):
    """Its settings do not name theirs; its architecture never does."""
    names = {"radius", "leak", "input_scale"}

    def older(plain):
        assert not names & set(plain["architecture"])
        for name in names:
            del plain["settings"][name]

    rewrite(folder, older)
    ahead = np.linspace(-1, 1, 5)[:, None]
    one, other = tt.load(folder), fitted()
    np.testing.assert_array_equal(
        one.predict(5, inputs=ahead).mean, other.predict(5, inputs=ahead).mean
    )
    assert one.get_params() == other.get_params()


def test_what_was_filled_is_kept(folder, tmp_path):
    record = forecast_record.read(folder)
    assert record.series[0].filled_at is None
    flags = np.arange(record.series[0].targets.size).reshape(-1, 1) % 3 == 0
    series = [dataclasses.replace(record.series[0], filled_at=flags)]
    (tmp_path / "new").mkdir()
    forecast_record.write(tmp_path / "new", dataclasses.replace(record, series=series))
    np.testing.assert_array_equal(
        forecast_record.read(tmp_path / "new").series[0].filled_at, flags
    )


def test_saving_again_gives_the_same_files(tmp_path):
    tt.load(saved()).save(tmp_path / "again")
    assert sorted(p.name for p in saved().iterdir()) == sorted(run_folder.FILES)
    for name in run_folder.FILES:
        assert (saved() / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_saving_again_keeps_what_the_command_line_said(folder, tmp_path):
    said = {
        "options": {"steps": 3, "inputs": [[[0.5], [1.0], [2.0]]]},
        "command": "throughtime forecast y.csv",
        "versions": {"python": "3.0"},
    }
    rewrite(folder, lambda plain: plain.update(said))
    model = tt.load(folder)
    model.save(tmp_path / "again")
    record = forecast_record.read(tmp_path / "again")
    assert {name: getattr(record, name) for name in said} == said
    assert model.train().record().command == "", "a training of its own is another run"


def test_the_run_says_what_it_is():
    plain = json.loads((saved() / "run.json").read_text())
    assert plain["format"] == forecast_record.FORMAT and plain["settings"]["hidden"] == 4
    assert plain["series"][0]["target_names"] == ["y"]
    mean = fitted().parts_.scaler.mean
    np.testing.assert_array_equal(plain["scalers"]["targets"]["mean"], mean)
    assert set(plain["digests"]) == {n for n in run_folder.FILES if n != "run.json"}
    assert plain["versions"]["numpy"] == np.__version__


def test_a_run_that_is_not_finished_has_no_weights(tmp_path):
    model = Forecaster(**TINY).prepare(np.sin(np.arange(60.0)))
    forecast_record.write(
        run_folder.claim(tmp_path / "run", False), model.record(options={"steps": 3})
    )
    (tmp_path / "run" / "history.jsonl").write_text('{"member": 0, "ep')  # killed as it wrote
    record = forecast_record.read(tmp_path / "run")
    assert record.params is None and record.history == [] and record.options == {"steps": 3}
    with pytest.raises(InputError, match=r"Resume it with `throughtime resume .*run`\."):
        tt.load(tmp_path / "run")
    with pytest.raises(InputError, match="must be fitted"):
        Forecaster.from_record(record, tmp_path / "run").predict(1)


def test_what_is_not_a_run_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "none", saved() / "run.json"):
        assert "a run is a folder with a `run.json`; got" in refusal(folder)
    (tmp_path / "run.json").mkdir()
    assert "a run is a folder" in refusal(tmp_path)


# --- damage ---


@pytest.mark.parametrize("name", run_folder.FILES)
def test_a_file_that_is_cut_emptied_or_gone_is_refused(folder, name):
    content = (folder / name).read_bytes()
    for size in (0, 1, 7, 8, 9, len(content) // 2, len(content) - 2):
        (folder / name).write_bytes(content[:size])
        assert name in refusal(folder)
    (folder / name).write_bytes(content + b"\0")
    assert name in refusal(folder)
    (folder / name).unlink()
    refusal(folder)
    (folder / name).mkdir()
    refusal(folder)


def test_a_history_cut_between_two_lines_is_refused(folder):
    lines = (folder / "history.jsonl").read_text().splitlines(keepends=True)
    (folder / "history.jsonl").write_text("".join(lines[:-1]))
    assert "does not match its digest" in refusal(folder)


@pytest.mark.parametrize("name", run_folder.FILES)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@many
def test_a_flipped_bit_is_refused(name, where, bit):
    """In `run.json` a flip may be in a space between tokens; then nothing was changed."""
    content = bytearray((saved() / name).read_bytes())
    content[int(where * len(content))] ^= 1 << bit
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(saved(), Path(temporary) / "run"))
        (folder / name).write_bytes(bytes(content))
        try:
            found = forecast_record.read(folder)
        except InputError as error:
            assert "\n" not in str(error)
        else:
            assert name == "run.json"
            assert json.loads(bytes(content)) == json.loads((saved() / name).read_bytes())
            assert found.settings == forecast_record.read(saved()).settings


@given(content=st.binary(max_size=40))
@many
def test_any_bytes_in_place_of_a_file_are_refused(content):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "run.json").write_bytes(content)
        refusal(folder)


@pytest.mark.parametrize(
    "text",
    ["[]", "null", "1", '"a"', "{}", '{"format": "1"}', '{"format": true}', '{"format": 1}',
     "[" * 100_000, '{"format": 1e999}', "{'format': 1}", "NaN", "9" * 5000],
)  # fmt: skip
def test_json_of_another_kind_is_refused(folder, text):
    (folder / "run.json").write_text(text)
    assert "`run.json` of a run must be as it was written" in refusal(folder)


def test_a_newer_format_asks_for_a_newer_version(folder):
    rewrite(folder, lambda plain: plain.update(format=forecast_record.FORMAT + 1))
    message = "a run's format must be at most 1; got 2. Install a newer version of throughtime."
    assert refusal(folder) == message


@pytest.mark.parametrize("change", [{"digest": "0" * 64}, {"digest": None}, {"command": "rm"}])
def test_an_edited_run_is_refused(folder, change):
    plain = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**plain, **change}))
    assert "its content does not match its digest" in refusal(folder)


JUNK = [None, True, -1, 0, 1.5, "a", "", [], [1], [[1]], {}, {"a": 1}, 10**30, float("nan")]
FREE = {"command", "versions", "stopped", "options", "scalers", "best_epochs", "digests"}
"""Fields that say something to the reader and are used for nothing by `load`."""


def places(plain, path=()):
    """The way to every value of a JSON document."""
    if path:
        yield path
    children = (
        plain.items() if isinstance(plain, dict) else enumerate(plain)
        if isinstance(plain, list) else ()
    )  # fmt: skip
    for key, value in children:
        yield from places(value, (*path, key))


def every_place():
    plain = json.loads((saved() / "run.json").read_text())
    return [path for path in places(plain) if path != ("digest",)]


@given(data=st.data(), junk=st.sampled_from(JUNK))
@settings(max_examples=150)
def test_a_value_of_the_wrong_type_is_refused_even_with_right_digests(data, junk):
    """Or it is one that changes nothing that matters; never another exception."""
    path = data.draw(st.sampled_from(every_place()))

    def change(plain):
        for key in path[:-1]:
            plain = plain[key]
        plain[path[-1]] = junk

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(saved(), Path(temporary) / "run"))
        rewrite(folder, change)
        try:
            run_read_and_shaped(folder)
        except InputError as error:
            assert "\n" not in str(error)


def run_read_and_shaped(folder):
    return Forecaster.from_record(forecast_record.read(folder), folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain.update(extra=1),
        lambda plain: plain["settings"].update(extra=1),
        lambda plain: plain["settings"].pop("cell"),
        lambda plain: plain["settings"].update(dense=3),
        lambda plain: plain["settings"].update(hidden="4"),
        lambda plain: plain["settings"].update(window=10**9),
        lambda plain: plain["settings"].update(hidden=5),
        lambda plain: plain["architecture"].update(hidden=5),
        lambda plain: plain["architecture"].update(extra=5),
        lambda plain: plain["settings"].pop("epochs"),
        lambda plain: plain.update(options={"steps": 0}),
        lambda plain: plain.update(options={"inputs": [[[float("inf")]]]}),
        lambda plain: plain.update(series=[]),
        lambda plain: plain.update(series=plain["series"] * 2),
        lambda plain: plain["series"][0].update(extra=1),
        lambda plain: plain["series"][0].update(target_names=["y", "z"]),
        lambda plain: plain["series"][0]["times"].update(start="yesterday"),
        lambda plain: plain["series"][0]["times"].update(start=3),
        lambda plain: plain["series"][0]["times"].update(length=10**12),
        lambda plain: plain["series"][0]["times"].update(unit="number"),
        lambda plain: plain["series"][0]["times"].update(unit="fortnight"),
        lambda plain: plain["series"][0]["times"].update(step=0.5),
        lambda plain: plain["digests"].pop("series.safetensors"),
        lambda plain: plain["digests"].pop("history.jsonl"),
    ],
)
def test_what_does_not_fit_together_is_refused_even_with_right_digests(folder, change):
    rewrite(folder, change)
    refusal(folder)


@pytest.mark.parametrize(
    "sizes",
    [{"hidden": 10**6}, {"hidden": 10**18}, {"depth": 10**9}, {"dense": [10**9, 10**9]},
     {"ensemble": 10**9}],
)  # fmt: skip
def test_huge_sizes_are_refused_before_memory_is_asked_for(folder, sizes):
    def change(plain):
        plain["settings"].update(sizes)
        plain["architecture"].update({k: v for k, v in sizes.items() if k != "ensemble"})

    rewrite(folder, change)
    assert "`weights.safetensors` of a run must be as it was written" in refusal(folder)


def reshaped(values):
    return {name: np.concatenate([v, v]) for name, v in values.items()}


def retyped(values):
    return {name: v.astype(np.float64) for name, v in values.items()}


def renamed(values):
    return {f"{name}.": v for name, v in values.items()}


@pytest.mark.parametrize("change", [reshaped, retyped, renamed, lambda values: {}])
def test_weights_of_another_network_are_refused(folder, change):
    weights = save(change(load((folder / "weights.safetensors").read_bytes())))
    rewrite(folder, lambda plain: None, weights=weights)
    assert "weights.safetensors" in refusal(folder)


@pytest.mark.parametrize(
    "values",
    [{}, {"0.targets": np.zeros((60, 1))},
     {"0.targets": np.zeros(60), "0.inputs": np.zeros(60)},
     {"0.targets": np.full((60, 1), np.nan), "0.inputs": np.zeros((60, 1))},
     {"0.targets": np.zeros((59, 1)), "0.inputs": np.zeros((59, 1))},
     {"0.targets": np.zeros((60, 1)), "0.inputs": np.zeros((60, 1))}],
)  # fmt: skip
def test_data_that_is_no_series_is_refused(folder, values):
    rewrite(folder, lambda plain: None, series=save(values))
    refusal(folder)


@pytest.mark.parametrize(
    "lines",
    [b"", ROW.replace(b"0.5", b'"a"'), ROW.replace(b" 1,", b" null,"),
     ROW.replace(b" 1,", b" 1.5,"), ROW.replace(b"0.5", b"true"),
     b"[1]\n", b"{}\n", b'{"a": 1}\n', b"\xff\n", b"[" * 100_000, b"null\n", b"1\n"],
)  # fmt: skip
def test_a_history_of_something_else_is_refused(folder, lines):
    rewrite(folder, lambda plain: None, history=lines)
    assert "`history.jsonl` of a run must be as it was written" in refusal(folder)


class Payload:
    """Unpickled, it would leave a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["run", "series", "weights", "history"])
def test_nothing_is_executed(folder, tmp_path, name):
    trace = tmp_path / "executed"
    payload = pickle.dumps(Payload(trace))
    pickle.loads(payload)
    assert trace.exists(), "the payload works"
    trace.unlink()
    if name == "run":
        (folder / "run.json").write_bytes(payload)
    else:
        rewrite(folder, lambda plain: None, **{name: payload})
    refusal(folder)
    assert not trace.exists()


# --- the folder ---


def test_a_run_half_cleared_or_half_written_can_be_overwritten(folder, monkeypatch):
    """Wherever the program was killed; its temporary files go too."""
    killed = RuntimeError("killed")
    (folder / ".weights.safetensors.ab_9cdef").write_text("half")
    (folder / ".weights.safetensors.mine").write_text("mine")

    def die(*_):
        raise killed

    with monkeypatch.context() as patch:
        patch.setattr("throughtime.run.atomic.write", die)
        with pytest.raises(RuntimeError):
            run_folder.claim(folder, overwrite=True)
    left = {"run.json", ".weights.safetensors.mine"}
    assert {path.name for path in folder.iterdir()} == left
    run_folder.claim(folder, overwrite=True)
    (folder / ".series.safetensors.abcdefgh").write_text("half")
    fitted().save(folder, overwrite=True)
    assert {path.name for path in folder.iterdir()} == {
        *run_folder.FILES,
        ".weights.safetensors.mine",
    }
    (folder / "run.json").unlink()
    fitted().save(folder, overwrite=True)
    tt.load(folder)


def test_a_run_that_cannot_be_stored_writes_nothing(folder):
    before = contents(folder)
    with pytest.raises(ValueError, match="steps"):
        forecast_record.write(folder, fitted().record(options={"steps": 0}))
    assert contents(folder) == before


def test_a_renaming_is_brought_to_the_disk(tmp_path, monkeypatch):
    synced = []

    def fsync(descriptor):
        synced.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr("throughtime.atomic.os.fsync", fsync)
    atomic.write(tmp_path / "file", "new")
    assert synced == [(tmp_path / "file").stat().st_ino, tmp_path.stat().st_ino]


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"must be new or empty; got .* Pass `--overwrite`"):
        run_folder.claim(tmp_path, overwrite=False)
    assert contents(tmp_path) == {"notes.txt": b"mine"}


def test_overwriting_removes_the_run_and_nothing_else(folder):
    mine = ("notes.txt", "weights.bak", "checkpoint/mine.txt", "sub/run.json")
    for name in (*mine, *run_folder.RESULTS, "checkpoint/state.safetensors"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    assert run_folder.claim(folder, overwrite=True) == folder
    left = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert left == set(mine)
    with pytest.raises(InputError, match="only a run can be overwritten"):
        run_folder.claim(folder, overwrite=True)
    forecast_record.write(folder, fitted().record())
    fitted().save(folder, overwrite=True)
    tt.load(folder)
    for name in mine:
        assert (folder / name).read_text() == name


def test_a_folder_is_made_with_its_parents_and_an_empty_one_taken(tmp_path):
    assert run_folder.claim(tmp_path / "a" / "b", overwrite=False).is_dir()
    assert run_folder.claim(tmp_path / "a" / "b", overwrite=False).is_dir()
    assert not contents(tmp_path)


def test_what_cannot_be_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(InputError, match="the output folder must be writable"):
            run_folder.claim(path, overwrite=True)
    assert contents(tmp_path) == {"file": b"mine"}
    (tmp_path / "run" / "forecast.csv").mkdir(parents=True)
    (tmp_path / "run" / "run.json").write_text("{}")
    with pytest.raises(InputError, match="the output folder must be writable"):
        run_folder.claim(tmp_path / "run", overwrite=True)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    atomic.write(path, "old")
    assert path.read_text() == "old" and path.stat().st_mode & 0o777 == 0o666 & ~umask()

    def full(*_):
        raise OSError(28, "No space left on device")

    for name in ("fsync", "replace", "chmod"):
        with monkeypatch.context() as patch:
            patch.setattr(f"throughtime.atomic.os.{name}", full)
            with pytest.raises(OSError, match="No space"):
                atomic.write(path, "new")
        assert contents(tmp_path) == {"file": b"old"}, "nothing else is left behind either"
    atomic.write(path, b"new")
    assert contents(tmp_path) == {"file": b"new"}


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
