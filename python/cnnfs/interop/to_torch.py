"""Networks to PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfs.conversion import ConversionError
from cnnfs.dropout import Dropout

if TYPE_CHECKING:
    from cnnfs.network import Network

# The class of PyTorch, and its arguments. linear has none.
_MODULES: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "sigmoid": ("Sigmoid", (), {}),
    "relu": ("ReLU", (), {}),
    "softmax": ("Softmax", (), {"dim": -1}),
    "tanh": ("Tanh", (), {}),
    "leaky_relu": ("LeakyReLU", (0.01,), {}),
    "elu": ("ELU", (), {}),
    "gelu": ("GELU", (), {}),
    "gelu_tanh": ("GELU", (), {"approximate": "tanh"}),
    "silu": ("SiLU", (), {}),
    "softplus": ("Softplus", (), {}),
}


def to_torch(network: Network) -> Any:
    """The network as a torch.nn.Sequential: what `Network.to_torch` does."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Network.to_torch needs PyTorch: python -m pip install 'cnnfs[torch]'"
        ) from error
    nn = torch.nn
    refused, modules = [], []
    for i, part in enumerate(network.layers):
        if isinstance(part, Dropout):
            modules.append(nn.Dropout(part.rate))
            continue
        name = str(part.activation)
        if name != "linear" and name not in _MODULES:
            refused.append(f"layer {i}: PyTorch has no activation {name!r}")
            continue
        # Made without weights, which would be drawn from the caller's random stream.
        linear = nn.Linear(1, 1, device="meta")
        linear.in_features, linear.out_features = part.n_inputs, part.n_neurons
        linear.weight = nn.Parameter(torch.from_numpy(part.weights.copy()))
        linear.bias = nn.Parameter(torch.from_numpy(part.bias.copy()))
        modules.append(linear)
        if name != "linear":
            kind, arguments, options = _MODULES[name]
            modules.append(getattr(nn, kind)(*arguments, **options))
    if refused:
        raise ConversionError("the network", refused)
    return nn.Sequential(*modules).eval()
