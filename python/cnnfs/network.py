"""Layers one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Self, SupportsIndex, overload

from cnnfs import _cnnfs_core
from cnnfs.chaining import check_chain
from cnnfs.dropout import Dropout
from cnnfs.inspection import Inspection
from cnnfs.layer import Layer
from cnnfs.signature import CallSignature
from cnnfs.training import Training

if TYPE_CHECKING:
    from cnnfs.optimizer import Optimizer

# What training keeps with a network, and a copy does not get.
_OF_TRAINING = ("_layers", "_loss", "_optimizer")


class Network(_cnnfs_core.Network, Training, Inspection):
    """Layers one after another, each taking what the one before gives.

    Call the network to use it: ``net(x)``, or ``net(x, out)`` to write into an array of yours. x
    has shape ``(n_inputs,)`` or ``(..., n_inputs)`` and is cast to the network's dtype; the result
    has shape ``(n_outputs,)`` or ``(..., n_outputs)``. A row gives the same bits in any batch.

    The network holds the layers themselves, not copies: new weights of a layer are seen by every
    network that it is part of.

    Parameters
    ----------
    layers : iterable of Layer and Dropout
        At least one Layer, and a Layer last.

    Raises
    ------
    ValueError
        If there are no layers, their sizes do not chain, or their dtypes differ.
    TypeError
        If one of them is neither a Layer nor a Dropout.

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

    _layers: tuple[Layer | Dropout, ...]

    def __init__(self, layers: Iterable[Layer | Dropout]) -> None:
        self._set_layers(layers)

    def _set_layers(self, layers: Iterable[Layer | Dropout]) -> None:
        if isinstance(layers, Layer):
            raise TypeError("layers must be a list of layers, not a Layer: write Network([layer])")
        chain = tuple(layers)
        check_chain(chain)
        _cnnfs_core.Network.__init__(self, [part for part in chain if isinstance(part, Layer)])
        self._layers = chain

    @classmethod
    def _made_of(cls, layers: Iterable[Layer | Dropout]) -> Self:
        # Without __init__ of a subclass, whose arguments nobody here knows.
        network = cls.__new__(cls)
        network._set_layers(layers)
        return network

    @property
    def layers(self) -> tuple[Layer | Dropout, ...]:
        """The layers, with the dropouts between them."""
        return self._layers

    @property
    def _only_layers(self) -> list[Layer]:
        """The layers without the dropouts: what computes and is trained."""
        return [part for part in self._layers if isinstance(part, Layer)]

    @property
    def n_parameters(self) -> int:
        """How many weights and biases there are."""
        return sum(layer.n_parameters for layer in self._only_layers)

    def summary(self) -> str:
        """A table of the layers: number, shape, activation, parameters, and their total.

        Returns
        -------
        str
            To print: ``print(net.summary())``.
        """
        rows = [
            (
                str(i),
                f"{part.n_inputs} -> {part.n_neurons}",
                str(part.activation),
                part.n_parameters,
            )
            if isinstance(part, Layer)
            else (str(i), "", f"dropout {part.rate:g}", 0)
            for i, part in enumerate(self._layers)
        ]
        total = ("total", f"{self.n_inputs} -> {self.n_outputs}", "", self.n_parameters)
        shape = max(len("shape"), *(len(row[1]) for row in [*rows, total])) + 2
        count = max(len("parameters"), len(f"{self.n_parameters:,}"))
        name_of = max(len("activation"), *(len(row[2]) for row in rows))
        lines = [
            f"{'layer':<7}{'shape':>{shape}}  {'activation':<{name_of}}  {'parameters':>{count}}"
        ]
        ruler = "-" * len(lines[0])
        text = [
            f"{name:<7}{size:>{shape}}  {activation:<{name_of}}  {parameters:>{count},}"
            for name, size, activation, parameters in [*rows, total]
        ]
        return "\n".join([*lines, ruler, *text[:-1], ruler, text[-1]])

    def save(self, path: str | PathLike[str], *, optimizer: Optimizer | None = None) -> None:
        """Write the network into one .safetensors file, from which `cnnfs.load` makes it again.

        The file holds the weights' bits, the layers with their activations and penalties, the
        dropouts, and the loss of the last training. At any moment it has all of its old content or
        all of the new: also if the process is killed, or the power fails. See ``docs/files.md``.

        Parameters
        ----------
        path : str or os.PathLike
            Usually with the ending ".safetensors". A file that is there is replaced.
        optimizer : Optimizer, optional
            That of this network's training, whose state is then part of the file:
            `cnnfs.load_training` gives both, and training goes on bit for bit.

        Raises
        ------
        OSError
            If the file can't be written. What was there before stays.
        ValueError
            If the optimizer has trained another network, its learning rate is a function of your
            own, or there are too many layers (about 5,000
            are possible with Adam's state).
        TypeError
            If an argument is of the wrong kind.
        RuntimeError
            If the optimizer is training in another thread at this moment.

        Examples
        --------
        >>> import cnnfs
        >>> net = cnnfs.Network([cnnfs.Layer(4, 8, "relu", rng=0), cnnfs.Layer(8, 2, rng=1)])
        >>> net.save("model.safetensors")
        >>> cnnfs.load("model.safetensors") == net
        True
        """
        from cnnfs.files import save

        save(self, path, optimizer)

    def to_torch(self) -> Any:
        """The network as PyTorch modules, with a copy of the weights.

        Returns
        -------
        torch.nn.Sequential
            A Linear and a module for the activation of each layer, and the dropouts, in eval mode:
            call its ``train()`` before training. Its weights have the network's dtype.

        Raises
        ------
        ImportError
            If PyTorch is not installed.
        ConversionError
            If a layer has the activation "step", which PyTorch does not have.

        Examples
        --------
        >>> import cnnfs
        >>> net = cnnfs.Network([cnnfs.Layer(4, 8, "relu", rng=0), cnnfs.Layer(8, 2, rng=1)])
        >>> net.to_torch()  # doctest: +SKIP
        Sequential(
          (0): Linear(in_features=4, out_features=8, bias=True)
          (1): ReLU()
          (2): Linear(in_features=8, out_features=2, bias=True)
        )
        """
        from cnnfs.interop.to_torch import to_torch

        return to_torch(self)

    def to_onnx(self, path: str | PathLike[str] | None = None, *, opset: int = 20) -> Any:
        """The network as an ONNX model, which other runtimes take.

        Its input "x" has the shape (batch, n_inputs), its output "y" (batch, n_outputs), with batch
        open; both have the network's dtype. Dropout is left out.

        Parameters
        ----------
        path : str or os.PathLike, optional
            The file to write as well. A file that is there is replaced at once and as a whole.
        opset : int, default 20
            The version of the standard operators: 7 to the newest that the package onnx knows.
            Below 20, gelu is spelled out in several nodes, and below 24 silu.

        Returns
        -------
        onnx.ModelProto

        Raises
        ------
        ImportError
            If the package onnx is not installed.
        ValueError
            If opset is out of range.
        ConversionError
            If there are more than 2 GiB of weights, or gelu and an opset below 9.
        OSError
            If the file can't be written. What was there before stays.

        Examples
        --------
        >>> import cnnfs
        >>> net = cnnfs.Network([cnnfs.Layer(4, 8, "relu", rng=0), cnnfs.Layer(8, 2, rng=1)])
        >>> model = net.to_onnx("model.onnx")
        >>> [node.op_type for node in model.graph.node]
        ['Gemm', 'Relu', 'Gemm']
        """
        from cnnfs.interop.from_onnx import need_onnx

        need_onnx("Network.to_onnx")
        from cnnfs.interop.onnx_writer import write

        return write(self, path, opset)

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer | Dropout]:
        return iter(self._layers)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Layer | Dropout: ...
    @overload
    def __getitem__(self, index: slice) -> Network: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Layer | Dropout | Network:
        if isinstance(index, slice):
            part = list(self._layers[index])
            # A dropout behind the last layer of a part has nothing to do there.
            while part and isinstance(part[-1], Dropout):
                part.pop()
            return Network(part)
        return self._layers[index]

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{', '.join(map(repr, self._layers))}])"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Network):
            return NotImplemented
        return self._layers == other._layers

    def __reduce__(self) -> tuple[Any, ...]:
        state = {key: value for key, value in self.__dict__.items() if key not in _OF_TRAINING}
        return _restore_network, (type(self), list(self._layers)), state or None


def _restore_network(cls: type[Network], layers: list[Layer | Dropout]) -> Network:
    return cls._made_of(layers)
