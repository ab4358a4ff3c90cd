"""Networks from PyTorch modules: the same numbers, and errors that name every part."""

import numpy as np
import pytest
from interop_bounds import Dense, assert_close, folded, layers_of, outputs
from reference import assert_same_bits

import cnnfs
from cnnfs import ConversionError

torch = pytest.importorskip("torch")
nn = torch.nn

# As PyTorch makes them: what they are in cnnfs.
ACTIVATIONS = [
    (lambda: nn.Identity(), "linear"),
    (lambda: nn.ReLU(), "relu"),
    (lambda: nn.ReLU(inplace=True), "relu"),
    (lambda: nn.Sigmoid(), "sigmoid"),
    (lambda: nn.Tanh(), "tanh"),
    (lambda: nn.Softmax(-1), "softmax"),
    (lambda: nn.Softmax(dim=1), "softmax"),
    (lambda: nn.LeakyReLU(), "leaky_relu"),
    (lambda: nn.LeakyReLU(0.0), "relu"),
    (lambda: nn.ELU(), "elu"),
    (lambda: nn.GELU(), "gelu"),
    (lambda: nn.GELU(approximate="tanh"), "gelu_tanh"),
    (lambda: nn.SiLU(), "silu"),
    (lambda: nn.Softplus(), "softplus"),
]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def gives(model, x):
    with torch.no_grad():
        return model.eval()(torch.from_numpy(x)).numpy()


def assert_agree(model, net, x, layers=None, spare=0.0):
    """spare: what PyTorch's formula differs from the exact one."""
    _, bound = outputs(layers or layers_of(net), x, net.dtype, net.dtype)
    assert_close(net(x), gives(model, x), bound + spare)


@pytest.mark.parametrize(("make", "name"), ACTIVATIONS)
def test_the_same_numbers(make, name, dtype, rng):
    for sizes in [(3, 4), (7, 20, 5), (130, 33, 1, 6)]:
        modules = []
        for i in range(len(sizes) - 1):
            modules += [nn.Linear(sizes[i], sizes[i + 1], bias=i != 1), make()]
        model = nn.Sequential(*modules).to(getattr(torch, dtype.name))
        net = cnnfs.from_torch(model)
        assert net.dtype == dtype
        assert [str(layer.activation) for layer in net] == [name] * (len(sizes) - 1)
        x = (3 * rng.normal(size=(50, sizes[0]))).astype(dtype)
        assert_agree(model, net, x, spare=1e-7 if name == "softplus" else 0.0)  # linear above 20


def test_weights_are_copied_as_they_are():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    net = cnnfs.from_torch(model)
    assert_same_bits(net[1].weights, model[2].weight.detach().numpy())
    assert_same_bits(net[1].bias, model[2].bias.detach().numpy())
    with torch.no_grad():
        model[2].weight.zero_()
    assert net[1].weights.any()


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_becomes_float32(half):
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU()).to(getattr(torch, half))
    net = cnnfs.from_torch(model)
    assert net.dtype == "float32"
    assert_same_bits(net[0].weights, model[0].weight.float().detach().numpy())
    assert cnnfs.from_torch(model, dtype="float64").dtype == "float64"


def test_dropout_flatten_and_nested_sequentials(rng):
    model = nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Dropout(0.2), nn.Linear(12, 5), nn.Dropout(0.5), nn.ReLU()),
        nn.Sequential(nn.Sequential(nn.Dropout(0.0), nn.Linear(5, 2)), nn.Dropout(0.1)),
    )
    net = cnnfs.from_torch(model)
    # A rectifier gives the same before and after a dropout; one at the end does nothing.
    assert repr(net).count("Dropout") == 2
    assert [type(part).__name__ for part in net] == ["Dropout", "Layer", "Dropout", "Layer"]
    assert [str(part.activation) for part in net[1::2]] == ["relu", "linear"]
    x = rng.normal(size=(9, 3, 4)).astype("float32")
    _, bound = outputs(layers_of(net), x.reshape(9, 12), net.dtype, net.dtype)
    assert_close(net(x.reshape(9, 12)), gives(model, x), bound)


def normal(n, **options):
    """A BatchNorm1d that has seen something."""
    module = nn.BatchNorm1d(n, **options)
    module.running_mean.normal_()
    module.running_var.uniform_(0.1, 3.0)
    if module.affine:
        nn.init.normal_(module.weight)
        nn.init.normal_(module.bias)
    return module


def of_norm(norm):
    """The scale and the shift that a BatchNorm1d is."""
    mean, variance = (t.double().numpy() for t in (norm.running_mean, norm.running_var))
    scale = 1 / np.sqrt(variance + norm.eps)
    if not norm.affine:
        return scale, -mean * scale
    scale = scale * norm.weight.double().detach().numpy()
    return scale, norm.bias.double().detach().numpy() - mean * scale


@pytest.mark.parametrize("options", [{}, {"affine": False}, {"eps": 1e-2}])
def test_batch_norm_is_folded(options, dtype, rng):
    """Before the first layer, between sum and activation, after the activation."""
    before, middle, after = (normal(n, **options) for n in (4, 6, 6))
    model = nn.Sequential(
        before, nn.Linear(4, 6), middle, nn.Tanh(), after, nn.Dropout(0.5), nn.Linear(6, 3)
    ).to(getattr(torch, dtype.name))
    net = cnnfs.from_torch(model)
    assert [type(part).__name__ for part in net] == ["Layer", "Dropout", "Layer"]
    one, two = (
        Dense(part.weight.detach().numpy(), part.bias.detach().numpy(), name)
        for part, name in ((model[1], "tanh"), (model[6], "linear"))
    )
    first = folded(folded(one, *of_norm(before), False), *of_norm(middle), True)
    layers = [first, folded(two, *of_norm(after), False)]
    x = rng.normal(size=(40, 4)).astype(dtype)
    assert_agree(model, net, x, layers)


