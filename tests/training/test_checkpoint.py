"""Checkpoints: a training goes on to the same bits, or is refused."""

import json
import math
import pickle
from pathlib import Path

import jax
import numpy as np
import pytest
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster
from throughtime.training.checkpoint import (
    CHECKPOINT,
    Checkpoints,
    _digest,
    read_checkpoint,
    write_checkpoint,
)
from throughtime.training.history import Row, history_lines, history_rows

pytestmark = pytest.mark.usefixtures("quick_compile")
TINY = {"cell": "rnn", "hidden": 3, "window": 6, "batch_size": 16, "epochs": 8}
TINY |= {"core": None, "prior": None}  # the network alone
WAYS = {
    "ensemble, momentum, plateau": {
        "ensemble": 2, "method": "momentum", "schedule": "plateau", "rate": 0.5, "clip": None,
    },
    "single, adam, cosine": {"ensemble": 1, "schedule": "cosine"},
    "ensemble that ends early": {"ensemble": 2, "patience": 1, "rate": 0.3},
    "truncated": {"ensemble": 1, "truncated": True, "method": "nesterov"},
}  # fmt: skip


def prepared(**settings) -> Forecaster:
    y = np.sin(0.7 * np.arange(60)) + 0.3 * np.random.default_rng(0).normal(size=60)
    return Forecaster(**{**TINY, **settings}).prepare(y)


def assert_same_bits(one, other):
    """Weights and histories, less the clock."""
    ours, theirs = (jax.tree.leaves(model.network_) for model in (one, other))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
    rows = [[row._replace(seconds=0.0) for row in m.history_] for m in (one, other)]
    np.testing.assert_array_equal(*rows)
    assert one.fitted_.best_epochs == other.fitted_.best_epochs
    assert one.fitted_.stopped == other.fitted_.stopped


@pytest.mark.parametrize("way", WAYS)
def test_an_interrupted_training_goes_on_to_the_same_bits(way, tmp_path):
    """Stopped after the sixth of eight epochs, when the plateau is about to lower the rate."""
    whole = prepared(**WAYS[way]).train()
    epochs = max(row.epoch for row in whole.history_)
    if way == "ensemble, momentum, plateau":
        assert whole.history_[-1].factor < 1, "the rate was lowered"
    if way == "ensemble that ends early":
        assert len({row.epoch for row in whole.history_ if row.member == 0}) < epochs or (
            len({row.epoch for row in whole.history_ if row.member == 1}) < epochs
        )
    stop = min(6, epochs - 1)
    model = prepared(**WAYS[way])
    assert read_checkpoint(tmp_path, model.first_state()) is None
    model.train(on_epoch=Checkpoints(tmp_path, lambda _, rows: rows[-1].epoch == stop))
    assert model.history_[-1].epoch == stop
    again = prepared(**WAYS[way])
    start = read_checkpoint(tmp_path, again.first_state())
    assert start is not None and start[1] == model.history_
    again.train(start=start)
    assert_same_bits(again, whole)
    seconds = [row.seconds for row in again.history_]
    assert seconds == sorted(seconds), "the clock goes on from where it was"


# --- what is written ---


@pytest.fixture(scope="module")
def state():
    return prepared().first_state()


@pytest.fixture(scope="module")
def kept(tmp_path_factory, state):
    """A folder with a checkpoint in it."""
    folder = tmp_path_factory.mktemp("run")
    write_checkpoint(folder, state, ROWS)
    return folder


ROWS = [Row(0, 1, 0.1, math.nan, 2.5, 1.0, 0.3), Row(1, 1, 1e-30, 0.25, 0.0, 0.5, 1e9)]
ROWS += [Row(0, 2, 0.1, 0.2, 2.5, 1.0, 0.4, 0.1, {"damping": 0.25, "ratio": math.nan})]


def test_a_checkpoint_is_read_back_exactly(kept, state):
    assert [p.name for p in (kept / CHECKPOINT).parent.iterdir()] == [CHECKPOINT.name]
    found, rows = read_checkpoint(kept, state)
    assert jax.tree.structure(found) == jax.tree.structure(state)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(state), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert history_lines(rows) == history_lines(ROWS) and math.isnan(rows[0].validation_loss)


def test_there_may_be_none(tmp_path, state):
    assert read_checkpoint(tmp_path, state) is None


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(kept, state, monkeypatch):
    before = (kept / CHECKPOINT).read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr("throughtime._support.atomic.os.replace", full)
        write_checkpoint(kept, state, [])
    assert (kept / CHECKPOINT).read_bytes() == before
    assert len(list((kept / CHECKPOINT).parent.iterdir())) == 1


def test_checkpoints_keep_every_row_and_a_state_now_and_then(tmp_path, state):
    (tmp_path / "history.jsonl").write_text("from a killed training")
    keep = Checkpoints(tmp_path, lambda *_: None, seconds=1e6)
    for n in range(1, 4):
        assert keep(state, ROWS * n) is None
        assert (tmp_path / "history.jsonl").read_text() == history_lines(ROWS * n)
        assert not (tmp_path / CHECKPOINT).exists()
    keep.seconds = 0.0
    keep(state, ROWS * 3)
    _, rows = read_checkpoint(tmp_path, state)
    assert history_lines(rows) == (tmp_path / "history.jsonl").read_text()


