"""An ONNX graph, looked into without trust: its nodes, its constants, its one input."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, defs

from cnnfs.conversion import ConversionError
from cnnfs.interop.onnx_values import (
    FLOATS,
    FOLDABLE,
    Array,
    UnreadableError,
    constant_of,
    fold,
    read_tensor,
    short,
    type_name,
)

OLDEST_OPSET = 7
_MOST_PARTS = 20  # that an error lists


class Graph:
    """What the conversion asks of a graph. Problems are collected; `stop_if_refused` raises them.

    Attributes
    ----------
    opset : int
        The version of the standard operators.
    nodes : list of NodeProto
    producers : dict of str to int
        For each tensor the number of the node that gives it, unless it is a constant.
    input : str
        The tensor that the wanted one depends on, known once `choose` was called.
    dims : list of int or None
        Its shape; None where the graph does not fix it.
    dtype : str
        Its type.
    """

    def __init__(self, model: ModelProto, source: str) -> None:
        self.source = source
        self.problems: list[str] = []
        if not all(isinstance(name, str) for name in _names(model)):
            raise ConversionError(source, ["a name in it is no text: the file is damaged"])
        self.opset = self._opset(model)
        self.nodes = list(model.graph.node)
        self.producers: dict[str, int] = {}
        self._outputs = [value.name for value in model.graph.output]
        self._tensors = self._initializers(model)
        self._constants: dict[str, Array] = {}
        # Old files list their initializers among the inputs.
        self._inputs = {v.name: v for v in model.graph.input if v.name not in self._tensors}
        self.stop_if_refused()
        # How many bytes folding may make of the constants; more than any honest graph needs.
        self._allowance = 4 * model.ByteSize() + (1 << 20)
        self._link()
        self.stop_if_refused()

    def refuse(self, where: str, why: str) -> None:
        """Note what is in the way."""
        self.problems.append(f"{where}: {why}" if where else why)

    def stop_if_refused(self) -> None:
        """Raise a ConversionError if there are problems."""
        if self.problems:
            more = len(self.problems) - _MOST_PARTS
            rest = [f"and {more} more"] if more > 0 else []
            raise ConversionError(self.source, self.problems[:_MOST_PARTS] + rest)

    def label(self, number: int) -> str:
        """How an error names a node."""
        node = self.nodes[number]
        name = short(node.name) if node.name else str(number)
        domain = "" if _is_standard(node.domain) else f" of domain {short(node.domain)}"
        return f"node {name} ({short(node.op_type)[1:-1]}{domain})"

    def constant(self, name: str) -> Array | None:
        """A tensor's value, if the graph fixes it. UnreadableError if it can't be read."""
        if name not in self._constants and name in self._tensors:
            try:
                self._constants[name] = read_tensor(self._tensors[name])
            except UnreadableError as error:
                raise UnreadableError(f"its input {short(name)}: {error}") from None
        return self._constants.get(name)

    def variables(self, number: int) -> list[str]:
        """The inputs of a node that depend on the graph's input, each as often as it is taken."""
        return [name for name in self.nodes[number].input if name and not self._is_constant(name)]

    def choose(self, output: str | None, known: frozenset[str]) -> str:
        """The tensor to read up to, made of one input by known operators: made sure of here."""
        if output is None:
            if len(self._outputs) != 1:
                listed = ", ".join(map(short, self._outputs[:10]))
                self.refuse(
                    "",
                    f"the graph has {len(self._outputs)} outputs ({listed}): give output= the name "
                    "of one, or of a tensor inside, to read up to there",
                )
                self.stop_if_refused()
            output = self._outputs[0]
        if output not in self.producers and output not in self._inputs:
            self.refuse("", f"the graph has no tensor {short(output)} that depends on its input")
            self.stop_if_refused()
        self._take_input(self._ancestors(output, known))
        self.stop_if_refused()
        return output

    def _ancestors(self, output: str, known: frozenset[str]) -> list[str]:
        """The inputs that a tensor depends on. Refuses what is unknown on the way."""
        waiting, seen = [output], {output}
        inputs: list[str] = []
        used: set[int] = set()
        while waiting:
            name = waiting.pop()
            if name not in self.producers:
                inputs.append(name)
                continue
            used.add(self.producers[name])
            new = set(self.variables(self.producers[name])) - seen
            seen |= new
            waiting += sorted(new)
        for number in sorted(used):
            node = self.nodes[number]
            if _is_standard(node.domain) and node.op_type == "Constant":
                self.refuse(self.label(number), _reason(node))
            elif not _is_standard(node.domain) or node.op_type not in known:
                self.refuse(self.label(number), "cnnfs has nothing that does this")
            elif not self.variables(number):
                self.refuse(self.label(number), "it should be a constant, but can't be made one")
        self.stop_if_refused()
        return sorted(inputs)

    def _take_input(self, inputs: list[str]) -> None:
        if len(inputs) != 1:
            listed = ", ".join(map(short, inputs[:10]))
            self.refuse("", f"a network has one input, but this takes {len(inputs)}: {listed}")
            return
        self.input = inputs[0]
        where, kind = f"input {short(self.input)}", self._inputs[self.input].type
        if not kind.HasField("tensor_type"):
            self.refuse(where, "it is no tensor")
            return
        tensor = kind.tensor_type
        self.dtype = FLOATS.get(tensor.elem_type, "")
        if not self.dtype:
            self.refuse(where, f"it is {type_name(tensor.elem_type)}, not float, double or float16")
        self.dims = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
        if not tensor.HasField("shape"):
            self.dims = [None, None]  # rows of features
        if not self.dims:
            self.refuse(where, "it is a single number")
        if any(d is not None and d < 0 for d in self.dims) or len(self.dims) > 32:
            self.refuse(where, f"its shape is {self.dims[:8]}")

    def _opset(self, model: ModelProto) -> int:
        versions = [int(o.version) for o in model.opset_import if _is_standard(o.domain)]
        newest = defs.onnx_opset_version()
        if not model.HasField("graph") or len(versions) != 1:
            self.refuse("", "it is no ONNX model: a graph, and the version of its operators")
        elif versions[0] < OLDEST_OPSET:
            self.refuse("", f"its opset {versions[0]} is older than {OLDEST_OPSET}")
        elif versions[0] > newest:
            self.refuse(
                "",
                f"its opset {versions[0]} is newer than those that the installed onnx knows, up to "
                f"{newest}: python -m pip install --upgrade onnx",
            )
        self.stop_if_refused()
        return versions[0]

    def _initializers(self, model: ModelProto) -> dict[str, TensorProto]:
        tensors: dict[str, TensorProto] = {}
        for tensor in model.graph.initializer:
            where = f"initializer {short(tensor.name)}"
            if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
                self.refuse(where, "its data are in another file, which is not opened")
            if tensor.name in tensors:
                self.refuse(where, "there are two of this name")
            tensors[tensor.name] = tensor
        for sparse in model.graph.sparse_initializer:
            self.refuse(f"initializer {short(sparse.values.name)}", "it is sparse")
        return tensors

    def _is_constant(self, name: str) -> bool:
        return name in self._tensors or name in self._constants

    def _link(self) -> None:
        """Who gives which tensor; nodes of constants only become constants."""
        for number, node in enumerate(self.nodes):
            for name in node.input:
                there = name in self.producers or name in self._inputs or self._is_constant(name)
                if name and not there:
                    self.refuse(self.label(number), f"nothing before it gives {short(name)}")
                    return
            for name in filter(None, node.output):
                if name in self.producers or name in self._inputs or self._is_constant(name):
                    self.refuse(self.label(number), f"{short(name)} is given a second time")
                    return
            if not self._fold(number):
                self.producers.update(dict.fromkeys(filter(None, node.output), number))

    def _fold(self, number: int) -> bool:
        node = self.nodes[number]
        simple = node.op_type in FOLDABLE and node.input and self._is_constant(node.input[0])
        if not _is_standard(node.domain) or len(node.output) != 1 or not node.output[0]:
            return False
        try:
            if node.op_type == "Constant":
                self._constants[node.output[0]] = constant_of(node)
                return True
            # The second input of CastLike only lends its type.
            taken = list(node.input)[: 1 if node.op_type == "CastLike" else None]
            if not simple or not all(name and self._is_constant(name) for name in taken):
                return False
            inputs = [a for name in taken if (a := self.constant(name)) is not None]
            with np.errstate(all="ignore"):
                made = fold(node, inputs)
        except (UnreadableError, ValueError, IndexError, TypeError, OverflowError):
            return False  # an error when it is needed, and only then
        if made is None:
            return False
        self._allowance -= made.nbytes
        if self._allowance < 0:
            self.refuse(self.label(number), "the constants of this graph grow too large")
            return False
        self._constants[node.output[0]] = made
        return True


def _names(model: ModelProto) -> Iterator[object]:
    """All names that are looked at. Those that are no UTF-8 come as bytes."""
    graph = model.graph
    yield from (entry.domain for entry in model.opset_import)
    for values in (graph.initializer, graph.input, graph.output):
        yield from (value.name for value in values)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _reason(node: NodeProto) -> str:
    """Why a Constant node is none."""
    try:
        constant_of(node)
    except UnreadableError as error:
        return str(error)
    return "it gives no tensor"


def _is_standard(domain: str) -> bool:
    return domain in ("", "ai.onnx")
