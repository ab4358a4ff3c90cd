"""Modules and state_dicts of PyTorch, read. PyTorch is there if a module is."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnfs.activations import Activation
from cnnfs.interop.chain import Array, Chain, RefusedError
from cnnfs.interop.numbers import batch_norm, checked_dtype
from cnnfs.network import Network

# Class of PyTorch: its setting, and what its values are called in cnnfs.
_ACTIVATIONS: dict[str, tuple[str, dict[object, str]]] = {
    "Identity": ("", {None: "linear"}),
    "ReLU": ("", {None: "relu"}),
    "Sigmoid": ("", {None: "sigmoid"}),
    "Tanh": ("", {None: "tanh"}),
    "SiLU": ("", {None: "silu"}),
    "Softmax": ("dim", {-1: "softmax", 1: "softmax", None: "softmax"}),
    "LeakyReLU": ("negative_slope", {0.01: "leaky_relu", 0.0: "relu"}),
    "ELU": ("alpha", {1.0: "elu"}),
    "GELU": ("approximate", {"none": "gelu", "tanh": "gelu_tanh"}),
    "Softplus": ("beta", {1.0: "softplus"}),
}
_NO_SEQUENTIAL = (
    "only a Sequential tells in which order its parts are used. Give its Sequential, if it is but "
    "a shell around one, or its weights in the order of their use with what follows each: "
    'cnnfs.from_torch(model.state_dict(), activations=["relu", ..., "linear"])'
)


def read(model: Any, activations: Iterable[str] | None, dtype: npt.DTypeLike | None) -> Network:
    """What `from_torch` does."""
    kind = checked_dtype(dtype)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        if activations is not None:
            raise TypeError(
                "activations are for a state_dict: a module has its own. Give module.state_dict(), "
                "if its weights are in the order of their use"
            )
        model = getattr(model, "_orig_mod", model)  # of torch.compile
        chain = Chain(f"the {type(model).__name__} of PyTorch")
        for where, module in _modules(model, "", torch.nn):
            _read(chain, where, module, torch.nn)
        return chain.network(kind)
    if not isinstance(model, Mapping):
        raise TypeError(
            "model must be a torch.nn.Sequential or a state_dict, "
            f"not {type(model).__module__}.{type(model).__qualname__}"
        )
    return _of_state_dict(model, activations).network(kind)


def _modules(module: Any, place: str, nn: Any) -> Iterator[tuple[str, Any]]:
    """The modules of nested Sequentials in their order, each with where it is."""
    if _is(module, nn.Sequential) and not _hooks(module):
        for i, part in enumerate(module):
            yield from _modules(part, f"{place}[{i}]", nn)
    else:
        yield f"{place} {type(module).__name__}".strip(), module


def _is(module: Any, kind: Any) -> bool:
    """Whether it computes what a module of this kind does, as a subclass may not."""
    same = isinstance(module, kind) and type(module).forward is kind.forward
    return same and not _own_forward(module)


def _own_forward(module: Any) -> bool:
    """Whether this object, not its class, was given another forward."""
    return "forward" in vars(module)


def _hooks(module: Any) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _read(chain: Chain, where: str, module: Any, nn: Any) -> None:
    """Add a module to the chain, or refuse it."""
    try:
        _add(chain, where, module, nn)
    except RefusedError as refused:
        chain.refuse(where, str(refused))


def _add(chain: Chain, where: str, module: Any, nn: Any) -> None:
    if getattr(module, "has_uninitialized_params", bool)():
        chain.refuse(where, "it has no weights yet: call the model once")
    elif _hooks(module):
        chain.refuse(where, "it has forward hooks, which may change what it gives")
    elif _own_forward(module):
        chain.refuse(where, "its forward was replaced by another function")
    elif _is(module, nn.Linear):
        chain.dense(where, _array(module.weight), _optional(module.bias))
    elif _is(module, nn.BatchNorm1d):
        _batch_norm(chain, where, module)
    elif _is(module, nn.Dropout):
        chain.dropout(where, module.p)
    elif _is(module, nn.Flatten):
        if module.start_dim != 1:
            chain.refuse(where, f"start_dim must be 1, but is {module.start_dim}")
        else:
            chain.flatten(where)
    elif _is(module, nn.LogSoftmax):
        chain.refuse(where, "put Softmax(-1) in its place, or leave it out and get logits")
    else:
        _activation(chain, where, module, nn)


def _activation(chain: Chain, where: str, module: Any, nn: Any) -> None:
    for kind, (setting, names) in _ACTIVATIONS.items():
        if not _is(module, getattr(nn, kind)):
            continue
        value = getattr(module, setting) if setting else None
        if value not in names:
            words = " or ".join(map(repr, names))
            chain.refuse(where, f"{setting} must be {words}, but is {value!r}")
        elif kind == "Softplus" and module.threshold < 20:
            chain.refuse(where, f"threshold must be at least 20, but is {module.threshold!r}")
        else:
            chain.activation(where, names[value])
        return
    shell = next(module.children(), None) is not None
    chain.refuse(where, _NO_SEQUENTIAL if shell else "cnnfs has no such layer")


def _batch_norm(chain: Chain, where: str, module: Any) -> None:
    if module.running_mean is None:
        raise RefusedError("it keeps no running mean, so that a row depends on its batch")
    mean, variance = _array(module.running_mean), _array(module.running_var)
    factor, offset = _optional(module.weight), _optional(module.bias)
    chain.affine(where, *batch_norm(mean, variance, module.eps, factor, offset))


def _array(tensor: Any) -> Array:
    """A tensor on any device as an array; half precision, which NumPy lacks in part, as float32."""
    try:
        if hasattr(tensor, "detach"):
            tensor = tensor.detach().cpu()
            half = tensor.is_floating_point() and tensor.element_size() < 4
            tensor = (tensor.float() if half else tensor).numpy()
        return np.asarray(tensor)
    # Sparse or quantized; lists of different lengths; without memory, on "meta".
    except (TypeError, ValueError, RuntimeError) as error:
        raise RefusedError(f"its weights can't be read: {error}") from None


def _optional(tensor: Any) -> Array | None:
    return None if tensor is None else _array(tensor)


def _of_state_dict(given: Mapping[str, Any], activations: Iterable[str] | None) -> Chain:
    """A chain of the weights in the order in which they stand in the state_dict."""
    chain = Chain("the state_dict")
    biases: dict[str, Array | None] = {}
    weights: dict[str, Array | None] = {}  # None: it is refused already
    for key, value in given.items():
        place, _, kind = str(key).rpartition(".")
        array: Array | None = None
        try:
            array = _array(value)
        except RefusedError as refused:
            chain.refuse(str(key), str(refused))
        if kind == "weight" and (array is None or array.ndim == 2):
            weights[place] = array
        elif kind == "bias" and (array is None or array.ndim == 1):
            biases[place] = array
        elif array is not None:
            chain.refuse(str(key), "it is no weight of shape (neurons, inputs), nor a bias of one")
    for place in [place for place in biases if place not in weights]:
        chain.refuse(f"{place}.bias", "there is no weight of shape (neurons, inputs) to it")
    names = _names(activations, len(weights), chain)
    for (place, weight), name in zip(weights.items(), names, strict=True):
        where = f"{place}.weight" if place else "weight"
        if weight is not None:
            chain.dense(where, weight, biases.get(place))
        chain.activation(where, name)
    return chain


def _names(activations: Iterable[str] | None, count: int, chain: Chain) -> list[str]:
    names = [activations] if isinstance(activations, str) else list(activations or [])
    what = f"it has {count} {'weight' if count == 1 else 'weights'}"
    if activations is None:
        example = ", ".join(['"relu"'] * (count - 1) + ['"linear"'])
        why = f"{what}, and does not tell what follows each: give activations=[{example}], say"
        chain.refuse("activations", why)
    elif len(names) != count:
        chain.refuse("activations", f"{what}, but there are {len(names)} activations")
    known = [str(name) for name in Activation]
    for i, name in enumerate(names):
        if name not in known:
            why = f"there is no activation {name!r}; the names are {', '.join(known)}"
            chain.refuse(f"activations[{i}]", why)
    named = [str(name) if name in known else "linear" for name in names]
    return [*named, *["linear"] * count][:count]  # so that the weights are looked at, too
