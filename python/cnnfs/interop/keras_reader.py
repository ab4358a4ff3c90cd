"""Models of Keras, read. Its layers are known by their names: Keras itself is not imported."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnfs.interop.chain import Array, Chain, RefusedError
from cnnfs.interop.numbers import batch_norm, checked_dtype
from cnnfs.network import Network

Config = Mapping[str, Any]

# Names of Keras that are others in cnnfs, or the same.
_FUNCTIONS = {
    name: name
    for name in ("linear", "relu", "sigmoid", "tanh", "softmax", "elu", "gelu", "silu", "softplus")
} | {"swish": "silu"}
_OWN_FUNCTION = "its activation is a function of your own"
_UNKNOWN = "cnnfs has no such layer"
_NO_ORDER = (
    "only a Sequential or a functional model, of Keras's own class, tells the order of its layers: "
    "make one of them"
)
_LEAST_DEVIATION = 1e-7  # of Normalization: keras.backend.epsilon()


def read(model: Any, dtype: npt.DTypeLike | None) -> Network:
    """What `from_keras` does."""
    kind = checked_dtype(dtype)
    if not (hasattr(model, "layers") and hasattr(model, "get_config")):
        raise TypeError(
            "model must be a Keras model, such as keras.models.load_model(path) gives, "
            f"not {type(model).__name__}"
        )
    chain = Chain(f"the {type(model).__name__} model of Keras", _axes(model))
    for where, layer in _layers(model, "", chain):
        try:
            _read(chain, where, layer)
        except RefusedError as refused:
            chain.refuse(where, str(refused))
    return chain.network(kind)


def _axes(model: Any) -> int | None:
    """How many axes the model's one input has, if the model was told."""
    shape = getattr(model, "input_shape", None)
    if isinstance(shape, list) and len(shape) == 1:
        (shape,) = shape
    return len(shape) if isinstance(shape, tuple) else None


def _is_own(thing: Any) -> bool:
    """Whether its class is Keras's own: a subclass may compute something else."""
    return _of_keras(type(thing).__module__)


def _of_keras(module: object) -> bool:
    return str(module).partition(".")[0] in ("keras", "tf_keras", "tensorflow")


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
    kind = type(model).__name__ if _is_own(model) else ""
    if kind == "Sequential":
        return layers
    where = f"{place} {type(model).__name__}".strip()
    if kind != "Functional":
        chain.refuse(where, _NO_ORDER)
        return []
    try:
        config = _config(model)
        sources = {part["name"]: _tensors(part["inbound_nodes"]) for part in config["layers"]}
        ends = _tensors(config["output_layers"])
    except KeyError as error:
        chain.refuse(where, f"the order of its layers is not known: its config has no {error}")
        return []
    except NotImplementedError as error:  # a layer of someone's own without get_config
        why = textwrap.shorten(str(error), 120)
        chain.refuse(where, f"the order of its layers is not known: {why}")
        for layer in (layer for layer in layers if not _is_own(layer)):
            chain.refuse(f"{where}, {type(layer).__name__} '{layer.name}'", _UNKNOWN)
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
    """Add a layer to the chain, or raise RefusedError."""
    kind = type(layer).__name__ if _is_own(layer) else ""
    if kind not in _KNOWN:
        raise RefusedError(_UNKNOWN)
    used = layer
    while (used := getattr(used, "activation", None)) is not None:
        if not _of_keras(getattr(used, "__module__", None)):  # its config tells only its name
            raise RefusedError(_OWN_FUNCTION)
    config = _config(layer)
    if kind == "Dense":
        name = _activation(config.get("activation", "linear"), chain.axes)
        weights = _arrays(layer, 2 if config.get("use_bias", True) else 1)
        chain.dense(where, weights[0].T, *weights[1:])
        chain.activation(where, name)
    elif kind in _KINDS:
        chain.activation(where, _KINDS[kind](config, chain.axes))
    elif kind == "Dropout":
        if config.get("noise_shape") is not None:
            raise RefusedError("noise_shape must be None")
        chain.dropout(where, float(config["rate"]))
    elif kind == "BatchNormalization":
        _of_features(config, chain.axes)
        with_scale, with_center = config.get("scale", True), config.get("center", True)
        weights = _arrays(layer, 2 + with_scale + with_center)
        factor = weights[0] if with_scale else None
        offset = weights[with_scale] if with_center else None
        mean, variance = weights[-2:]
        chain.affine(where, *batch_norm(mean, variance, config["epsilon"], factor, offset))
    elif kind == "Normalization":
        _normalization(chain, where, layer, config)
    elif kind == "Rescaling":
        chain.affine(where, config["scale"], config["offset"])
    elif kind == "Flatten":
        if config.get("data_format", "channels_last") != "channels_last":
            raise RefusedError("data_format must be 'channels_last'")
        chain.flatten(where)


