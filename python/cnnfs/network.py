"""Layers one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self, SupportsIndex, overload

from cnnfs import _cnnfs_core
from cnnfs.layer import Layer
from cnnfs.signature import CallSignature


class Network(_cnnfs_core.Network):
    """Layers one after another, each taking what the one before gives.

    Call the network to use it: ``net(x)``, or ``net(x, out)`` to write into an array of yours. x
    has shape ``(n_inputs,)`` or ``(..., n_inputs)`` and is cast to the network's dtype; the result
    has shape ``(n_outputs,)`` or ``(..., n_outputs)``. A row gives the same bits in any batch.

    The network holds the layers themselves, not copies: new weights of a layer are seen by every
    network that it is part of.

    Parameters
    ----------
    layers : iterable of Layer
        At least one.

    Raises
    ------
    ValueError
        If there are no layers, their sizes do not chain, or their dtypes differ.
    TypeError
        If one of them is not a Layer.

    Examples
    --------
    >>> import cnnfs
    >>> net = cnnfs.Network([cnnfs.Layer(4, 8, "relu", rng=0), cnnfs.Layer(8, 2, rng=1)])
    >>> net([[1.0, 2.0, 3.0, 2.5], [2.0, 5.0, -1.0, 2.0]]).shape
    (2, 2)
    >>> print(net.summary())
    layer     shape  activation  parameters
    ---------------------------------------
    0        4 -> 8  relu                40
    1        8 -> 2  linear              18
    ---------------------------------------
    total    4 -> 2                      58
    """

    __signature__: ClassVar[Any] = CallSignature()
    __hash__ = None  # type: ignore[assignment]

    _layers: tuple[Layer, ...]

    def __init__(self, layers: Iterable[Layer]) -> None:
        self._set_layers(layers)

    def _set_layers(self, layers: Iterable[Layer]) -> None:
        if isinstance(layers, Layer):
            raise TypeError("layers must be a list of layers, not a Layer: write Network([layer])")
        chain = tuple(layers)
        _check_chain(chain)
        _cnnfs_core.Network.__init__(self, list(chain))
        self._layers = chain

    @classmethod
    def _made_of(cls, layers: Iterable[Layer]) -> Self:
        # Without __init__ of a subclass, whose arguments nobody here knows.
        network = cls.__new__(cls)
        network._set_layers(layers)
        return network

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers."""
        return self._layers

    @property
    def n_parameters(self) -> int:
        """How many weights and biases there are."""
        return sum(layer.n_parameters for layer in self._layers)

    def summary(self) -> str:
        """A table of the layers: number, shape, activation, parameters, and their total.

        Returns
        -------
        str
            To print: ``print(net.summary())``.
        """
        rows = [
            (str(i), f"{layer.n_inputs} -> {layer.n_neurons}", layer.activation, layer.n_parameters)
            for i, layer in enumerate(self._layers)
        ]
        total = ("total", f"{self.n_inputs} -> {self.n_outputs}", "", self.n_parameters)
        shape = max(len("shape"), *(len(row[1]) for row in [*rows, total])) + 2
        count = max(len("parameters"), len(f"{self.n_parameters:,}"))
        lines = [f"{'layer':<7}{'shape':>{shape}}  {'activation':<10}  {'parameters':>{count}}"]
        ruler = "-" * len(lines[0])
        text = [
            f"{name:<7}{size:>{shape}}  {activation:<10}  {parameters:>{count},}"
            for name, size, activation, parameters in [*rows, total]
        ]
        return "\n".join([*lines, ruler, *text[:-1], ruler, text[-1]])

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> Network: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Layer | Network:
        if isinstance(index, slice):
            return Network(self._layers[index])
        return self._layers[index]

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{', '.join(map(repr, self._layers))}])"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Network):
            return NotImplemented
        return self._layers == other._layers

    def __reduce__(self) -> tuple[Any, ...]:
        state = {key: value for key, value in self.__dict__.items() if key != "_layers"}
        return _restore_network, (type(self), list(self._layers)), state or None


def _restore_network(cls: type[Network], layers: list[Layer]) -> Network:
    return cls._made_of(layers)


def _check_chain(layers: tuple[object, ...]) -> None:
    """Raise an error in the user's words unless these can follow one another."""
    if not layers:
        raise ValueError("a Network needs at least one layer")
    previous: Layer | None = None
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise TypeError(f"layers[{i}] must be a cnnfs.Layer, not {type(layer).__name__}")
        if previous is not None and layer.n_inputs != previous.n_neurons:
            raise ValueError(
                f"layer {i} takes {layer.n_inputs} inputs, but layer {i - 1} has "
                f"{previous.n_neurons} neurons: {previous!r}, {layer!r}"
            )
        if previous is not None and layer.dtype != previous.dtype:
            raise ValueError(
                f"layer {i} is {layer.dtype}, but layer {i - 1} is {previous.dtype}: "
                "give all layers one dtype"
            )
        previous = layer
