"""Keras itself says whether weights were copied right."""

import os

import jax.numpy as jnp
import numpy as np
import pytest

from throughtime.errors import InputError
from throughtime.recurrence.cells import GRU, LSTM, RNN
from throughtime.recurrence.network import Dense, Network, Readout

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

from throughtime.interop.keras import from_keras, to_keras  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras itself
XS = np.random.default_rng(0).normal(size=(3, 11, 4)).astype(np.float32)
CELLS = {
    "tanh": lambda i, o: RNN(i, o, key=o),
    "logistic": lambda i, o: RNN(i, o, "logistic", key=o),
    "gru": lambda i, o: GRU(i, o, key=o),
    "lstm": lambda i, o: LSTM(i, o, key=o),
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("last", "output"), [(False, "softmax"), (True, "identity")])
def test_a_network_goes_to_keras_and_back(cell, last, output):
    layers = Dense(6, 7, "relu", key=1), Dense(7, 4, key=2)
    cells = CELLS[cell](4, 5), CELLS[cell](5, 6)
    one = Network(cells, Readout(layers, output, last))
    ours, _ = one(jnp.asarray(XS))
    model = to_keras(one)
    np.testing.assert_allclose(model.predict(XS, verbose=0), ours, atol=2e-6)
    again, _ = from_keras(model)(jnp.asarray(XS))
    np.testing.assert_array_equal(again, ours)


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
@pytest.mark.parametrize("use_bias", [True, False])
def test_a_model_of_keras_becomes_a_network(kind, use_bias):
    keras.utils.set_random_seed(1)
    layer = getattr(keras.layers, kind)
    begin = {"bias_initializer": "random_normal", "use_bias": use_bias}
    model = keras.Sequential(
        [
            keras.Input((None, 4)),
            layer(5, return_sequences=True, **begin),
            layer(6, **begin),
            keras.layers.Dense(2, use_bias=use_bias),
        ]
    )
    ours, _ = from_keras(model)(jnp.asarray(XS))
    np.testing.assert_allclose(ours, model.predict(XS, verbose=0), atol=2e-6)


def test_what_is_not_the_same_there_is_refused():
    net = Network((GRU(2, 3, key=0),), Readout((Dense(3, 2, key=0),)), centred=2)
    with pytest.raises(InputError, match="centred=False"):
        to_keras(net)
    gru, dense = keras.layers.GRU, keras.layers.Dense

    def model(*layers):
        return keras.Sequential([keras.Input((None, 2)), *layers])

    with pytest.raises(InputError, match="reset_after"):
        from_keras(model(gru(3, reset_after=False), dense(1)))
    with pytest.raises(InputError, match="recurrent layers"):
        from_keras(model(dense(1)))
    with pytest.raises(InputError, match="linear, sigmoid or softmax"):
        from_keras(model(gru(3), dense(1, activation="tanh")))
