"""scikit-learn's own checks of estimators, with those that cannot hold and why."""

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator

import throughtime as tt

pytestmark = [
    pytest.mark.usefixtures("quick_compile", "as_installed"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]
QUICK = {"hidden": 16, "epochs": 40, "rate": 0.05, "batch_size": 32, "validation": 0.0}
LENGTHS = "sequences may have any length: a table of fewer columns has shorter ones"
OURS = {
    "check_n_features_in_after_fitting": LENGTHS,
    "check_dtype_object": "a value that is no number is an `InputError`, not a `TypeError`",
    "check_estimators_empty_data_messages": "refused, in words of our own",
}
EXPECTED = {
    tt.SequenceRegressor: OURS,
    tt.SequenceClassifier: OURS | {"check_classifiers_train": LENGTHS},
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_the_checks_of_estimators_pass_but_for_those_that_are_named(kind):
    rows = check_estimator(
        kind(**QUICK), expected_failed_checks=EXPECTED[kind], on_skip=None, on_fail=None
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["status"], []).append(row["check_name"])
    failed = [(r["check_name"], r["exception"]) for r in rows if r["status"] == "failed"]
    assert not failed
    assert set(found["xfail"]) == set(EXPECTED[kind])
    assert found["skipped"] == [
        "check_array_api_input"
    ]  # (it is for arrays of other libraries)
    assert len(found["passed"]) >= 45


SETTINGS = (
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
)
"""What can be asked of a `Forecaster`: all else passes a `y`, and it learns from one series.

`check_estimators_unfitted` wants an error of scikit-learn, which the core does not import; and
`check_estimator` as a whole takes its setting `transform` for the method of a transformer.
"""


@pytest.mark.parametrize("check", SETTINGS)
def test_a_forecaster_passes_the_checks_of_settings_and_tags(check):
    getattr(estimator_checks, check)("Forecaster", tt.Forecaster())
