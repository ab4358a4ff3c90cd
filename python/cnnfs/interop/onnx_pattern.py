"""Activations that an ONNX file spells out in several nodes, such as ``x * Sigmoid(x)``.

The nodes are read as one formula of x: a sum of products of x and of functions of such sums. Where
the factors stand and what is multiplied first then makes no difference.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from cnnfs.interop.onnx_graph import Graph
from cnnfs.interop.onnx_values import FLOATS, Attributes, UnreadableError

# A sum: for each product its factor. A product: for each of its atoms the power. Atom 0 is x.
Product = tuple[tuple[int, int], ...]
Sum = dict[Product, float]

_FUNCTIONS = ("Erf", "Tanh", "Sigmoid", "Softplus")
_ARITHMETIC = ("Add", "Sum", "Sub", "Mul", "Div", "Pow", "Neg", "Max")
PARTS = frozenset({*_ARITHMETIC, *_FUNCTIONS, "Greater", "Where", "Cast", "Identity"})
_LARGEST = 32  # nodes of a formula, and products of a sum


class Spelled(NamedTuple):
    """``after * activation(before * x)``."""

    activation: str
    before: float
    after: float


class _NoFormulaError(Exception):
    pass


def spelled_out(graph: Graph, number: int) -> tuple[Spelled, str] | None:
    """The activation that ends in this node, and the tensor x that it is of. None: no such."""
    region, taken = [number], set(graph.variables(number))
    while len(taken) > 1:
        # Of all tensors that are taken, the one that is made last can't be x.
        last = max(taken, key=lambda name: graph.producers.get(name, -1))
        number = graph.producers[last]
        if graph.nodes[number].op_type not in PARTS or len(region) == _LARGEST:
            return None
        region.append(number)
        taken = taken - {last} | set(graph.variables(number))
    (x,) = taken
    try:
        found = _recognised(*_formula(graph, region[::-1], x))
    except (_NoFormulaError, UnreadableError, OverflowError):
        return None
    return None if found is None else (found, x)


class _Atoms:
    """x, and the functions that the formula takes, each of a sum."""

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance
        self.functions: list[tuple[str, Sum]] = [("x", {})]

    def of(self, function: str, argument: Sum) -> Sum:
        for i, (name, known) in enumerate(self.functions):
            same = name == function and known.keys() == argument.keys()
            if same and all(self.near(known[key], argument[key]) for key in known):
                return {((i, 1),): 1.0}
        self.functions.append((function, argument))
        return {((len(self.functions) - 1, 1),): 1.0}

    def near(self, a: float, b: float) -> bool:
        return math.isclose(a, b, rel_tol=self.tolerance)


def _formula(graph: Graph, region: list[int], x: str) -> tuple[Sum, _Atoms]:
    sums: dict[str, Sum] = {x: {((0, 1),): 1.0}}
    atoms = _Atoms(1e-6)
    result: Sum = {}
    for number in region:
        node = graph.nodes[number]
        if any(node.output[1:]):
            raise _NoFormulaError
        given = [_operand(graph, name, sums, atoms) for name in node.input if name]
        result = sums[node.output[0]] = _applied(node.op_type, given, Attributes(node), atoms)
    return result, atoms


def _operand(graph: Graph, name: str, sums: dict[str, Sum], atoms: _Atoms) -> Sum:
    if name in sums:
        return sums[name]
    value = graph.constant(name)
    if value is None or value.size != 1:
        raise _NoFormulaError
    if value.dtype == np.float16:
        atoms.tolerance = 2e-3  # sqrt(2) in float16 is off by 3e-4
    number = float(value.ravel()[0])
    if not math.isfinite(number):
        raise _NoFormulaError
    return {(): number} if number else {}


def _applied(kind: str, given: list[Sum], options: Attributes, atoms: _Atoms) -> Sum:
    first, *others = given
    if kind in _FUNCTIONS and not others:
        return atoms.of(kind, first)
    if kind == "Identity" or (kind == "Cast" and options.whole("to", 0) in FLOATS):
        return first
    if kind == "Neg":
        return _scaled(first, -1.0)
    if kind == "Sum" or (kind == "Add" and len(others) == 1):
        total = first
        for other in others:
            total = _added(total, other)
        return total
    if kind == "Where" and len(others) == 2:
        return _chosen(first, others[0], others[1], atoms)
    if len(others) != 1:
        raise _NoFormulaError
    (second,) = others
    if kind == "Sub":
        return _added(first, _scaled(second, -1.0))
    if kind == "Greater":
        return atoms.of("Greater", _added(first, _scaled(second, -1.0)))
    if kind == "Mul":
        return _product(first, second)
    if kind == "Max":
        return _larger(first, second, atoms)
    number = second.get((), 0.0)
    if second.keys() != {()}:
        raise _NoFormulaError
    if kind == "Div":
        return _scaled(first, 1 / number)
    if kind == "Pow" and number in (2.0, 3.0):
        square = _product(first, first)
        return square if number == 2.0 else _product(square, first)
    raise _NoFormulaError


def _scaled(a: Sum, factor: float) -> Sum:
    return {product: number * factor for product, number in a.items()}


def _added(a: Sum, b: Sum) -> Sum:
    made = dict(a)
    for product, number in b.items():
        made[product] = made.get(product, 0.0) + number
    return {product: number for product, number in made.items() if number}


def _product(a: Sum, b: Sum) -> Sum:
    made: Sum = {}
    if len(a) * len(b) > _LARGEST:
        raise _NoFormulaError
    for one, factor in a.items():
        for other, number in b.items():
            powers = dict(one)
            for atom, power in other:
                powers[atom] = powers.get(atom, 0) + power
            if sum(powers.values()) > _LARGEST:
                raise _NoFormulaError
            made = _added(made, {tuple(sorted(powers.items())): factor * number})
    return made


def _larger(a: Sum, b: Sum, atoms: _Atoms) -> Sum:
    """``max(z, z / 100)``, and no other maximum."""
    for z, less in ((a, b), (b, a)):
        small = _scaled(z, 0.01)
        if small.keys() == less.keys() and all(atoms.near(small[key], less[key]) for key in less):
            return atoms.of("LeakyRelu", z)
    raise _NoFormulaError


def _chosen(condition: Sum, a: Sum, b: Sum, atoms: _Atoms) -> Sum:
    """``z if z > 20 else softplus(z)``, as PyTorch has it: beyond 20 they hardly differ."""
    (test, above), (function, z) = (_only(part, atoms) for part in (condition, b))
    limit = -above.get((), 0.0)
    as_known = test == "Greater" and function == "Softplus" and limit >= 20
    as_known = as_known and [*condition.values(), *b.values()] == [1.0, 1.0]
    if not as_known or a != z or above != _added(z, {(): -limit}):
        raise _NoFormulaError
    return b


def _only(a: Sum, atoms: _Atoms) -> tuple[str, Sum]:
    """The function that a sum consists of, and what that takes."""
    product = next(iter(a), ())
    if len(a) != 1 or len(product) != 1 or product[0][1] != 1:
        return "", {}
    return atoms.functions[product[0][0]]


# ---- what formulas are of ------------------------------------------------------------------------

_X: Product = ((0, 1),)
_CUBE: Product = ((0, 3),)
_ROOT = math.sqrt(2 / math.pi)
_ALONE = {"LeakyRelu": "leaky_relu", "Softplus": "softplus"}


def _recognised(formula: Sum, atoms: _Atoms) -> Spelled | None:
    """silu: x sigmoid(x). gelu: x/2 (1 + erf(x/sqrt 2)). gelu_tanh: x/2 (1 + tanh(...)).

    leaky_relu: max(x, x/100). softplus: x > 20 ? x : softplus(x).
    """
    alone, argument = _only(formula, atoms)
    if alone in _ALONE and argument == {_X: 1.0}:
        (factor,) = formula.values()
        return _spelled(_ALONE[alone], 1.0, factor, atoms)
    gated = [product for product in formula if len(product) == 2]
    if len(gated) != 1 or [power for _, power in gated[0]] != [1, 1] or gated[0][0][0] != 0:
        return None
    function, inner = atoms.functions[gated[0][1][0]]
    slope, factor = inner.get(_X, 0.0), formula[gated[0]]
    if not slope:
        return None
    if function == "Sigmoid":
        plain = formula.keys() == {gated[0]} and inner.keys() == {_X}
        return _spelled("silu", slope, factor, atoms) if plain else None
    if formula.keys() != {gated[0], _X} or not atoms.near(formula[_X], factor):
        return None
    if function == "Erf" and inner.keys() == {_X}:
        return _spelled("gelu", slope * math.sqrt(2), 2 * factor, atoms)
    before = slope / _ROOT
    if function != "Tanh" or inner.keys() != {_X, _CUBE}:
        return None
    cubed = atoms.near(inner[_CUBE], _ROOT * 0.044715 * before**3)
    return _spelled("gelu_tanh", before, 2 * factor, atoms) if cubed else None


def _spelled(activation: str, before: float, factor: float, atoms: _Atoms) -> Spelled | None:
    before = 1.0 if atoms.near(before, 1.0) else before
    after = factor / before
    return Spelled(activation, before, after) if math.isfinite(after) else None
