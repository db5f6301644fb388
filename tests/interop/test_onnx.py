"""onnxruntime itself runs what was written."""

import jax.numpy as jnp
import numpy as np
import pytest

from throughtime.errors import InputError
from throughtime.recurrence.cells import GRU, LSTM, RNN
from throughtime.recurrence.echo_state_cell import EchoState
from throughtime.recurrence.network import Dense, Network, Readout

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

from throughtime.interop.onnx import save_onnx, to_onnx  # noqa: E402

XS = np.random.default_rng(0).normal(size=(3, 11, 4)).astype(np.float32)
CELLS = {
    "tanh": lambda i, o: RNN(i, o, key=o),
    "identity": lambda i, o: RNN(i, o, "identity", key=o),
    "logistic": lambda i, o: RNN(i, o, "logistic", key=o),
    "gru": lambda i, o: GRU(i, o, init="keras", key=o),
    "lstm": lambda i, o: LSTM(i, o, key=o),
}


def network(cell, last=False, output="identity", **more):
    layers = Dense(6, 7, "relu", key=1), Dense(7, 4, key=2)
    cells = CELLS[cell](4, 5), CELLS[cell](5, 6)
    return Network(cells, Readout(layers, output, last), **more)


def run(model, xs, states=None):
    """The outputs of a model by name; states begin at zero."""
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    given = {"xs": xs}
    for one in session.get_inputs()[1:]:
        zeros = np.zeros((len(xs), one.shape[1]), np.float32)
        given[one.name] = zeros if states is None else states[f"{one.name}_next"]
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"last": True},
        {"residual": 2},
        {"residual": 2, "last": True},
        {"centred": 2},
        {"centred": 2, "last": True},
        {"output": "softmax"},
        {"output": "logistic"},
    ],
)
def test_outputs_are_those_of_the_network(cell, more):
    one = network(cell, **more)
    ours, _ = one(jnp.asarray(XS))
    np.testing.assert_allclose(run(to_onnx(one), XS)["ys"], ours, atol=2e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_one_step_after_the_other_is_the_whole_sequence(cell):
    model = to_onnx(network(cell))
    whole, states, steps = run(model, XS), None, []
    for t in range(XS.shape[1]):
        states = run(model, XS[:, t : t + 1], states)
        steps.append(states["ys"])
    np.testing.assert_allclose(np.concatenate(steps, axis=1), whole["ys"], atol=2e-6)


def test_a_file_holds_it(tmp_path):
    one = network("gru")
    save_onnx(one, tmp_path / "net.onnx")
    session = runtime.InferenceSession(tmp_path / "net.onnx")
    assert [i.name for i in session.get_inputs()] == ["xs", "h0", "h1"]
    with pytest.raises(InputError, match="must be writable"):
        save_onnx(one, tmp_path / "none" / "net.onnx")


def test_what_onnx_has_not_is_refused():
    cell = EchoState(2, 3, key=0)
    with pytest.raises(InputError, match="ONNX has the cells"):
        to_onnx(Network((cell,), Readout((Dense(3, 1, key=0),))))
