"""Whether layers can follow one another."""

from __future__ import annotations

from cnnfs.dropout import Dropout
from cnnfs.layer import Layer


def check_chain(chain: tuple[object, ...]) -> None:
    """Raise an error in the user's words unless these can follow one another."""
    if not chain:
        raise ValueError("a Network needs at least one layer")
    previous: tuple[int, Layer] | None = None
    for i, layer in enumerate(chain):
        if isinstance(layer, Dropout):
            continue
        if not isinstance(layer, Layer):
            raise TypeError(f"layers[{i}] must be a cnnfs.Layer, not {type(layer).__name__}")
        if previous is not None:
            before, last = previous
            if layer.n_inputs != last.n_neurons:
                raise ValueError(
                    f"layer {i} takes {layer.n_inputs} inputs, but layer {before} has "
                    f"{last.n_neurons} neurons: {last!r}, {layer!r}"
                )
            if layer.dtype != last.dtype:
                raise ValueError(
                    f"layer {i} is {layer.dtype}, but layer {before} is {last.dtype}: "
                    "give all layers one dtype"
                )
        previous = i, layer
    if isinstance(chain[-1], Dropout):
        raise ValueError("a Dropout can't be last: it would drop what the network gives")
