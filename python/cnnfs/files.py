"""Networks in files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from cnnfs import files_atomic
from cnnfs.course import bind
from cnnfs.files_content import Content, check, read, to_bytes
from cnnfs.files_header import ModelFileError
from cnnfs.network import Network
from cnnfs.optimizer import Optimizer

if TYPE_CHECKING:
    Path = str | os.PathLike[str]


def save(network: Network, path: Path, optimizer: Optimizer | None) -> None:
    name = _name(path)
    if optimizer is not None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"optimizer must be an optimizer such as cnnfs.Adam(), not {optimizer!r}"
            )
        if optimizer._network is not None and optimizer._network() is not network:
            raise ValueError(f"this {type(optimizer).__name__} holds the state of another network")
    data = to_bytes(network.layers, network._loss, optimizer)
    check(data)
    files_atomic.write(name, data)


def load(path: Path) -> Network:
    """The network in a file that `Network.save` wrote.

    No code is run that the file could choose (it holds no pickle), and all of it is checked before
    a network is made of it. See ``docs/files.md`` for the format.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    Network
        With the bits of the weights that were saved, with dropouts and penalties, and with the
        loss of the last training.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it can't be read.
    ModelFileError
        If it is truncated, damaged, of a newer version, or no model of cnnfs.

    Examples
    --------
    >>> import cnnfs
    >>> net = cnnfs.Network([cnnfs.Layer(4, 8, "relu", rng=0), cnnfs.Layer(8, 2, rng=1)])
    >>> net.save("model.safetensors")
    >>> cnnfs.load("model.safetensors") == net
    True
    """
    content = _content(path)
    return resume(content._replace(optimizer=None))[0]


def load_training(path: Path) -> tuple[Network, Optimizer]:
    """The network in a file, and the optimizer that was saved with it, to train on.

    With the same data and the same int as rng, training goes on as if it had not been interrupted,
    bit for bit.

    Parameters
    ----------
    path : str or os.PathLike
        Of a file that ``net.save(path, optimizer=optimizer)`` wrote.

    Returns
    -------
    network : Network
    optimizer : Optimizer
        With its arguments, moments, steps and epochs. It belongs to the network, whose `fit` takes
        it when it is given none.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it can't be read.
    ModelFileError
        If it is truncated, damaged, of a newer version, or no model of cnnfs; or if no optimizer
        was saved with the network.

    Examples
    --------
    >>> import cnnfs
    >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    >>> net, adam = cnnfs.Network([cnnfs.Layer(1, 1, rng=0)]), cnnfs.Adam(0.1)
    >>> history = net.fit(X, y, epochs=4, optimizer=adam, rng=0)
    >>> net.save("training.safetensors", optimizer=adam)
    >>> again, optimizer = cnnfs.load_training("training.safetensors")
    >>> optimizer.epochs
    4
    >>> same = [n.fit(X, y, epochs=6, rng=0)["loss"] for n in (net, again)]
    >>> same[0] == same[1]
    True
    """
    content = _content(path)
    if content.optimizer is None:
        reason = "no optimizer was saved with this network: use cnnfs.load"
        raise ModelFileError(_name(path), reason)
    return resume(content)


def resume(content: Content) -> tuple[Network, Any]:
    """The network of a file, and its optimizer where that stopped; None if there is none."""
    network, optimizer = Network(content.parts), content.optimizer
    network._loss = content.loss
    if optimizer is not None:
        steps = optimizer.steps
        bind(optimizer, network)
        optimizer._trainer.set_optimizer(optimizer.name, list(optimizer.parameters()))
        optimizer._trainer.set_state(content.moments, steps)
        network._optimizer = optimizer
    return network, optimizer


def _content(path: Path) -> Content:
    name = _name(path)
    with open(name, "rb") as file:
        return read(file, os.fstat(file.fileno()).st_size, name)


def _name(path: Path) -> str:
    name = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(name, str):
        raise TypeError(f"path must be a str or os.PathLike, not {path!r}")
    return name