def _normalization(chain: Chain, where: str, layer: Any, config: Config) -> None:
    _of_features(config, chain.axes)
    mean, variance = config.get("mean"), config.get("variance")
    if mean is None:
        mean, variance = _arrays(layer, 3)[:2]
    mean, variance = (np.squeeze(np.asarray(a, np.float64)) for a in (mean, variance))
    with np.errstate(all="ignore"):  # the chain refuses what is not finite
        deviation = np.maximum(np.sqrt(variance), _LEAST_DEVIATION)
        inverse = (1 / deviation, -mean / deviation)
    chain.affine(where, *((deviation, mean) if config.get("invert") else inverse))


def _of_features(config: Config, axes: int | None) -> None:
    """Refuse another axis than the last, that of the features. None: all numbers alike."""
    axis = config.get("axis", -1)
    given = [] if axis is None else np.ravel(axis).tolist()
    if given not in ([], [-1], [-1 if axes is None else axes - 1]):
        raise RefusedError(f"axis must be -1, but is {axis}")


def _arrays(layer: Any, count: int) -> list[Array]:
    weights = [np.asarray(a) for a in layer.get_weights()]
    if not weights:
        raise RefusedError("it has no weights yet: call the model once, or give it an Input")
    if len(weights) != count:
        raise RefusedError(f"it has {len(weights)} arrays of weights, not {count}")
    return weights


def _activation(given: object, axes: int | None) -> str:
    """The name in cnnfs of an activation as it stands in a config."""
    if isinstance(given, Mapping) and given.get("class_name") in _KINDS:
        return _KINDS[given["class_name"]](given.get("config", {}), axes)
    if given in ("leaky_relu", "LeakyReLU"):
        raise RefusedError(
            f"the slope of the activation {given!r} is not 0.01: use LeakyReLU(0.01)"
        )
    if not isinstance(given, str):
        raise RefusedError(_OWN_FUNCTION)
    if given not in _FUNCTIONS:
        raise RefusedError(f"cnnfs has no activation {given!r}")
    return _FUNCTIONS[given]


def _relu(config: Config, axes: int | None) -> str:
    limit, threshold = config.get("max_value"), config.get("threshold", 0)
    if limit is not None or threshold:
        raise RefusedError("max_value must be None, and threshold 0")
    slope = config.get("negative_slope", 0)
    return _with_slope("negative_slope", slope) if slope else "relu"


def _leaky_relu(config: Config, axes: int | None) -> str:
    name = "negative_slope" if "negative_slope" in config else "alpha"  # of Keras 2
    return _with_slope(name, config.get(name))


def _with_slope(name: str, slope: Any) -> str:
    if slope is None or np.float32(slope) != np.float32(0.01):
        raise RefusedError(f"{name} must be 0.01, but is {slope}")
    return "leaky_relu"


def _elu(config: Config, axes: int | None) -> str:
    if config.get("alpha", 1.0) != 1:
        raise RefusedError(f"alpha must be 1, but is {config['alpha']}")
    return "elu"


def _softmax(config: Config, axes: int | None) -> str:
    _of_features(config, axes)
    return "softmax"


_KINDS = {
    "Activation": lambda config, axes: _activation(config["activation"], axes),
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "ELU": _elu,
    "Softmax": _softmax,
}
_KNOWN = frozenset({*_KINDS, "InputLayer", "Dense", "Dropout", "Flatten"}) | {
    "BatchNormalization",
    "Normalization",
    "Rescaling",
}
