"""A LiteRT model of a network, written with the schema's own classes: TensorFlow is not needed."""

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from cases import Array, Task


class Graph:
    """The tensors, the buffers that hold their values, and the operators of one model."""

    def __init__(self) -> None:
        self.tensors: list[Any] = []
        self.buffers: list[Any] = [schema.BufferT()]  # the first is the empty one, by convention
        self.operators: list[Any] = []

    def add_tensor(self, name: str, shape: tuple[int, ...], values: Array | None = None) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape = name.encode(), list(shape)
        tensor.type, tensor.buffer = schema.TensorType.FLOAT32, 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def add_dense(self, source: int, weights: Array, bias: Array, rows: int, relu: bool) -> int:
        number = len(self.operators)
        options = schema.FullyConnectedOptionsT()
        kinds = schema.ActivationFunctionType
        options.fusedActivationFunction = kinds.RELU if relu else kinds.NONE
        operator = schema.OperatorT()
        operator.opcodeIndex = 0
        operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        operator.builtinOptions = options
        operator.inputs = [
            source,
            self.add_tensor(f"weights{number}", weights.shape, weights),
            self.add_tensor(f"bias{number}", bias.shape, bias),
        ]
        result = self.add_tensor(f"y{number}", (rows, len(weights)))
        operator.outputs = [result]
        self.operators.append(operator)
        return result

    def to_bytes(self, source: int, result: int) -> bytes:
        code = schema.OperatorCodeT()
        code.builtinCode = schema.BuiltinOperator.FULLY_CONNECTED
        code.deprecatedBuiltinCode = code.builtinCode
        code.version = 1
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = [source], [result]
        model = schema.ModelT()
        model.version = 3
        model.operatorCodes, model.subgraphs, model.buffers = [code], [graph], self.buffers
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def model_bytes(task: Task) -> bytes:
    graph = Graph()
    here = source = graph.add_tensor("x", (task.batch, task.widths[0]))
    last = len(task.parameters) - 1
    for k, (weights, bias) in enumerate(task.parameters):
        here = graph.add_dense(here, weights, bias, task.batch, relu=k < last)
    return graph.to_bytes(source, here)
