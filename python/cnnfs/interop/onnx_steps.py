"""From the wanted tensor of an ONNX graph back to its input, then forwards, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cnnfs.interop.chain import Chain
from cnnfs.interop.onnx_graph import Graph
from cnnfs.interop.onnx_pattern import PARTS, Spelled, spelled_out
from cnnfs.interop.onnx_shape import Shape
from cnnfs.interop.onnx_values import Array, Unreadable, attributes

_PLAIN = {"Sigmoid": "sigmoid", "Relu": "relu", "Tanh": "tanh", "Softplus": "softplus"}
_WIDEST = 4096  # features, where a diagonal of weights would have to be made


class Step(NamedTuple):
    number: int  # of the node
    x: str  # the tensor it takes
    spelled: Spelled | None  # the activation that it and nodes before it spell out


def walk(graph: Graph, output: str) -> list[Step]:
    """The steps from the graph's input to this tensor. Refuses where two paths meet."""
    steps: list[Step] = []
    name = output
    while name != graph.input:
        number = graph.producers[name]
        if name != graph.nodes[number].output[0]:
            graph.refuse(graph.label(number), "only its first output can be taken")
            break
        variables, spelled = graph.variables(number), None
        if len(variables) > 1:
            found = spelled_out(graph, number)
            if found is None:
                why = "two paths meet here, and they are no activation that cnnfs knows"
                graph.refuse(graph.label(number), why)
                break
            spelled, name = found
        else:
            (name,) = variables
        steps.append(Step(number, name, spelled))
    graph.stop_if_refused()
    return steps[::-1]
