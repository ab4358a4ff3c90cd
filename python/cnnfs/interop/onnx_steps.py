"""What an ONNX graph does to its input, step by step, told to a `Chain`."""

from __future__ import annotations

import numpy as np

from cnnfs.interop.chain import Chain
from cnnfs.interop.numbers import batch_norm
from cnnfs.interop.onnx_graph import Graph
from cnnfs.interop.onnx_pattern import PARTS
from cnnfs.interop.onnx_shape import Shape, axis_of, leads
from cnnfs.interop.onnx_values import (
    FLOATS,
    Array,
    Attributes,
    UnreadableError,
    type_name,
    whole_numbers,
)
from cnnfs.interop.onnx_walk import Step

_PLAIN = {"Sigmoid": "sigmoid", "Relu": "relu", "Tanh": "tanh", "Softplus": "softplus"}
_DENSE = ("Gemm", "MatMul")


class Forward:
    """The steps one after another, told to a `Chain`."""

    def __init__(self, graph: Graph, steps: list[Step]) -> None:
        self.graph, self.steps = graph, steps
        self.shape = Shape(list(graph.dims), self._lead())
        self._chain = Chain(graph.source, problems=graph.problems)
        self._compared = ""  # the node, while there are comparisons instead of numbers

    def chain(self) -> Chain:
        """The chain of all steps. ConversionError if there are some that are not possible."""
        for step in self.steps:
            where = self.graph.label(step.number)
            try:
                with np.errstate(all="ignore"):  # the chain refuses what is not finite
                    self._take(step, where)
            except UnreadableError as error:
                self.graph.refuse(where, str(error))
                self.shape.forget()
        if self._compared:
            self.graph.refuse(self._compared, "its result is no number, but true or false")
        self.graph.stop_if_refused()
        self._chain.unchanged("the graph", self.shape.features, self.graph.dtype)
        return self._chain

    def _lead(self) -> int:
        """Of the input, the axis with which the features begin: what is flattened, or the last."""
        dims = self.graph.dims
        for step in self.steps:
            node = self.graph.nodes[step.number]
            if node.op_type in _DENSE:
                break
            try:
                if node.op_type == "Flatten":
                    axis = axis_of(Attributes(node).whole("axis", 1), len(dims))
                    return min(axis, len(dims) - 1)
                if node.op_type == "Reshape":
                    sizes = whole_numbers(self._operand(step.number, 1))
                    return (leads(dims, sizes) or [len(dims) - 1])[0]
            except UnreadableError:
                break  # comes up again when the step is taken
        return len(dims) - 1

    # ---- steps ----------------------------------------------------------------------------------

    def _take(self, step: Step, where: str) -> None:
        kind = self.graph.nodes[step.number].op_type
        if self._compared:
            if kind != "Cast":
                raise UnreadableError("it takes the result of a comparison, which only Cast may")
            self._compared = ""
            self._chain.activation(where, "step")
        if step.spelled is not None:
            self._scaled_activation(where, *step.spelled)
            return
        options = Attributes(self.graph.nodes[step.number])
        if kind in _PLAIN:
            self._chain.activation(where, _PLAIN[kind])
        elif kind == "Swish":
            slope = options.real("alpha", 1.0)
            if slope == 0 or not np.isfinite(slope):
                raise UnreadableError(f"its alpha is {slope:g}")
            self._scaled_activation(where, "silu", slope, 1 / slope)
        elif kind in ("Elu", "LeakyRelu", "Gelu", "Softmax"):
            self._chain.activation(where, self._choice(kind, options))
        elif kind in _METHODS:
            getattr(self, f"_{_METHODS[kind]}")(step, where, options)
        else:
            raise UnreadableError("cnnfs has nothing that does this alone")

    def _gemm(self, step: Step, where: str, options: Attributes) -> None:
        self._must_take(step, 0)
        if options.whole("transA", 0):
            raise UnreadableError("transA exchanges rows and features")
        if len(self.shape.dims) != 2:
            raise UnreadableError(f"it takes rows of features, not {len(self.shape.dims)} axes")
        weights = self._operand(step.number, 1)
        if weights.ndim != 2:
            raise UnreadableError(f"its weights have shape {weights.shape}")
        weights = weights if options.whole("transB", 0) else weights.T
        alpha, beta = options.real("alpha", 1.0), options.real("beta", 1.0)
        inputs = self.graph.nodes[step.number].input
        c = self._operand(step.number, 2) if len(inputs) > 2 and inputs[2] else None
        if c is not None and c.shape == weights.shape[:1] and alpha == beta == 1:
            self._dense(where, weights, c)  # as it is in most files: no bit is touched
            return
        self._dense(where, weights)
        shift = np.zeros(()) if c is None else self.shape.of_each_feature(c)
        self._chain.affine(where, alpha, shift * beta)

    def _matmul(self, step: Step, where: str, options: Attributes) -> None:
        self._must_take(step, 0)
        weights = self._operand(step.number, 1)
        if weights.ndim != 2:
            raise UnreadableError(f"its weights have shape {weights.shape}, not (inputs, neurons)")
        self._dense(where, weights.T)

    def _arithmetic(self, step: Step, where: str, options: Attributes) -> None:
        """Add, Sub, Mul, Div with a constant."""
        node = self.graph.nodes[step.number]
        if len(node.input) != 2:
            if list(node.input) == [step.x]:  # Sum of one
                return
            raise UnreadableError(f"it has {len(node.input)} inputs")
        place = 1 if node.input[0] == step.x else 0
        value = self.shape.of_each_feature(self._operand(step.number, place))
        one, zero = np.ones(()), np.zeros(())
        scale, shift = one, zero
        if node.op_type in ("Add", "Sum"):
            shift = value
        elif node.op_type == "Mul":
            scale = value
        elif node.op_type == "Sub":
            scale, shift = (one, -value) if place else (-one, value)
        else:
            if not place:
                raise UnreadableError("it divides by what depends on the input")
            if (value == 0).any():
                raise UnreadableError("it divides by 0")
            scale = np.asarray(1 / value)
        self._chain.affine(where, scale, shift)

    def _batch_normalization(self, step: Step, where: str, options: Attributes) -> None:
        self._must_take(step, 0)
        node, rank = self.graph.nodes[step.number], len(self.shape.dims)
        if options.whole("training_mode", 0) or any(node.output[1:]):
            raise UnreadableError("it is in training")
        if not options.whole("spatial", 1) and rank != 2:
            raise UnreadableError("it has means of its own for each place of a channel (spatial=0)")
        given = [self._operand(step.number, i) for i in range(1, 5)]
        if any(a.ndim != 1 or a.shape != given[0].shape for a in given):
            raise UnreadableError(f"its constants have shapes {[a.shape for a in given]}")
        factor, offset, mean, variance = given
        epsilon = options.real("epsilon", 1e-5)
        numbers = batch_norm(mean, variance, epsilon, factor, offset)
        self._chain.affine(where, *(self.shape.of_each_feature(a, channels=True) for a in numbers))

    def _shapes(self, step: Step, where: str, options: Attributes) -> None:
        """Flatten and Reshape."""
        if self.graph.nodes[step.number].op_type == "Flatten":
            self.shape.flatten(options.whole("axis", 1))
        else:
            self._must_take(step, 0)
            self.shape.reshape(self._operand(step.number, 1), bool(options.whole("allowzero", 0)))

    def _greater(self, step: Step, where: str, options: Attributes) -> None:
        """Than a constant: the first half of "step"; the other is a Cast."""
        self._must_take(step, 0)
        bound = self.shape.of_each_feature(self._operand(step.number, 1))
        self._chain.affine(where, 1.0, -bound)
        self._compared = where

    def _as_it_is(self, step: Step, where: str, options: Attributes) -> None:
        """Identity, Dropout outside training, Cast from one type of real numbers to another."""
        node = self.graph.nodes[step.number]
        self._must_take(step, 0)
        if node.op_type == "Cast" and options.whole("to", 0) not in FLOATS:
            kind = type_name(options.whole("to", 0))
            raise UnreadableError(f"it makes {kind} of floating point numbers")
        trains = node.op_type == "Dropout" and len(node.input) > 2 and node.input[2]
        if trains and self._operand(step.number, 2).any():
            raise UnreadableError("it is in training")

    def _choice(self, kind: str, options: Attributes) -> str:
        """The activation of a node that has options."""
        if kind == "Softmax":
            old = self.graph.opset < 13
            self.shape.softmax(options.whole("axis", 1 if old else -1), old)
            return "softmax"
        if kind == "Gelu":
            names = {"none": "gelu", "tanh": "gelu_tanh"}
            kept = options.text("approximate", "none")
            if kept not in names:
                raise UnreadableError(f"its approximation {kept[:20]!r} is unknown")
            return names[kept]
        only, name = (0.01, "leaky_relu") if kind == "LeakyRelu" else (1.0, "elu")
        given = options.real("alpha", only)
        if np.float32(given) != np.float32(only):
            raise UnreadableError(f"its alpha is {given:g}, but that of cnnfs is {only:g}")
        return name

    # ---- what steps are made of -----------------------------------------------------------------

    def _operand(self, number: int, place: int) -> Array:
        """A constant among the inputs of a node."""
        names = self.graph.nodes[number].input
        value = self.graph.constant(names[place]) if place < len(names) else None
        if value is None:
            raise UnreadableError(f"its input {place} is no constant")
        return value

    def _must_take(self, step: Step, place: int) -> None:
        if self.graph.nodes[step.number].input[place] != step.x:
            raise UnreadableError("what depends on the graph's input must come first")

    def _dense(self, where: str, weights: Array, bias: Array | None = None) -> None:
        for numbers in (weights, bias):
            if numbers is not None and numbers.dtype.kind != "f":
                raise UnreadableError(f"its weights are {numbers.dtype}")
        known = self.shape.features
        if known not in (None, weights.shape[1]):
            raise UnreadableError(f"it takes {weights.shape[1]} features, but there are {known}")
        self.shape.dense(len(weights))
        self._chain.dense(where, weights, bias)

    def _scaled_activation(self, where: str, name: str, before: float, after: float) -> None:
        self._chain.affine(where, before, 0.0)
        self._chain.activation(where, name)
        self._chain.affine(where, after, 0.0)


_METHODS = {
    "Gemm": "gemm",
    "MatMul": "matmul",
    **dict.fromkeys(("Add", "Sum", "Sub", "Mul", "Div"), "arithmetic"),
    "BatchNormalization": "batch_normalization",
    "Greater": "greater",
    **dict.fromkeys(("Flatten", "Reshape"), "shapes"),
    **dict.fromkeys(("Identity", "Dropout", "Cast"), "as_it_is"),
}
_ALONE = frozenset({*_METHODS, *_PLAIN, "Swish", "Elu", "LeakyRelu", "Gelu", "Softmax"})
KNOWN = _ALONE | PARTS
