"""Estimators as pickles keep them."""

from __future__ import annotations

import io
from typing import Any

from cnnfs import files_content
from cnnfs.fit import bind
from cnnfs.network import Network


def packed(state: dict[str, Any]) -> dict[str, Any]:
    """The attributes, with what `partial_fit` goes on with as bytes: the optimizer's moments.

    After `fit` they are left out: a pickle that only predicts would be three times as large.
    """
    state = dict(state)
    optimizer = state.pop("_optimizer", None)
    if optimizer is not None and state.get("_incremental") and optimizer.steps:
        network = state.pop("network_")
        state["_training"] = files_content.to_bytes(network.layers, network._loss, optimizer)
    return state


def unpacked(state: dict[str, Any]) -> dict[str, Any]:
    """The attributes again."""
    state = dict(state)
    data = state.pop("_training", None)
    if data is not None:
        content = files_content.read(io.BytesIO(data), len(data), "the pickle")
        network, optimizer = Network(content.parts), content.optimizer
        assert optimizer is not None
        network._loss = content.loss
        steps = optimizer.steps
        bind(optimizer, network)
        optimizer._trainer.set_optimizer(optimizer.name, list(optimizer.parameters()))
        optimizer._trainer.set_state(content.moments, steps)
        state |= {"network_": network, "_optimizer": optimizer}
    return state
