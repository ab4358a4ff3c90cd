"""Networks as PyTorch modules: the same numbers, there and back."""

import numpy as np
import pytest
from helpers import checked_python
from interop_bounds import assert_close, layers_of, outputs
from reference import assert_same_bits

import cnnfs
from cnnfs import ConversionError, Dropout, Layer, Network

NAMES = [name for name in map(str, cnnfs.Activation) if name != "step"]


def test_a_missing_torch_is_an_error_that_tells_how_to_get_it():
    checked_python(
        """
        import sys
        sys.modules["torch"] = None
        import cnnfs
        try:
            cnnfs.Network([cnnfs.Layer(2, 1)]).to_torch()
        except ImportError as error:
            assert "python -m pip install 'cnnfs[torch]'" in str(error)
        else:
            raise AssertionError
        """
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_same_numbers_there_and_back(name, dtype, rng):
    torch = pytest.importorskip("torch")
    net = Network(
        [
            Dropout(0.25),
            Layer(7, 20, name, dtype=dtype, rng=rng),
            Layer(20, 9, name, dtype=dtype, rng=rng),
            Dropout(0.5),
            Layer(9, 3, name, dtype=dtype, rng=rng),
        ]
    )
    for layer in net[1::1]:
        if isinstance(layer, Layer):
            layer.bias = rng.normal(size=layer.n_neurons)
    model = net.to_torch()
    x = (3 * rng.normal(size=(50, 7))).astype(dtype)
    _, bound = outputs(layers_of(net), x, dtype, dtype)
    if name == "softplus":
        bound = bound + 1e-7  # PyTorch's is linear above 20
    with torch.no_grad():
        assert_close(net(x), model(torch.from_numpy(x)).numpy(), bound)
    back = cnnfs.from_torch(model)
    assert back == net
    assert_same_bits(back(x), net(x))


def test_modules_and_their_names():
    torch = pytest.importorskip("torch")
    net = Network([Layer(4, 8, "relu", rng=0), Dropout(0.5), Layer(8, 2, rng=1)])
    model = net.to_torch()
    assert repr(model).split("\n") == [
        "Sequential(",
        "  (0): Linear(in_features=4, out_features=8, bias=True)",
        "  (1): ReLU()",
        "  (2): Dropout(p=0.5, inplace=False)",
        "  (3): Linear(in_features=8, out_features=2, bias=True)",
        ")",
    ]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert all(p.requires_grad for p in model.parameters())
    assert not model.training
    assert model[0].weight.dtype == torch.float32
    back = cnnfs.from_torch(model.state_dict(), activations=["relu", "linear"])
    assert_same_bits(back[0].weights, net[0].weights)


def test_it_learns_and_shares_no_memory(rng):
    torch = pytest.importorskip("torch")
    net = Network([Layer(4, 8, "tanh", rng=0), Layer(8, 1, rng=1)])
    before = net[0].weights
    model = net.to_torch().train()
    sgd = torch.optim.SGD(model.parameters(), 0.1)
    model(torch.ones(3, 4)).sum().backward()
    sgd.step()
    assert_same_bits(net[0].weights, before)
    assert (model[0].weight.detach().numpy() != before).any()
    model[0].weight.data.zero_()
    assert net[0].weights.any()


def test_the_random_stream_of_torch_is_left_alone():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    want = torch.rand(3)
    torch.manual_seed(0)
    Network([Layer(4, 8, rng=0)]).to_torch()
    assert torch.equal(torch.rand(3), want)


def test_no_neurons():
    pytest.importorskip("torch")
    model = Network([Layer(0, 3), Layer(3, 2)]).to_torch()
    assert model[0].weight.shape == (3, 0)


def test_every_step_is_named():
    pytest.importorskip("torch")
    net = Network([Layer(2, 3, "step"), Layer(3, 3, "relu"), Layer(3, 1, "step")])
    with pytest.raises(ConversionError) as caught:
        net.to_torch()
    assert caught.value.parts == [
        "layer 0: PyTorch has no activation 'step'",
        "layer 2: PyTorch has no activation 'step'",
    ]


def test_numpy_stays_numpy():
    pytest.importorskip("torch")
    layer = Layer.from_arrays(np.ones((2, 3)))
    assert Network([layer]).to_torch()[0].weight.dtype.itemsize == 8
