"""Damaged and forged runs are refused with one line, and nothing in them is executed."""

import json
import pickle
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save
from saved_run import refusal, saved
from tampering import rewrite

from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster
from throughtime.runs import forecast_record, run_folder

ROW = (
    b'{"member": 0, "epoch": 1, "loss": 0.5, "validation_loss": null, '
    b'"gradient_norm": 1.0, "factor": 1.0, "seconds": 0.1}\n'
)


many = settings(max_examples=60)


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


def value_paths(plain, path=()):
    """The path to every value of a JSON document."""
    if path:
        yield path
    children = (
        plain.items() if isinstance(plain, dict) else enumerate(plain)
        if isinstance(plain, list) else ()
    )  # fmt: skip
    for key, value in children:
        yield from value_paths(value, (*path, key))


def every_path():
    plain = json.loads((saved() / "run.json").read_text())
    return [path for path in value_paths(plain) if path != ("digest",)]


@given(data=st.data(), junk=st.sampled_from(JUNK))
@settings(max_examples=150)
def test_a_value_of_the_wrong_type_is_refused_even_with_right_digests(data, junk):
    """Or it changes nothing that matters; never is another exception raised."""
    path = data.draw(st.sampled_from(every_path()))

    def change(plain):
        for key in path[:-1]:
            plain = plain[key]
        plain[path[-1]] = junk

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(saved(), Path(temporary) / "run"))
        rewrite(folder, change)
        try:
            read_and_restore(folder)
        except InputError as error:
            assert "\n" not in str(error)


def read_and_restore(folder):
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
