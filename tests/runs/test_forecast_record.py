"""Runs on disk: what is read is what was written, to the last bit."""

import dataclasses
import json

import numpy as np
import pytest
from saved_run import TINY, contents, fitted, refusal, saved
from stamped_tables import days, read
from tampering import rewrite

import throughtime as tt
from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster
from throughtime.runs import forecast_record, run_folder
from throughtime.runs.series_record import TimesInfo
from throughtime.tables.reading_options import ReadingOptions


def test_a_saved_forecaster_forecasts_the_same_bits():
    model, again = fitted(), tt.load(saved())
    ahead = np.linspace(-1, 1, 5)[:, None]
    one, other = model.predict(5, inputs=ahead), again.predict(5, inputs=ahead)
    for name in ("mean", "lower", "upper"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.times == other.times and other.times.labels()[0] == "2020-01-31"
    assert again.settings_ == model.settings_ and again.dense == (3,)
    assert again.history_ == model.history_
    assert again.fitted_.stopped == model.fitted_.stopped
    assert again.fitted_.best_epochs == model.fitted_.best_epochs
    assert again.data_.series[0].fingerprint() == model.data_.series[0].fingerprint()


def test_a_run_from_before_there_were_reservoirs_is_read(folder):
    """Its settings lack those of reservoirs, which an architecture never has."""
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
    assert one.settings_ == other.settings_


def test_filled_values_are_still_marked(folder, tmp_path):
    record = forecast_record.read(folder)
    assert record.series[0].filled_at is None
    flags = np.arange(record.series[0].targets.size).reshape(-1, 1) % 3 == 0
    series = [dataclasses.replace(record.series[0], filled_at=flags)]
    (tmp_path / "new").mkdir()
    forecast_record.write(tmp_path / "new", dataclasses.replace(record, series=series))
    np.testing.assert_array_equal(
        forecast_record.read(tmp_path / "new").series[0].filled_at, flags
    )


def test_how_numbers_were_read_is_kept(folder, tmp_path):
    record = forecast_record.read(folder)
    reading = ReadingOptions.of(",", [-99, "bdl"])
    series = [dataclasses.replace(record.series[0], reading=reading)]
    (tmp_path / "new").mkdir()
    forecast_record.write(tmp_path / "new", dataclasses.replace(record, series=series))
    assert forecast_record.read(tmp_path / "new").series[0].reading == reading


def test_saving_again_gives_the_same_files(tmp_path):
    tt.load(saved()).save(tmp_path / "again")
    assert sorted(p.name for p in saved().iterdir()) == sorted(run_folder.FILES)
    for name in run_folder.FILES:
        assert (saved() / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_saving_again_keeps_options_command_and_versions(folder, tmp_path):
    origin = {
        "options": {"steps": 3, "inputs": [[[0.5], [1.0], [2.0]]]},
        "command": "throughtime forecast y.csv",
        "versions": {"python": "3.0"},
    }
    rewrite(folder, lambda plain: plain.update(origin))
    model = tt.load(folder)
    model.save(tmp_path / "again")
    record = forecast_record.read(tmp_path / "again")
    assert {name: getattr(record, name) for name in origin} == origin
    assert model.train().record().command == "", "another training is another run"


def test_the_run_says_what_it_is():
    plain = json.loads((saved() / "run.json").read_text())
    assert plain["format"] == forecast_record.FORMAT and plain["settings"]["hidden"] == 4
    assert plain["series"][0]["target_names"] == ["y"]
    mean = fitted().data_.scalers[0].mean
    np.testing.assert_array_equal(plain["scalers"]["targets"]["mean"], mean)
    assert set(plain["digests"]) == {n for n in run_folder.FILES if n != "run.json"}
    assert plain["versions"]["numpy"] == np.__version__


def test_a_run_that_is_not_finished_has_no_weights(tmp_path):
    model = Forecaster(**TINY).prepare(np.sin(np.arange(60.0)))
    forecast_record.write(
        run_folder.prepare_folder(tmp_path / "run", False), model.record(options={"steps": 3})
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
        assert "a run is a folder with a `run.json`, or of another kind" in refusal(folder)
    (tmp_path / "run.json").mkdir()
    assert "a run is a folder" in refusal(tmp_path)


def test_a_run_that_cannot_be_stored_writes_nothing(folder):
    before = contents(folder)
    with pytest.raises(ValueError, match="steps"):
        forecast_record.write(folder, fitted().record(options={"steps": 0}))
    assert contents(folder) == before


@pytest.mark.parametrize(
    "stamps",
    [
        days(40, "B"),
        days(40, "SMS"),
        days(40, "BME"),
        [day for i, day in enumerate(days(40, "B")) if i != 20],
        days(40, "MS", form="%b %Y"),
        days(40, "h", form="%d.%m.%Y %H:%M"),
        days(40, "h", form="%Y-%m-%dT%H:%M:%S+05:30"),
    ],
)
def test_a_time_axis_is_read_as_it_was_written(tmp_path, stamps):
    series = read(tmp_path, stamps)
    info = TimesInfo.model_validate_json(TimesInfo(**series.times.to_json()).model_dump_json())
    assert info.times() == series.times
    assert info.times().after(3).labels() == series.times.after(3).labels()


@pytest.mark.parametrize(
    "damage",
    [
        {"week": "0000000"},
        {"week": "11111"},
        {"skipped": ["2021-02-30"]},
        {"skipped": ["soon"]},
        {"form": {"pattern": "%Q"}},
        {"form": {"pattern": "%b"}},
        {"zone": "Europe/Olso"},
        {"unit": "half month"},
        {"second_day": 40},
    ],
)
def test_a_damaged_time_axis_is_refused(tmp_path, damage):
    times = read(tmp_path, days(40, "B")).times
    with pytest.raises(ValueError):
        TimesInfo.model_validate(times.to_json() | damage).times()