def test_what_stands_beside_no_layer_gets_one_of_its_own(dtype, rng):
    model = nn.Sequential(
        nn.Tanh(), nn.Linear(3, 4), nn.ReLU(), nn.Sigmoid(), normal(4), nn.Softmax(-1), normal(4)
    ).to(getattr(torch, dtype.name))
    net = cnnfs.from_torch(model)
    names = ["tanh", "relu", "sigmoid", "softmax", "linear"]
    assert [str(layer.activation) for layer in net] == names
    x = rng.normal(size=(40, 3)).astype(dtype)
    layers = layers_of(net)
    for i, norm in ((3, model[4]), (4, model[6])):
        plain = Dense(np.eye(4), np.zeros(4), names[i])
        layers[i] = folded(plain, *of_norm(norm), False)
    assert_agree(model, net, x, layers)


# ---- wrapped and subclassed --------------------------------------------------------------------


def test_one_linear_alone_and_subclasses_that_compute_the_same(rng):
    class Named(nn.Linear):
        note = "mine"

    x = rng.normal(size=(5, 3)).astype("float32")
    for model in (nn.Linear(3, 2), Named(3, 2)):
        assert_agree(model, cnnfs.from_torch(model), x)


def test_a_weight_norm_is_computed(rng):
    parametrized = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    with torch.no_grad():
        parametrized.parametrizations.weight.original0.mul_(3)
    x = rng.normal(size=(5, 3)).astype("float32")
    assert_agree(parametrized, cnnfs.from_torch(nn.Sequential(parametrized)), x)


# ---- what can't be converted -------------------------------------------------------------------


def parts_of(model, **options):
    with pytest.raises(ConversionError) as caught:
        cnnfs.from_torch(model, **options)
    return caught.value.parts


def test_every_part_that_is_in_the_way_is_named():
    model = nn.Sequential(
        nn.Conv1d(1, 1, 1),
        nn.Linear(3, 4),
        nn.LeakyReLU(0.2),
        nn.Sequential(nn.Linear(4, 4), nn.ELU(2.0), nn.LayerNorm(4)),
        nn.Softplus(beta=3),
        nn.Softplus(threshold=1),
        nn.Softmax(0),
        nn.Flatten(0),
        nn.Dropout(1.0),
        nn.BatchNorm1d(4, track_running_stats=False),
        nn.LogSoftmax(-1),
        nn.PReLU(),
    )
    assert parts_of(model) == [
        "[0] Conv1d: cnnfs has no such layer",
        "[2] LeakyReLU: negative_slope must be 0.01 or 0.0, but is 0.2",
        "[3][1] ELU: alpha must be 1.0, but is 2.0",
        "[3][2] LayerNorm: cnnfs has no such layer",
        "[4] Softplus: beta must be 1.0, but is 3",
        "[5] Softplus: threshold must be at least 20, but is 1",
        "[6] Softmax: dim must be -1 or 1 or None, but is 0",
        "[7] Flatten: start_dim must be 1, but is 0",
        "[8] Dropout: the share that is dropped must be below 1, but is 1",
        "[9] BatchNorm1d: it keeps no running mean, so that a row depends on its batch",
        "[10] LogSoftmax: put Softmax(-1) in its place, or leave it out and get logits",
        "[11] PReLU: cnnfs has no such layer",
    ]


def test_a_module_that_is_no_sequential_says_what_to_do():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.second(torch.relu(self.first(x)))

    class Residual(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x)

    (part,) = parts_of(Net())
    assert part.startswith("Net: only a Sequential")
    assert 'activations=["relu", ..., "linear"]' in part
    (part,) = parts_of(nn.Sequential(nn.Linear(3, 3), Residual(nn.Linear(3, 3))))
    assert part.startswith("[1] Residual: only a Sequential")

    model, x = Net(), np.ones((2, 3), "float32")
    assert_agree(model, cnnfs.from_torch(model.state_dict(), ["relu", "linear"]), x)


def test_sizes_that_do_not_chain_and_weights_that_are_not_there():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 2), nn.BatchNorm1d(3))
    second, norm = parts_of(model)
    assert second == "[1] Linear: it takes 5 features, but what stands before it gives 4"
    assert norm.startswith("[2] BatchNorm1d: it takes 3 features")
    lazy, meta = parts_of(nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 2, device="meta")))
    assert lazy == "[0] LazyLinear: it has no weights yet: call the model once"
    assert meta.startswith("[1] Linear: its weights can't be read")
    (part,) = parts_of(nn.Sequential(nn.Linear(3, 2, dtype=torch.complex64)))
    assert "complex64" in part
    (part,) = parts_of(nn.Sequential(nn.ReLU()))
    assert "no dense layer" in part


def test_hooks_are_refused():
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    model[1].register_forward_hook(lambda module, given, made: 2 * made)
    (part,) = parts_of(model)
    assert part.startswith("[1] ReLU: it has forward hooks")
    outer = nn.Sequential(nn.Linear(3, 2))
    outer.register_forward_pre_hook(lambda module, given: given)
    (part,) = parts_of(outer)
    assert part.startswith("Sequential: it has forward hooks")


def test_activations_are_not_for_modules():
    with pytest.raises(TypeError, match="activations are for a state_dict"):
        cnnfs.from_torch(nn.Sequential(nn.Linear(3, 2)), ["relu"])


@pytest.mark.parametrize("thing", [None, "model.pt", 3, nn.Linear, []])
def test_things_that_are_no_model(thing):
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Sequential or a state_dict"):
        cnnfs.from_torch(thing)
