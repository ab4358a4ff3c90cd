"""From the wanted tensor of an ONNX graph back to its input."""

from __future__ import annotations

from typing import NamedTuple

from cnnfs.interop.onnx_graph import Graph
from cnnfs.interop.onnx_pattern import Spelled, spelled_out


class Step(NamedTuple):
    number: int  # of the node
    x: str  # the tensor that it takes
    spelled: Spelled | None  # the activation that this node and some before it spell out


def walk(graph: Graph, output: str) -> list[Step]:
    """The steps from the graph's input to this tensor. Refuses where two paths meet."""
    steps: list[Step] = []
    name = output
    while name != graph.input:
        number = graph.producers[name]
        if name != graph.nodes[number].output[0]:
            graph.refuse(graph.label(number), "only its first output has a place in a network")
            break
        variables, spelled = graph.variables(number), None
        if len(variables) == 1:
            (name,) = variables
        elif found := spelled_out(graph, number):
            spelled, name = found
        else:
            why = "two paths meet here, and they spell no activation that cnnfs has"
            graph.refuse(graph.label(number), why)
            break
        steps.append(Step(number, name, spelled))
    graph.stop_if_refused()
    return steps[::-1]
