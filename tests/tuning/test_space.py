"""What a search tries: texts that are read, values that are refused, proposals."""

import math

import pytest
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.forecasting.forecaster import Forecaster
from throughtime.training.settings import check_combination, check_settings
from throughtime.tuning.proposals import Proposals
from throughtime.tuning.space import Space, read_space
from throughtime.tuning.trial import Trial

BASE = check_settings(Forecaster().get_params()).model_dump()


def test_texts_are_ranges_or_choices():
    texts = ["hidden=16,32", "rate=1e-4:1e-2", "cell=gru,lstm", "residual=true,false"]
    assert read_space([*texts, "batch-size=8:64", "clip=none,1"]) == {
        "hidden": [16, 32],
        "rate": (1e-4, 1e-2),
        "cell": ["gru", "lstm"],
        "residual": [True, False],
        "batch_size": (8, 64),
        "clip": [None, 1],
    }


@pytest.mark.parametrize("text", ["hidden", "=3", "rate=", "rate=1:2:3"])
def test_other_texts_are_refused(text):
    with refuses(f"what is varied must be a setting with its values; got `{text}`."):
        read_space([text])


@pytest.mark.parametrize(
    "space, message",
    [
        ({"hiden": [3]}, "Did you mean `hidden`?"),
        ({"rate": (1e-2, 1e-4)}, "a range of `rate` must be two numbers, the lower one first"),
        ({"cell": ("gru", "lstm")}, "or a list of choices"),
        ({"cell": ["gru", "lsmt"]}, "Did you mean `lstm`?"),
        ({"hidden": []}, "`hidden` must have values to try"),
        ({"leak": (0.5, 1.5)}, "`leak` must be at most 1; got 1.5."),
        ({}, "a search needs a setting to vary"),
    ],
)
def test_values_that_a_setting_cannot_have_are_refused(space, message):
    with refuses(message):
        Space.of(BASE, space, 100)


@given(st.integers(1, 500), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=5)
def test_every_proposal_lies_in_the_space_and_can_be_trained(rows, seed, own):
    given_space = {"cell": ["rnn", "esn"], "epochs": (5, 500), "radius": (0.1, 1.2)}
    space = Space.of(BASE, given_space if own else None, rows)
    proposals = Proposals(space, seed, [])
    defaults = Forecaster().get_params()
    for number in range(1, 16):
        ticket, chosen = proposals.ask()
        assert ticket == 0 or space.holds(chosen)
        full = space.settings(chosen)
        check_settings(full)
        check_combination(full | {"washout": 10}, defaults)
        error = float((full["hidden"] or 32) + number)
        proposals.tell(ticket, Trial(number, chosen, "finished", error, (1.0,), 0.1))
    windows = space.of_cell("gru").get("window", [40])
    assert own or all(w <= max(rows / 3, 40) for w in windows)


def test_proposals_follow_from_the_seed_and_what_has_ended():
    space = Space.of(BASE, None, 1000)
    whole, trials = Proposals(space, 3, []), []
    for number in range(1, 15):
        ticket, chosen = whole.ask()
        trials.append(Trial(number, chosen, "finished", float(number % 5), (1.0, 0.5), 0.1))
        whole.tell(ticket, trials[-1])
    assert Proposals(space, 3, trials).ask()[1] == whole.ask()[1]
    assert Proposals(space, 4, trials).ask()[1] != whole.ask()[1]


def test_the_setting_that_decides_is_the_important_one():
    """An error that is a function of one of two settings."""
    space = Space.of(BASE, {"rate": (1e-4, 1e-2), "clip": (0.5, 2.0)}, 100)
    proposals = Proposals(space, 1, [])
    for number in range(1, 50):
        ticket, chosen = proposals.ask()
        error = abs(math.log(chosen["rate"] / 1e-3))
        proposals.tell(ticket, Trial(number, chosen, "finished", error, (1.0,), 0.1))
        if number == 20:
            assert proposals.importance() == {}
    found = proposals.importance()
    assert list(found) == ["rate", "clip"] and sum(found.values()) == pytest.approx(1)
    assert found["rate"] > 0.6
