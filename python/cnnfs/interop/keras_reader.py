"""Models of Keras, read. Its layers are known by their names: Keras itself is not imported."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnfs.interop.chain import Chain
from cnnfs.network import Network

Config = Mapping[str, Any]

# Names of Keras that are others in cnnfs, or the same.
_FUNCTIONS = {
    name: name
    for name in ("linear", "relu", "sigmoid", "tanh", "softmax", "elu", "gelu", "silu", "softplus")
} | {"swish": "silu"}
_LEAST_DEVIATION = 1e-7  # of Normalization: keras.backend.epsilon()


class _RefusedError(Exception):
    """Why a layer can't be expressed."""


def read(model: Any, dtype: npt.DTypeLike | None) -> Network:
    """What `from_keras` does."""
    if not (hasattr(model, "layers") and hasattr(model, "get_config")):
        raise TypeError(
            "model must be a Keras model, such as keras.models.load_model(path) gives, "
            f"not {type(model).__name__}"
        )
    chain = Chain(f"the {type(model).__name__} model of Keras")
    for where, layer in _layers(model, "", chain):
        try:
            _read(chain, where, layer)
        except _RefusedError as refused:
            chain.refuse(where, str(refused))
    return chain.network(dtype)


def _layers(model: Any, place: str, chain: Chain) -> Iterator[tuple[str, Any]]:
    """The layers of nested models in the order of their use, each with where it is."""
    for i, layer in enumerate(_in_order(model, place, chain)):
        if hasattr(layer, "layers"):
            yield from _layers(layer, f"{place}[{i}]", chain)
        else:
            yield f"{place}[{i}] {type(layer).__name__} '{layer.name}'", layer


def _in_order(model: Any, place: str, chain: Chain) -> list[Any]:
    """The layers of a Sequential, or of a functional model from its input to its output."""
    layers = list(model.layers)
    if type(model).__name__ == "Sequential":
        return layers
    where = f"{place} {type(model).__name__}".strip()
    try:
        config = _config(model)
        sources = {part["name"]: _tensors(part["inbound_nodes"]) for part in config["layers"]}
        ends = _tensors(config["output_layers"])
    except (KeyError, TypeError, NotImplementedError):
        chain.refuse(where, "it does not tell the order of its layers, as a Sequential does")
        return []
    if len(ends) != 1:
        chain.refuse(where, f"it has {len(ends)} outputs")
        return []
    names = ends
    while len(before := sources[names[-1]]) == 1 and len(names) < len(sources):
        names += before
    if sources[names[-1]] or len(names) != len(sources):
        joins = [f"'{name}'" for name, before in sources.items() if len(before) > 1]
        what = f"{', '.join(joins)} with more than one input or use" if joins else "a loop"
        chain.refuse(where, f"it is no plain chain of layers: {what}")
        return []
    by_name = {layer.name: layer for layer in layers}
    return [by_name[name] for name in reversed(names)]


def _tensors(nested: Any) -> list[str]:
    """The names of the layers whose tensors are in a config of Keras 3 or 2."""
    if isinstance(nested, Mapping):
        history = nested.get("config", {}).get("keras_history")
        return [history[0]] if history else _tensors(list(nested.values()))
    if not isinstance(nested, list | tuple):
        return []
    if len(nested) >= 3 and isinstance(nested[0], str) and isinstance(nested[1], int):
        return [nested[0]]
    return [name for part in nested for name in _tensors(part)]


def _config(layer: Any) -> Config:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a lambda can't be saved safely
        config: Config = layer.get_config()
    return config


