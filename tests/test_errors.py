"""The errors of a user: close names, whole numbers, and copies for other processes."""

import pickle

import numpy as np
import pytest
from conftest import refuses

from throughtime.errors import (
    InputError,
    check_known_name,
    check_positive_integer,
    closest_name,
    did_you_mean,
)


def test_a_message_is_one_line_and_outlives_pickling():
    error = InputError("`x` must\n be 1", 2, "Pass 1.")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) == "`x` must be 1; got 2. Pass 1."
    assert (again.rule, again.got, again.remedy) == ("`x` must\n be 1", 2, "Pass 1.")


@pytest.mark.parametrize(
    ("name", "closest"), [("lsmt", "LSTM"), ("Gru", "gru"), ("xyz", None), (3, None)]
)
def test_the_closest_name_whatever_its_case(name, closest):
    known = ["rnn", "gru", "LSTM"]
    assert closest_name(name, known) == closest
    question = f"Did you mean `{closest}`? " if closest else ""
    assert did_you_mean(name, known) == f"{question}Known: LSTM, gru, rnn."


@pytest.mark.parametrize("value", [1, 7, np.int32(2)])
def test_positive_integers_pass(value):
    check_positive_integer("steps", value)


@pytest.mark.parametrize(
    ("value", "got", "remedy"),
    [
        (0, "0", "Raise `steps`."),
        (np.int64(-3), "-3", "Raise `steps`."),
        (2.5, "2.5", "Pass a whole number, such as 1."),
        (2.0, "2.0", "Pass a whole number, such as 1."),
        (True, "True", "Pass a whole number, such as 1."),
        ("3", "'3'", "Pass a whole number, such as 1."),
        (None, "None", "Pass a whole number, such as 1."),
    ],
)
def test_other_values_are_refused(value, got, remedy):
    with refuses(f"`steps` must be a whole number of at least 1; got {got}. {remedy}"):
        check_positive_integer("steps", value)


def test_known_names_pass_and_others_are_refused():
    check_known_name("cell", "gru", ("gru", "lstm"))
    with refuses(
        "`cell` must be a known name; got lsmt. Did you mean `lstm`? Known: gru, lstm."
    ):
        check_known_name("cell", "lsmt", ("gru", "lstm"))
