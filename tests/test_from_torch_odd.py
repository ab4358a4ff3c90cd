"""Modules of PyTorch with something missing, replaced, or not to be read."""

import numpy as np
import pytest

import cnnfs
from cnnfs import ConversionError

torch = pytest.importorskip("torch")
nn = torch.nn


def parts_of(model, *activations):
    with pytest.raises(ConversionError) as caught:
        cnnfs.from_torch(model, *activations)
    return caught.value.parts


@pytest.mark.parametrize("missing", [("weight",), ("bias",), ("weight", "bias")])
def test_a_batch_norm_without_weight_or_bias(missing, rng):
    """Newer versions of PyTorch have an option for it."""
    norm = nn.BatchNorm1d(3, dtype=torch.float64)
    norm.weight.data.copy_(torch.tensor([2.0, 0.5, -1.0]))
    norm.bias.data.copy_(torch.tensor([1.0, 2.0, 3.0]))
    norm.running_mean.copy_(torch.tensor([0.5, -0.5, 0.0]))
    for name in missing:
        setattr(norm, name, None)
    model = nn.Sequential(nn.Linear(2, 3, dtype=torch.float64), norm).eval()
    x = rng.normal(size=(5, 2))
    want = model(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(cnnfs.from_torch(model)(x), want, rtol=1e-13, atol=1e-14)


def test_a_flatten_behind_a_softmax():
    (part,) = parts_of(nn.Sequential(nn.Linear(3, 4), nn.Softmax(-1), nn.Flatten()))
    assert part.startswith("[2] Flatten: a softmax stands before it")
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 4), nn.Softmax(-1), nn.Flatten())
    assert str(cnnfs.from_torch(model)[0].activation) == "softmax"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_forward_that_was_replaced(place):
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Tanh()))
    model[place].forward = lambda x: 2 * x
    (part,) = parts_of(model)
    names = ("[0] Linear", "[1] ReLU", "[2] Sequential")
    assert part == f"{names[place]}: its forward was replaced by another function"


def test_weights_that_can_not_be_read():
    norm = nn.BatchNorm1d(3, device="meta")
    (part,) = parts_of(nn.Sequential(nn.Linear(3, 3), norm))
    assert part.startswith("[1] BatchNorm1d: its weights can't be read: ")
    sparse = torch.eye(3).to_sparse()
    meta = torch.ones(3, device="meta")
    first, second = parts_of({"weight": sparse, "bias": meta}, ["relu"])
    assert first.startswith("weight: its weights can't be read: ")
    assert second.startswith("bias: its weights can't be read: ")


def test_a_negative_variance():
    norm = nn.BatchNorm1d(3)
    norm.running_var.fill_(-1.0)
    (part,) = parts_of(nn.Sequential(nn.Linear(3, 3), norm))
    assert part == "[1] BatchNorm1d: its scale is not finite"