def _read(chain: Chain, where: str, layer: Any) -> None:
    """Add a layer to the chain, or raise _RefusedError."""
    kind, config = type(layer).__name__, _config(layer)
    if kind == "Dense":
        name = _activation(config.get("activation", "linear"))
        weights = _arrays(layer, 2 if config.get("use_bias", True) else 1)
        chain.dense(where, weights[0].T, *weights[1:])
        chain.activation(where, name)
    elif kind in _KINDS:
        chain.activation(where, _KINDS[kind](config))
    elif kind == "Dropout":
        if config.get("noise_shape") is not None:
            raise _RefusedError("noise_shape must be None")
        chain.dropout(where, float(config["rate"]))
    elif kind == "BatchNormalization":
        _of_features(config)
        with_scale, with_center = config.get("scale", True), config.get("center", True)
        weights = [a.astype(np.float64) for a in _arrays(layer, 2 + with_scale + with_center)]
        mean, variance = weights[-2:]
        scale = (weights[0] if with_scale else 1.0) / np.sqrt(variance + config["epsilon"])
        chain.affine(where, scale, (weights[with_scale] if with_center else 0.0) - mean * scale)
    elif kind == "Normalization":
        _normalization(chain, where, layer, config)
    elif kind == "Rescaling":
        chain.affine(where, config["scale"], config["offset"])
    elif kind == "Flatten":
        if config.get("data_format", "channels_last") != "channels_last":
            raise _RefusedError("data_format must be 'channels_last'")
    elif kind != "InputLayer":
        raise _RefusedError("cnnfs has no such layer")


def _normalization(chain: Chain, where: str, layer: Any, config: Config) -> None:
    _of_features(config)
    mean, variance = config.get("mean"), config.get("variance")
    if mean is None:
        mean, variance = _arrays(layer, 3)[:2]
    mean, variance = (np.squeeze(np.asarray(a, np.float64)) for a in (mean, variance))
    deviation = np.maximum(np.sqrt(variance), _LEAST_DEVIATION)
    if config.get("invert"):
        chain.affine(where, deviation, mean)
    else:
        chain.affine(where, 1 / deviation, -mean / deviation)


def _of_features(config: Config) -> None:
    """Refuse what does not scale each feature, the last axis, or all of them alike."""
    axis = config.get("axis", -1)
    axes = [] if axis is None else np.ravel(axis).tolist()
    if axes not in ([-1], [1], []):
        raise _RefusedError(f"axis must be -1, but is {axis}")


def _arrays(layer: Any, count: int) -> list[npt.NDArray[Any]]:
    weights = [np.asarray(a) for a in layer.get_weights()]
    if not weights:
        raise _RefusedError("it has no weights yet: call the model once, or give it an Input")
    if len(weights) != count:
        raise _RefusedError(f"it has {len(weights)} arrays of weights, not {count}")
    return weights


def _activation(given: object) -> str:
    """The name in cnnfs of an activation as it stands in a config."""
    if isinstance(given, Mapping) and given.get("class_name") in _KINDS:
        return _KINDS[given["class_name"]](given.get("config", {}))
    if given in ("leaky_relu", "LeakyReLU"):
        raise _RefusedError(
            f"the slope of the activation {given!r} is not 0.01: use LeakyReLU(0.01)"
        )
    if not isinstance(given, str):
        raise _RefusedError("its activation is a function of your own")
    if given not in _FUNCTIONS:
        raise _RefusedError(f"cnnfs has no activation {given!r}")
    return _FUNCTIONS[given]


def _relu(config: Config) -> str:
    limit, threshold = config.get("max_value"), config.get("threshold", 0)
    if limit is not None or threshold:
        raise _RefusedError("max_value must be None, and threshold 0")
    slope = config.get("negative_slope", 0)
    return _with_slope("negative_slope", slope) if slope else "relu"


def _leaky_relu(config: Config) -> str:
    name = "negative_slope" if "negative_slope" in config else "alpha"  # of Keras 2
    return _with_slope(name, config.get(name))


def _with_slope(name: str, slope: Any) -> str:
    if slope is None or np.float32(slope) != np.float32(0.01):
        raise _RefusedError(f"{name} must be 0.01, but is {slope}")
    return "leaky_relu"


def _elu(config: Config) -> str:
    if config.get("alpha", 1.0) != 1:
        raise _RefusedError(f"alpha must be 1, but is {config['alpha']}")
    return "elu"


def _softmax(config: Config) -> str:
    if config.get("axis", -1) not in (-1, 1, [-1], [1]):
        raise _RefusedError(f"axis must be -1, but is {config['axis']}")
    return "softmax"


_KINDS = {
    "Activation": lambda config: _activation(config["activation"]),
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "ELU": _elu,
    "Softmax": _softmax,
}
