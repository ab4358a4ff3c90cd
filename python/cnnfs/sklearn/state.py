"""Estimators as pickles keep them."""

from __future__ import annotations

import io
from typing import Any

from cnnfs import files, files_content


def packed(state: dict[str, Any]) -> dict[str, Any]:
    """The attributes, with what `partial_fit` goes on with as bytes: the optimizer's moments."""
    state = dict(state)
    optimizer = state.pop("_optimizer", None)
    if optimizer is not None and optimizer.steps:
        network = state.pop("network_")
        state["_training"] = files_content.to_bytes(network.layers, network._loss, optimizer)
    return state


def unpacked(state: dict[str, Any]) -> dict[str, Any]:
    """The attributes again."""
    state = dict(state)
    data = state.pop("_training", None)
    if data is not None:
        content = files_content.read(io.BytesIO(data), len(data), "the pickle")
        network, optimizer = files.resume(content)
        state |= {"network_": network, "_optimizer": optimizer}
    return state
