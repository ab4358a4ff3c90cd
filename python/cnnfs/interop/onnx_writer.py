"""Networks as ONNX models: what `Network.to_onnx` does."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, defs, helper, numpy_helper

from cnnfs import __version__, checks, files_atomic
from cnnfs.conversion import ConversionError
from cnnfs.interop.onnx_graph import OLDEST_OPSET
from cnnfs.interop.onnx_values import LARGEST_MESSAGE, Array
from cnnfs.layer import Layer

if TYPE_CHECKING:
    from cnnfs.network import Network

# The operators that take the sums and give the outputs as they are.
_SAME = {
    "sigmoid": ("Sigmoid", {}),
    "relu": ("Relu", {}),
    "tanh": ("Tanh", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.01}),
    "elu": ("Elu", {"alpha": 1.0}),
    "softplus": ("Softplus", {}),
}


def write(network: Network, path: str | os.PathLike[str] | None, opset: int) -> ModelProto:
    newest = defs.onnx_opset_version()
    opset = checks.whole(opset, "opset", least=OLDEST_OPSET)
    if opset > newest:
        raise ValueError(
            f"opset must be at most {newest}, the newest that the installed onnx knows, "
            f"but is {opset}"
        )
    model = _Writer(network, opset).model()
    if path is not None:
        files_atomic.write(os.fspath(path), model.SerializeToString())
    return model


class _Writer:
    """Nodes and constants, in the order in which they are needed."""

    def __init__(self, network: Network, opset: int) -> None:
        self.opset = opset
        self.layers = [part for part in network.layers if isinstance(part, Layer)]
        self.dtype = network.dtype
        self.kind = helper.np_dtype_to_tensor_dtype(self.dtype)
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}

    def model(self) -> ModelProto:
        self._check()
        x = "x"
        for i, layer in enumerate(self.layers):
            place = f"layers.{i}"
            names = [f"{place}.weight", f"{place}.bias"]
            self._constant(names[0], layer.weights)
            self._constant(names[1], layer.bias)
            x = self._node("Gemm", [x, *names], f"{place}.sums", transB=1)
            x = self._activation(str(layer.activation), x, place)
        self.nodes[-1].output[0] = "y"
        ends = [
            helper.make_tensor_value_info(name, self.kind, ["batch", size])
            for name, size in (("x", self.layers[0].n_inputs), ("y", self.layers[-1].n_neurons))
        ]
        constants = list(self.constants.values())
        graph = helper.make_graph(self.nodes, "network", ends[:1], ends[1:], constants)
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(
            graph,
            producer_name="cnnfs",
            producer_version=__version__,
            opset_imports=opsets,
            # From version 4 of the format on, constants need not be inputs too.
            ir_version=max(4, helper.find_min_ir_version_for(opsets)),
        )

    def _check(self) -> None:
        size = sum(layer.weights.nbytes + layer.bias.nbytes for layer in self.layers)
        if size > LARGEST_MESSAGE - (1 << 20):
            raise ConversionError("the network", [f"{size} bytes are too many for an ONNX file"])
        if self.opset < 9 and any(str(layer.activation) == "gelu" for layer in self.layers):
            why = f"gelu needs opset 9, or better 20, not {self.opset}"
            raise ConversionError("the network", [why])

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        # Nodes are named after what they give.
        made = helper.make_node(kind, inputs, [output], name=output, **attributes)
        self.nodes.append(made)
        return output

    def _constant(self, name: str, value: Array) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def _number(self, name: str, value: float) -> str:
        return self._constant(name, np.array(value, self.dtype))

    def _activation(self, name: str, z: str, place: str) -> str:
        y = f"{place}.{name}"
        if name == "linear":
            return z
        # In float64 the constants are spelled out: those of the operators have 32 bits.
        double = self.dtype == np.float64
        if double and name == "leaky_relu":
            less = self._node("Mul", [z, self._number("slope", 0.01)], f"{y}.less")
            return self._node("Max", [z, less], y)
        if name in _SAME:
            kind, attributes = _SAME[name]
            return self._node(kind, [z], y, **attributes)
        if name == "softmax":
            return self._node("Softmax", [z], y, axis=-1 if self.opset >= 13 else 1)
        if name == "step":
            positive = self._node("Greater", [z, self._number("zero", 0.0)], f"{y}.positive")
            return self._node("Cast", [positive], y, to=self.kind)
        if name == "silu":
            if self.opset >= 24:
                return self._node("Swish", [z], y)
            return self._node("Mul", [z, self._node("Sigmoid", [z], f"{y}.gate")], y)
        if self.opset >= 20 and not (double and name == "gelu_tanh"):
            how = "tanh" if name == "gelu_tanh" else "none"
            return self._node("Gelu", [z], y, approximate=how)
        inner = self._tanh_of(z, y) if name == "gelu_tanh" else self._erf_of(z, y)
        share = self._node("Add", [inner, self._number("one", 1.0)], f"{y}.share")
        twice = self._node("Mul", [z, share], f"{y}.twice")
        return self._node("Mul", [twice, self._number("half", 0.5)], y)

    def _erf_of(self, z: str, y: str) -> str:
        scaled = self._node("Div", [z, self._number("sqrt_2", math.sqrt(2))], f"{y}.scaled")
        return self._node("Erf", [scaled], f"{y}.erf")

    def _tanh_of(self, z: str, y: str) -> str:
        square = self._node("Mul", [z, z], f"{y}.square")
        cube = self._node("Mul", [square, z], f"{y}.cube")
        part = self._node("Mul", [cube, self._number("c", 0.044715)], f"{y}.part")
        total = self._node("Add", [z, part], f"{y}.sum")
        root = self._number("sqrt_2_pi", math.sqrt(2 / math.pi))
        scaled = self._node("Mul", [total, root], f"{y}.scaled")
        return self._node("Tanh", [scaled], f"{y}.tanh")
