"""Splits: nothing leaks from validation or test into training, scaling or calibration."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.loading import to_series
from throughtime.data.series import Series
from throughtime.errors import InputError
from throughtime.forecasting.predict import Predictor
from throughtime.forecasting.splits import WARM_UP, SplitData
from throughtime.recurrence.architecture import Architecture
from throughtime.stamps.time_axis import Times

few = settings(max_examples=15)
NETWORK = Architecture(1, 1, hidden=1, cell="rnn").build(0)
SHARES = {"validation": 0.25, "test": 0.2}


def make(n=60, targets=1, inputs=0, seed=0, name="series"):
    rng = np.random.default_rng(seed)
    y, u = rng.normal(size=(n, targets)), rng.normal(size=(n, inputs))
    names = tuple(f"y{i}" for i in range(targets)), tuple(f"u{i}" for i in range(inputs))
    return Series(y, names[0], u, names[1], Times.count(n), name)


def counted(n, inputs=0, first=0):
    """A series whose values are their own row number; its inputs are 1000 more."""
    rows = first + np.arange(n, dtype=float)[:, None]
    names = tuple(f"u{i}" for i in range(inputs))
    return Series(rows, ("y",), np.tile(rows + 1000, inputs), names, Times.count(n))


def cut(series, window=4, horizon=1, truncated=False, short=False, **shares):
    series = series if isinstance(series, list) else [series]
    shares = {**SHARES, **shares}
    shares = shares["validation"], shares["test"]
    return SplitData.of(series, *shares, window, horizon, truncated, "float32", short=short)


def read(data, batch_size=1000):
    """The inputs, targets and weights that training would see, in NumPy, in one batch."""
    if data.stateful:
        return tuple(np.asarray(v) for v in (data.inputs, data.targets, data.weights))
    first = np.asarray(data.starts)[:, None] + np.arange(data.window)
    ahead = first[..., None] + np.arange(1, data.horizon + 1)
    y, u = np.asarray(data.targets), np.asarray(data.inputs)
    count = len(first), data.window
    known = u[ahead].reshape(*count, -1) if u.shape[1] else np.zeros((*count, 0))
    weights = np.broadcast_to(np.arange(data.window) >= data.washout, count)
    return np.concatenate([y[first], known], axis=-1), y[ahead].reshape(*count, -1), weights


def on_one_scale(parts):
    """The same with the scaler of the first series for all, so that values tell the series."""
    parts.scalers[:] = parts.scalers[:1] * len(parts.series)
    return parts


def unscaled(parts, values):
    return np.round(values * parts.scalers[0].std[0] + parts.scalers[0].mean[0]).astype(int)


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def spoil(series, first, amount):
    """Everything from a row on replaced by something very different."""
    targets, inputs = series.targets.copy(), series.inputs.copy()
    targets[first:] = targets[first:] * -3 + amount
    inputs[first:] = inputs[first:] * 2 - amount
    return replace(series, targets=targets, inputs=inputs)


@given(
    n=st.just(41), window=st.sampled_from([1, 5]),
    horizon=st.sampled_from([1, 3]), truncated=st.booleans(),
    amount=st.floats(1, 1e6), later=st.integers(0, 10),
)  # fmt: skip
@few
def test_nothing_after_the_training_part_changes_the_training(
    n, window, horizon, truncated, amount, later
):
    series = [make(n, 2, 1), make(n + 7, 2, 1, seed=1)]
    parts = cut(series, window, horizon, truncated)
    spoilt = [
        spoil(one, split.train + later % (split.total - split.train), amount)
        for one, split in zip(series, parts.splits, strict=True)
    ]
    other = cut(spoilt, window, horizon, truncated)
    for one, two in zip(parts.scalers, other.scalers, strict=True):
        assert one.to_json() == two.to_json()
    assert parts.input_scaler.to_json() == other.input_scaler.to_json()
    assert parts.periods == other.periods
    assert list(map(parts.read_before, parts.series)) == list(
        map(other.read_before, other.series)
    )
    assert_same(read(parts.training(32, 0)), read(other.training(32, 0)))


@given(
    n=st.just(41), window=st.sampled_from([1, 5]),
    horizon=st.sampled_from([1, 3]), truncated=st.booleans(),
    amount=st.floats(1, 1e6), later=st.integers(0, 5),
)  # fmt: skip
@few
def test_the_test_part_changes_nothing_that_is_chosen_before_it(
    n, window, horizon, truncated, amount, later
):
    series = [make(n, 2, 1)]
    parts = cut(series, window, horizon, truncated)
    split = parts.splits[0]
    spoilt = [spoil(series[0], split.validation + later, amount)]
    other = cut(spoilt, window, horizon, truncated)
    assert_same(read(parts.training(32, 0)), read(other.training(32, 0)))
    assert_same(read(parts.validation()), read(other.validation()))
    one, two = parts.fit_ridge(), other.fit_ridge()
    assert one.penalty == two.penalty
    np.testing.assert_array_equal(one.weights, two.weights)


class Watched(Predictor):
    """A predictor that keeps what it is asked to forecast from, and forecasts zeros."""

    def rollouts(self, contexts, inputs, steps, scaler):
        self.__dict__.update(seen=(contexts, inputs))
        return np.zeros((len(contexts), steps, contexts.shape[-1]))


@pytest.mark.parametrize("truncated", [False, True])
def test_the_test_part_changes_no_margin(truncated):
    series = make(80, 1, 0)
    parts = cut(series, 5, 2, truncated)
    other = cut(spoil(series, parts.splits[0].validation, 99.0), 5, 2, truncated)
    found = []
    for one in (parts, other):
        predictor = Watched(NETWORK, one, 0.5)
        margins = predictor.margins("network", 6, [0.5])[0]
        found.append((margins, *predictor.seen))
    assert_same(*found)
    assert np.isfinite(found[0][0]).all()


def test_margins_are_of_the_validation_part_alone():
    """Forecasts of zero err by the value: the margins are quantiles of its sizes."""
    series = counted(80)
    parts = cut(series, 5)
    split = parts.splits[0]
    predictor = Watched(NETWORK, parts, 0.5)
    steps = split.validation - split.train + 2
    found = parts.scalers[0].std * predictor.margins("network", steps, [0.5])[0, :, 0]
    for k in range(split.validation - split.train):
        residuals = np.arange(split.train + k, split.validation)
        rank = int(np.ceil((len(residuals) + 1) * 0.5))
        wanted = np.inf if rank > len(residuals) else residuals[rank - 1]
        assert found[k] == pytest.approx(wanted, rel=1e-12)
    assert (found[-2:] == np.inf).all()
    assert predictor.seen[0].max() == split.validation - 2  # the last origin's last known row


def test_a_forecast_that_becomes_nan_widens_the_margins():
    class Broken(Predictor):
        def rollouts(self, contexts, inputs, steps, scaler):
            found = np.zeros((len(contexts), steps, 1))
            found[::2, 1] = np.nan
            return found

    found = Broken(NETWORK, cut(make(80)), 0.8).margins("network", 2, [0.8])[0]
    assert np.isfinite(found[0]) and found[1] == np.inf


@given(n=st.integers(30, 70), window=st.integers(1, 8), horizon=st.integers(1, 3))
@few
def test_training_windows_are_all_those_of_the_training_part(n, window, horizon):
    parts = cut(counted(n, 1), window, horizon)
    split = parts.splits[0]
    xs, ys, weights = read(parts.training(32, 0))
    rows, asked = unscaled(parts, xs[..., 0]), unscaled(parts, ys)
    starts = np.arange(split.train - window - horizon + 1)
    np.testing.assert_array_equal(rows, starts[:, None] + np.arange(window))
    np.testing.assert_array_equal(asked, rows[..., None] + np.arange(1, horizon + 1))
    known = unscaled(parts, xs[..., 1:])  # the input's scale is the target's, shifted
    np.testing.assert_array_equal(known, asked)
    assert asked.max() == split.train - 1 and weights.all()


def test_washout_leaves_the_first_steps_out():
    data = cut(counted(60), 6).training(32, 4)
    assert data.washout == 4
    weights = jax.jit(lambda rows: data.batch(rows).weights)(jnp.array([0, -1]))
    np.testing.assert_array_equal(weights, [[0, 0, 0, 0, 1, 1], [0] * 6])


@given(
    n=st.just(31), window=st.sampled_from([1, 7]),
    horizon=st.sampled_from([1, 3]), truncated=st.booleans(),
)  # fmt: skip
@few
def test_validation_loss_is_of_exactly_the_validation_part(n, window, horizon, truncated):
    parts = cut(counted(n), window, horizon, truncated)
    split = parts.splits[0]
    xs, ys, weights = read(parts.validation())
    asked = unscaled(parts, ys)[weights > 0]  # (forecasts, horizon)
    firsts = np.arange(split.train, split.validation - horizon + 1)
    np.testing.assert_array_equal(np.sort(asked[:, 0]), firsts)
    np.testing.assert_array_equal(asked, asked[:, :1] + np.arange(horizon))
    assert set(asked.ravel()) == set(range(split.train, split.validation))
    last_known = unscaled(parts, xs[..., 0])[weights > 0]
    np.testing.assert_array_equal(last_known, asked[:, 0] - 1)


@given(lengths=st.lists(st.integers(30, 50), min_size=2, max_size=4), horizon=st.integers(1, 3))
@few
def test_series_never_share_a_window(lengths, horizon):
    """Values of series i are 1000 i and more; row numbers within go up by one."""
    series = [counted(n, first=1000 * i) for i, n in enumerate(lengths)]
    parts = on_one_scale(cut(series, 4, horizon))
    pairs = ((parts.training(32, 0), 0), (parts.validation(), 1))
    for data, part in pairs:
        xs, ys, _ = read(data)
        whole = np.concatenate(
            [unscaled(parts, xs), unscaled(parts, ys)[:, -1:].swapaxes(1, 2)], 1
        )
        assert (np.diff(whole[..., 0], axis=1) == 1).all()
        owner, row = np.divmod(whole[..., 0], 1000)
        assert (owner == owner[:, :1]).all()
        for i, split in enumerate(parts.splits):
            mine = row[owner[:, 0] == i]
            first, end = ((0, split.train), (split.train, split.validation))[part]
            assert mine[:, 4].min() == first + 4 * (part == 0) and mine.max() == end - 1
            assert len(mine) == end - first - horizon + 1 - 4 * (part == 0)


@pytest.mark.parametrize(
    ("n", "batch_size", "horizon"), [(200, 4, 1), (200, 32, 2), (50, 8, 3)]
)
def test_streams_run_along_the_training_part(n, batch_size, horizon):
    series = [counted(n, 1), counted(n + 30, 1, first=1000)]
    parts = on_one_scale(cut(series, 3, horizon, truncated=True))
    data = parts.training(batch_size, 0)
    xs, ys, weights = read(data)
    assert data.chunk == 3 and xs.shape[1] % 3 == 0
    on = weights > 0
    rows, asked = unscaled(parts, xs[..., 0]), unscaled(parts, ys)
    for stream in range(len(xs)):
        mine = rows[stream][on[stream]]
        assert on[stream, : len(mine)].all(), "only the end is padding"
        assert (np.diff(mine) == 1).all()
    wanted = [np.arange(s.train - horizon) + 1000 * i for i, s in enumerate(parts.splits)]
    np.testing.assert_array_equal(np.sort(rows[on]), np.concatenate(wanted))
    np.testing.assert_array_equal(asked[on], rows[on][:, None] + np.arange(1, horizon + 1))
    inputs = xs[..., 1:][on] * parts.input_scaler.std + parts.input_scaler.mean - 1000
    np.testing.assert_array_equal(np.round(inputs), asked[on])
    assert len(xs) <= batch_size + 1


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_carried_state_is_warmed_up_before_the_validation_part(horizon):
    parts = cut(counted(100), 4, horizon, truncated=True)
    split = parts.splits[0]
    assert parts.read_before(parts.series[0]) == WARM_UP * 4
    xs, _, weights = read(parts.validation())
    rows = unscaled(parts, xs[0, :, 0])
    assert rows[0] == split.train - WARM_UP * 4
    warm = np.arange(len(rows)) < WARM_UP * 4 - 1
    np.testing.assert_array_equal(weights[0][warm], 0)
    assert rows[WARM_UP * 4 - 1] == split.train - 1 and weights[0][WARM_UP * 4 - 1] == 1
    assert weights.sum() == split.validation - split.train - horizon + 1


def test_a_carried_state_is_warmed_up_by_what_each_series_holds():
    """In whole windows; a short series does not shorten the warm-up of the others."""
    parts = cut([counted(100), counted(40), counted(60)], 12, truncated=True)
    assert [split.train for split in parts.splits] == [60, 24, 36]
    assert [parts.read_before(one) for one in parts.series] == [48, 24, 36]
    assert read(parts.validation())[2].sum() == sum(
        s.validation - s.train for s in parts.splits
    )


def test_each_series_has_the_scaler_of_its_own_training_part():
    series = [make(50, 2, 1), make(90, 2, 1, seed=3, name="other")]
    parts = cut(series)
    for one, split, scaler in zip(series, parts.splits, parts.scalers, strict=True):
        rows = one.targets[: split.train]
        np.testing.assert_allclose(scaler.mean, rows.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(scaler.std, rows.std(axis=0), rtol=1e-12)
        assert parts.scaler_of(one) is scaler


def test_another_series_is_scaled_by_what_is_known_of_it():
    parts = cut([make(50), make(60, name="b")])
    other = make(70, seed=5, name="c")
    assert parts.number_of(other) is None
    found = parts.scaler_of(other, 30)
    np.testing.assert_allclose(found.mean, other.targets[:30].mean(axis=0))
    np.testing.assert_allclose(found.std, other.targets[:30].std(axis=0))


def test_new_data_are_read_as_the_series_were(tmp_path):
    """Their decimal mark and codes for missing values need not be said again."""
    lines = [f"{2000 + i};{1 + i % 4}.{i:03d}" for i in range(60)]
    path = tmp_path / "flow.csv"
    path.write_text("\n".join(["year;y", *lines, ""]))
    (series,) = to_series(path, decimal=",", missing=-99)
    newer = [*lines[20:], "2060;-99", "2061;1.500"]
    path.write_text("\n".join(["year;y", *newer, ""]))
    (read,) = cut(series).read_new(path, "linear")
    assert read.targets[0, 0] == 1020 and read.filled == 1
    assert read.targets[-2:, 0].tolist() == [(4059 + 1500) / 2, 1500]
    assert read.reading == series.reading


def test_which_fitted_series_another_one_is_a_stretch_of():
    series = [make(50), make(60, seed=1, name="b")]
    parts = cut(series)
    assert [parts.number_of(one) for one in series] == [0, 1]
    assert parts.number_of(replace(series[1][20:50], name="unknown")) == 1, "it shares rows"
    assert parts.number_of(replace(make(30, seed=7), name="b")) == 1, "by its name"
    far = make(30, seed=7)
    assert parts.number_of(replace(far, name="b", targets=far.targets * 100)) is None
    one = cut(series[0])
    assert one.number_of(replace(far, name="later")) == 0, "there is but one"
    assert one.number_of(replace(far, targets=far.targets + 100)) is None
    spoilt = replace(far, targets=np.append(far.targets[:24], far.targets[24:] * 1e3, 0))
    assert one.number_of(spoilt) == 0, "the last fifth, its test part, is not looked at"


def test_series_too_short_for_the_window_train_no_network():
    parts = cut([make(60), make(30, name="b")], window=20)
    assert parts.trained == [0]
    xs, _, _ = read(parts.training(32, 0))
    assert len(xs) == parts.splits[0].train - 20


@pytest.mark.parametrize("truncated", [False, True])
def test_a_short_validation_part_stops_no_others(truncated):
    series = [make(400), make(60, name="b")]
    parts = cut(series, window=24, horizon=13, truncated=truncated)
    assert parts.trained == [0] or parts.splits[1].validation - parts.splits[1].train < 13
    assert parts.validation() is not None


def test_a_still_series_stops_no_others():
    still = replace(make(40), targets=np.ones((40, 1)), name="still")
    parts = cut([make(60), still])
    assert parts.scalers[1].std == 1 and parts.scalers[1].mean == 1
    assert parts.trained == [0], "nor do the networks learn from it"
    assert cut(still, short=True).trained == [0], "unless there is no other"


def test_without_a_validation_part_there_is_no_validation_data():
    parts = cut(make(60), validation=0.0)
    assert parts.validation() is None and parts.fit_ridge().penalty == 1


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        (make(30), {"window": 18}, "`window` must be shorter than the training series; got 18"
         " of 18 steps. Lower `window`, or pass a longer series."),
        (make(30), {"window": 17, "horizon": 2}, "`window` and `horizon` together must fit"
         " into the training series; got 17 + 2 of 18 steps. Lower `horizon` or `window`."),
        (make(30), {"horizon": 7}, "`horizon` must not be longer than the validation part; got"
         " 7 of 6 steps. Lower `horizon`, or raise `validation`."),
        (replace(make(30), targets=np.append(np.ones((18, 1)), np.zeros((12, 1)), 0)), {},
         "a column must vary in the training part; got 1 in each row of `y0`."),
        (replace(make(30, inputs=1), inputs=np.append(np.ones((18, 1)), np.zeros((12, 1)), 0)),
         {}, "a column must vary in the training part; got 1 in each row of `u0`."),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_on_is_refused(series, options, message):
    with pytest.raises(InputError) as caught:
        cut(series, **options)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_the_longest_window_that_is_accepted_trains_on_one_example():
    parts = cut(counted(30), 16, 2)
    assert len(read(parts.training(32, 0))[0]) == 1


def test_a_backtest_must_fit_into_a_test_part():
    parts = cut([make(60), make(30)])
    parts.check_steps(12)
    cut(make(60), test=0.0).check_steps(1000)  # nothing is tested then
    for steps, message in ((13, r"got 13 of 12 steps\. Lower"), (0, r"at least 1; got 0\.")):
        with pytest.raises(InputError, match=message):
            parts.check_steps(steps)
