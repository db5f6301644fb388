"""The folder of a run: when it is overwritten, and what is left alone."""

import json

import pytest
from saved_run import contents, fitted

import throughtime as tt
from throughtime._support.integrity import digest
from throughtime.errors import InputError
from throughtime.runs import forecast_record, run_folder


def test_a_run_half_cleared_or_half_written_can_be_overwritten(folder, monkeypatch):
    """Wherever the program was killed. Its temporary files are deleted too."""
    killed = RuntimeError("killed")
    (folder / ".weights.safetensors.ab_9cdef").write_text("half")
    (folder / ".weights.safetensors.mine").write_text("mine")

    def die(*_):
        raise killed

    with monkeypatch.context() as patch:
        patch.setattr("throughtime._support.atomic.write", die)
        with pytest.raises(RuntimeError):
            run_folder.prepare_folder(folder, overwrite=True)
    left = {"run.json", ".weights.safetensors.mine"}
    assert {path.name for path in folder.iterdir()} == left
    run_folder.prepare_folder(folder, overwrite=True)
    (folder / ".series.safetensors.abcdefgh").write_text("half")
    fitted().save(folder, overwrite=True)
    assert {path.name for path in folder.iterdir()} == {
        *run_folder.FILES,
        *({run_folder.MODELS} & {path.name for path in folder.iterdir()}),
        ".weights.safetensors.mine",
    }
    (folder / "run.json").unlink()
    fitted().save(folder, overwrite=True)
    tt.load(folder)


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"must be new or empty; got .* Pass `--overwrite`"):
        run_folder.prepare_folder(tmp_path, overwrite=False)
    assert contents(tmp_path) == {"notes.txt": b"mine"}


def test_overwriting_removes_the_run_and_nothing_else(folder):
    mine = ("notes.txt", "weights.bak", "checkpoint/mine.txt", "sub/run.json")
    for name in (*mine, *run_folder.RESULTS, "checkpoint/state.safetensors"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    assert run_folder.prepare_folder(folder, overwrite=True) == folder
    left = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert left == set(mine)
    with pytest.raises(InputError, match="only a run can be overwritten"):
        run_folder.prepare_folder(folder, overwrite=True)
    forecast_record.write(folder, fitted().record())
    fitted().save(folder, overwrite=True)
    tt.load(folder)
    for name in mine:
        assert (folder / name).read_text() == name


def test_a_folder_is_made_with_its_parents_and_an_empty_one_taken(tmp_path):
    assert run_folder.prepare_folder(tmp_path / "a" / "b", overwrite=False).is_dir()
    assert run_folder.prepare_folder(tmp_path / "a" / "b", overwrite=False).is_dir()
    assert not contents(tmp_path)


def test_what_cannot_be_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(InputError, match="the output folder must be writable"):
            run_folder.prepare_folder(path, overwrite=True)
    assert contents(tmp_path) == {"file": b"mine"}
    (tmp_path / "run" / "forecast.csv").mkdir(parents=True)
    (tmp_path / "run" / "run.json").write_text("{}")
    with pytest.raises(InputError, match="the output folder must be writable"):
        run_folder.prepare_folder(tmp_path / "run", overwrite=True)


def test_what_a_kill_left_beside_a_finished_run_is_put_away(tmp_path):
    """A file that counts but was not renamed yet takes its place; the others go."""
    wanted = {"weights.safetensors": "new", "history.jsonl": "kept"}
    digests = {name: digest(text.encode()) for name, text in wanted.items()}
    (tmp_path / "run.json").write_text(json.dumps({"digests": digests}))
    (tmp_path / "checkpoint").mkdir()
    for name, text in {
        "weights.safetensors": "old",
        "history.jsonl": "kept",
        ".weights.safetensors.abcdefgh": "new",
        ".weights.safetensors.abcdefg_": "of another kill",
        ".history.jsonl.abcdefgh": "hist",
        ".forecast.csv.abcdefgh": "",
        ".run.json.abcdefgh": "{",
        "checkpoint/.state.safetensors.abcdefgh": "",
        ".notes": "mine",
    }.items():
        (tmp_path / name).write_text(text)
    run_folder.finish_writing(tmp_path, "run.json")
    assert {path.name for path in tmp_path.glob(".*")} == {".notes"}
    assert not list((tmp_path / "checkpoint").iterdir())
    assert {name: (tmp_path / name).read_text() for name in wanted} == wanted
