"""Scalers that somebody changed, with right digests, are refused in one line."""

import pytest
from conftest import refuses

from throughtime.data.scaler import Scaler
from throughtime.dynamics.saved_surrogate import _stored_scaler
from throughtime.runs.surrogate_record import SurrogateFile

OWN = Scaler.from_json({"mean": [0.0, 1.0], "std": [1.0, 2.0]})


@pytest.mark.parametrize(
    "scalers",
    [
        {},
        {"targets": {}},
        {"targets": {"mean": [0.0, 1.0], "std": []}},
        {"targets": {"mean": [0.0], "std": [1.0]}},
        {"targets": {"mean": [0.0, 1.0], "std": [1.0, 0.0]}},
        {"targets": {"mean": [0.0, float("inf")], "std": [1.0, 1.0]}},
    ],
)
def test_a_scaler_that_is_none_of_the_system_is_refused(scalers, tmp_path):
    record = SurrogateFile.model_construct(scalers=scalers)
    with refuses("its `scalers` do not fit its system"):
        _stored_scaler(OWN, record, "targets", tmp_path / "surrogate.json")


def test_its_own_is_read_back(tmp_path):
    record = SurrogateFile.model_construct(scalers={"targets": OWN.to_json()})
    found = _stored_scaler(OWN, record, "targets", tmp_path / "surrogate.json")
    assert found.to_json() == OWN.to_json()
