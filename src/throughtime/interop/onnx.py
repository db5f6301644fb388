"""Networks as ONNX models, which programs in many languages run.

The recurrent operators of ONNX are those of PyTorch with other orders of the gates. States go
in and out, so one step of a closed loop is the same model run over one step.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from throughtime._support import atomic
from throughtime.errors import InputError
from throughtime.recurrence.cells import GRU, LSTM, RNN, Cell
from throughtime.recurrence.network import Network
from throughtime.recurrence.summary import cell_title

OPSET, IR = 17, 8
"""Versions of the operators and of the file format that runtimes of 2022 and later read."""

ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "logistic": "Sigmoid", "softmax": "Softmax"}

ORDERS = {RNN: (0,), GRU: (1, 0, 2), LSTM: (0, 3, 1, 2)}
"""The place of each gate of ONNX (z, r, h and i, o, f, c) among ours."""


def to_onnx(network: Network) -> onnx.ModelProto:
    """A network as an ONNX model, in single precision.

    Its inputs are `xs`, `(batch, time, input)`, and the state of each cell, `h0`, `h1`, ...
    (and `c0`, ... of an LSTM), `(batch, hidden)`, zeros to begin. Its outputs are `ys` and the
    states after the last step, `h0_next` and so on. Batch and time may have any size. A centred
    network takes no state.

    Parameters
    ----------
    network
        A network of RNN, GRU and LSTM cells; not an ensemble.

    Raises
    ------
    InputError
        For an ensemble, or a cell that ONNX does not have.
    """
    network.check_single()
    for cell in network.cells:
        if type(cell) not in ORDERS:
            rule = "ONNX has the cells RNN, GRU and LSTM"
            raise InputError(rule, cell_title(cell), "Use one of these.")
    graph = _Graph()
    graph.network(network)
    return graph.model(network)


def save_onnx(network: Network, file: str | Path) -> None:
    """Write a network as an ONNX file; see `to_onnx`.

    Raises
    ------
    InputError
        As for `to_onnx`, and for a file that cannot be written.
    """
    content = to_onnx(network).SerializeToString()
    try:
        atomic.write(Path(file), content)
    except OSError as error:
        rule = "the file must be writable"
        raise InputError(rule, f"`{file}` ({error.strerror})", "Pass another one.") from None


class _Graph:
    """Operators and constants as they are added, each with the name of its result."""

    def __init__(self):
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.states: list[tuple[str, int]] = []  # the name of each, and its size

    def add(self, operator: str, *inputs: Any, outputs: Any = None, **attributes: Any) -> str:
        """Add an operator; arrays among its inputs become constants."""
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        made = [f"v{len(self.nodes)}"] if outputs is None else list(outputs)
        self.nodes.append(helper.make_node(operator, names, made, **attributes))
        return made[0]

    def _constant(self, value: Any) -> str:
        name, array = f"k{len(self.constants)}", np.asarray(value)
        if array.dtype != np.int64:
            array = array.astype(np.float32)
        self.constants[name] = array
        return name

    def network(self, network: Network) -> None:
        """All of a network, from `xs` to `ys`."""
        xs, first = "xs", None
        if network.centred:
            c = network.centred
            first = self._slice(self._slice("xs", 2, 0, c), 1, 0, 1)
            change = self.add("Sub", self._slice("xs", 2, 0, c), first)
            others = self._slice("xs", 2, c, network.input_size)
            xs = self.add("Concat", change, others, axis=2)
        hs, h = self.add("Transpose", xs, perm=[1, 0, 2]), ""
        for i, cell in enumerate(network.cells):
            hs, h = self._cell(cell, i, hs, stateless=bool(network.centred))
        last = network.readout.last
        ys = h if last else self.add("Transpose", hs, perm=[1, 0, 2])
        for dense in network.readout.layers:
            ys = self.add("Add", self.add("MatMul", ys, np.asarray(dense.V).T), dense.c)
            ys = self._activated(ys, dense.activation)
        if network.residual:
            first = self._slice("xs", 2, 0, network.residual)
            first = self._slice(first, 1, -1, np.iinfo(np.int64).max) if last else first
        if first is not None:
            first = self.add("Squeeze", first, np.array([1])) if last else first
            width = network.residual or network.centred
            copies = [first] * (network.output_size // width)
            ys = self.add("Add", ys, self.add("Concat", *copies, axis=-1))
        self.add("Identity", self._activated(ys, network.readout.output), outputs=["ys"])

    def _cell(self, cell: Cell, i: int, xs: str, *, stateless: bool) -> tuple[str, str]:
        """A cell: its hidden states `(time, batch, hidden)` and the last of them."""
        U, W, b, beside = _weights(cell)
        parts = ["h", "c"] if isinstance(cell, LSTM) else ["h"]
        before = []
        for part in parts:
            before.append("" if stateless else f"{part}{i}")
            if not stateless:
                self.states.append((f"{part}{i}", cell.hidden_size))
        given = [self.add("Unsqueeze", one, np.array([0])) if one else "" for one in before]
        kind = type(cell).__name__
        more: dict[str, Any] = {"hidden_size": cell.hidden_size}
        if isinstance(cell, GRU):
            more["linear_before_reset"] = 1
        if isinstance(cell, RNN):
            more["activations"] = [ACTIVATIONS.get(cell.activation, "Affine")]
            if more["activations"] == ["Affine"]:
                more |= {"activation_alpha": [1.0], "activation_beta": [0.0]}
        bias = np.concatenate([b, beside])[None]
        made = [f"all{i}", *(f"{part}_after{i}" for part in parts)]
        self.add(kind, xs, U[None], W[None], bias, "", *given, outputs=made, **more)
        hs = self.add("Squeeze", made[0], np.array([1]))
        ends = [self.add("Squeeze", one, np.array([0])) for one in made[1:]]
        for part, end in zip(parts, ends, strict=True):
            if not stateless:
                self.add("Identity", end, outputs=[f"{part}{i}_next"])
        return hs, ends[0]

    def _slice(self, x: str, axis: int, first: int, end: int) -> str:
        bounds = (np.array([n], np.int64) for n in (first, end, axis))
        return self.add("Slice", x, *bounds)

    def _activated(self, x: str, name: str) -> str:
        if name == "identity":
            return x
        more = {"axis": -1} if name == "softmax" else {}
        return self.add(ACTIVATIONS[name], x, **more)

    def model(self, network: Network) -> onnx.ModelProto:
        """The model of all that was added."""
        single = TensorProto.FLOAT
        shape = ["batch", "time", network.input_size]
        inputs = [helper.make_tensor_value_info("xs", single, shape)]
        time = [] if network.readout.last else ["time"]
        shape = ["batch", *time, network.output_size]
        outputs = [helper.make_tensor_value_info("ys", single, shape)]
        for name, size in self.states:
            for put, to in ((name, inputs), (f"{name}_next", outputs)):
                to.append(helper.make_tensor_value_info(put, single, ["batch", size]))
        constants = [numpy_helper.from_array(v, k) for k, v in self.constants.items()]
        graph = helper.make_graph(self.nodes, "throughtime", inputs, outputs, constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR, producer_name="throughtime"
        )
        onnx.checker.check_model(model)
        return model


def _weights(cell: Any) -> tuple[np.ndarray, ...]:
    """U, W, b and the bias beside W, with the gates in the order of ONNX."""
    beside = np.zeros_like(np.asarray(cell.b))
    if isinstance(cell, GRU):
        beside[2 * cell.hidden_size :] = cell.d

    def ordered(x):
        gates = np.split(np.asarray(x), len(ORDERS[type(cell)]))
        return np.concatenate([gates[i] for i in ORDERS[type(cell)]])

    return tuple(map(ordered, (cell.U, cell.W, cell.b, beside)))