def test_checkpoints_write_the_state_when_training_is_ended(tmp_path, state):
    keep = Checkpoints(tmp_path, lambda *_: True, seconds=1e6)
    assert keep(state, ROWS) is True
    assert read_checkpoint(tmp_path, state) is not None


# --- history ---

number = st.floats(allow_infinity=False).map(lambda v: math.nan if math.isnan(v) else v)


@given(
    st.lists(
        st.builds(
            Row,
            st.integers(0, 9),
            st.integers(1, 999),
            *[number] * (len(Row._fields) - 3),
            st.dictionaries(st.text(), number),
        )
    )
)
def test_a_history_is_json_and_comes_back(history):
    lines = history_lines(history)

    def refuse(text):
        raise AssertionError(f"{text} is not JSON")

    for line in lines.splitlines():
        json.loads(line, parse_constant=refuse)
    again = history_rows(Path("history.jsonl"), lines)
    for row, other in zip(history, again, strict=True):
        np.testing.assert_array_equal(row[:-1], other[:-1])
        assert list(row.quantities) == list(other.quantities)
        values, again = (list(each.quantities.values()) for each in (row, other))
        np.testing.assert_array_equal(values, again)
        assert type(other.member) is int and type(other.epoch) is int


# --- damage ---


def refused(tmp_path, content, state):
    path = tmp_path / CHECKPOINT
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_checkpoint(tmp_path, state)
    message = str(caught.value)
    assert message.startswith("`state.safetensors` of a run must be as it was written; got")
    assert "\n" not in message


def test_a_checkpoint_that_was_cut_is_refused(kept, state, tmp_path):
    content = (kept / CHECKPOINT).read_bytes()
    for size in (0, 1, 7, 8, 9, 100, len(content) // 2, len(content) - 1):
        refused(tmp_path, content[:size], state)
    refused(tmp_path, content + b"\0", state)
    (tmp_path / CHECKPOINT).unlink()
    (tmp_path / CHECKPOINT).mkdir()
    with pytest.raises(InputError, match="it cannot be read"):
        read_checkpoint(tmp_path, state)


@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=100)
def test_a_flipped_bit_is_refused(kept, state, tmp_path_factory, where, bit):
    content = bytearray((kept / CHECKPOINT).read_bytes())
    content[int(where * len(content))] ^= 1 << bit
    refused(kept.parent, bytes(content), state)


@given(content=st.binary(max_size=60))
def test_any_bytes_are_refused(kept, state, content):
    refused(kept.parent, content, state)


@pytest.mark.parametrize("other", [{"hidden": 4}, {"cell": "gru"}, {"method": "sgd"},
                                   {"ensemble": 2}, {"dtype": "float64"}])  # fmt: skip
def test_a_checkpoint_of_another_training_is_refused(kept, other):
    with pytest.raises(InputError, match=r"other tensors than|has another shape or type"):
        read_checkpoint(kept, prepared(**other).first_state())


@pytest.mark.parametrize("metadata", [None, {}, {"history": ""}, {"history": "", "digest": ""}])
def test_a_checkpoint_without_its_digest_is_refused(kept, state, tmp_path, metadata):
    values = load((kept / CHECKPOINT).read_bytes())
    refused(tmp_path, save(values, metadata), state)


@pytest.mark.parametrize("rows", ["[1]", "1", "null", "{}", "{", '{"a": 1}', "[" * 100_000])
def test_a_history_of_something_else_is_refused_even_with_the_right_digest(
    kept, state, tmp_path, rows
):
    values = load((kept / CHECKPOINT).read_bytes())
    refused(tmp_path, save(values, {"history": rows, "digest": _digest(values, rows)}), state)


def test_metadata_that_is_null_is_refused(state, tmp_path):
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"__metadata__": None, "a": tensor}).encode()
    refused(tmp_path, len(header).to_bytes(8, "little") + header + bytes(4), state)


def test_nothing_is_executed(state, tmp_path):
    class Payload:
        def __reduce__(self):
            return Path.touch, (tmp_path / "executed",)

    payload = pickle.dumps(Payload())
    pickle.loads(payload)
    (tmp_path / "executed").unlink()
    values = {"a": np.frombuffer(payload, np.uint8).copy()}
    refused(tmp_path, payload, state)
    refused(tmp_path, save(values, {"history": "", "digest": _digest(values, "")}), state)
    assert not (tmp_path / "executed").exists()


def test_the_line_of_a_method_that_tells_nothing_is_as_before_there_were_quantities():
    plain = json.loads(history_lines(ROWS[:1]))
    assert "quantities" not in plain
    assert history_rows(Path("history.jsonl"), json.dumps(plain))[0].quantities == {}


@pytest.mark.parametrize("wrong", ["[1]", '"a"', '{"damping": "low"}', "3"])
def test_quantities_are_numbers_by_name(wrong):
    line = history_lines(ROWS[2:]).replace('{"damping": 0.25, "ratio": null}', wrong)
    assert wrong in line
    with refuses("one JSON object a line"):
        history_rows(Path("history.jsonl"), line)
