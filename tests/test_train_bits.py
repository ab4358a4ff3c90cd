"""The same seed gives the same weights, bit for bit: threads, instruction sets, runs, layouts."""

import hashlib
import itertools

import numpy as np
import pytest
from conftest import ISAS
from helpers import checked_python, layouts
from pooled import meanwhile, num_threads
from reference import assert_same_bits

import cnnfs

FUSED = [name for name in ISAS if name != "generic"]
HIDDEN = ["relu", "tanh", "sigmoid", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "softplus"]
OPTIMIZERS = {
    "sgd": lambda: cnnfs.SGD(0.01, momentum=0.9, nesterov=True),
    "adagrad": lambda: cnnfs.Adagrad(clip_value=0.1),
    "rmsprop": lambda: cnnfs.RMSprop(0.001, clip_norm=0.5),
    "adam": lambda: cnnfs.Adam(cnnfs.LinearWarmup(cnnfs.CosineDecay(0.01, 60), 5)),
    "adamw": lambda: cnnfs.AdamW(0.003),
}
# name: sizes, hidden activation, last, rows, batch size, optimizer
CASES = {
    "digits": ((64, 128, 64, 10), "relu", "softmax", 333, 32, "adam"),
    "shared": ((300, 256, 256, 10), "relu", "softmax", 600, 256, "adam"),
    "shared, odd": ((301, 257, 131, 7), "gelu", "softmax", 517, 259, "sgd"),
    "wide": ((40, 1030, 3), "tanh", "linear", 150, 64, "adamw"),
    "large batch": ((20, 50, 1), "elu", "sigmoid", 5000, 4099, "rmsprop"),
    "one at a time": ((7, 9, 2), "silu", "linear", 61, 1, "adagrad"),
    "one": ((1, 1, 1), "softplus", "linear", 5, 2, "adam"),
}


def network(sizes, hidden, last, dtype="float32", dropout=0.0, seed=0):
    layers = []
    for i, (n_inputs, n_neurons) in enumerate(itertools.pairwise(sizes)):
        activation = last if i == len(sizes) - 2 else hidden
        if dropout and i:
            layers.append(cnnfs.Dropout(dropout))
        penalty = {"weight_l2": 1e-4, "bias_l1": 1e-4} if i == 0 else {}
        layers.append(
            cnnfs.Layer(n_inputs, n_neurons, activation, dtype=dtype, rng=seed + i, **penalty)
        )
    return cnnfs.Network(layers)


def make(name, dtype="float32", dropout=0.2):
    sizes, hidden, last, rows, batch_size, optimizer = CASES[name]
    rng = np.random.default_rng(9)
    x = rng.normal(size=(rows, sizes[0])).astype(dtype)
    y = rng.integers(0, sizes[-1], rows) if last == "softmax" else rng.random((rows, sizes[-1]))
    options = {"batch_size": batch_size, "optimizer": OPTIMIZERS[optimizer](), "rng": 5}
    return network(sizes, hidden, last, dtype, dropout), x, y, options


def parameters(net):
    return [p for layer in net if hasattr(layer, "weights") for p in (layer.weights, layer.bias)]


def assert_same_network(net, other, note=""):
    for got, want in zip(parameters(net), parameters(other), strict=True):
        assert_same_bits(got, want, note)


def trained(name, dtype="float32", epochs=3, dropout=0.2):
    net, x, y, options = make(name, dtype, dropout)
    return net, net.fit(x, y, epochs=epochs, validation_split=0.2, **options)


def digest(name, dtype):
    """A hash of all that a training gives."""
    net, history = trained(name, dtype)
    x, y = make(name, dtype)[1:3]
    weight = np.linspace(1, 2, len(x))
    more = net.gradients(x[:97], y[:97], sample_weight=weight[:97])
    found = [*parameters(net), more.dx, *(g for layer in more.layers for g in layer)]
    found += [np.array([more.loss, *history["loss"], *history["val_loss"]])]
    found += [np.array(sorted(net.evaluate(x, y, sample_weight=weight).items())[0][1])]
    found += [net.input_gradient(x[:5])]
    return hashlib.sha256(b"".join(a.tobytes() for a in found)).hexdigest()


@pytest.mark.parametrize("name", CASES)
def test_any_number_of_threads(isa, dtype, name):
    with num_threads(1):
        want = digest(name, dtype)
    for count in (2, 4, 3):
        with num_threads(count):
            assert digest(name, dtype) == want, f"{count} threads"


@pytest.mark.skipif(len(FUSED) < 2, reason="one instruction set with fused multiply-add")
def test_instruction_sets_in_one_process(each_isa, dtype):
    for name in CASES:
        found = {isa: digest(name, dtype) for isa in each_isa() if isa != "generic"}
        assert len(set(found.values())) == 1, (name, found)


@pytest.mark.skipif(len(FUSED) < 2, reason="one instruction set with fused multiply-add")
def test_instruction_sets_in_processes_of_their_own():
    code = """
        import cnnfs
        from test_train_bits import CASES, digest, HIDDEN, network, parameters
        import numpy as np
        for name in ("digits", "shared, odd", "large batch"):
            print(digest(name, "float32"), digest(name, "float64"))
        x = np.random.default_rng(0).normal(size=(50, 11))
        for activation in [*HIDDEN, "softmax"]:
            net = network((11, 13, 5, 3), activation, "linear", dropout=0.1)
            net.fit(x, x[:, :3], epochs=5, loss="huber", rng=0)
            print(*(p.tobytes().hex() for p in parameters(net)))
    """
    found = {
        checked_python(code, CNNFS_ISA=isa, CNNFS_NUM_THREADS=count)
        for isa, count in zip(FUSED, "12", strict=False)
    }
    assert len(found) == 1


def test_two_runs():
    for name in CASES:
        (one, first), (other, second) = trained(name), trained(name)
        assert_same_network(one, other, name)
        assert first == second


def test_another_seed_is_another_training():
    def run(**options):
        net, x, y, known = make("digits", dropout=0)
        net.fit(x, y, **{**known, **options})
        return parameters(net)[0].tobytes()

    assert len({run(rng=seed) for seed in range(4)}) == 4
    assert run() != run(shuffle=False)
    assert run(rng=None) != run(rng=None)
    state = np.random.get_state()[1].tobytes()
    run(rng=None)
    assert np.random.get_state()[1].tobytes() == state, "the global generator is left alone"


@pytest.mark.parametrize("seed", [3, [1, 2], np.int64(3)], ids=str)
def test_anything_that_numpy_takes_as_a_seed(seed):
    runs = []
    for _ in range(2):
        net, x, y, options = make("digits")
        net.fit(x, y, **{**options, "rng": seed})
        runs.append(net)
    assert_same_network(*runs)
    for make_rng in (np.random.default_rng, np.random.SeedSequence, np.random.PCG64):
        runs = []
        for _ in range(2):
            net, x, y, options = make("digits")
            net.fit(x, y, **{**options, "rng": make_rng(4)})
            runs.append(net)
        assert_same_network(*runs)


def test_memory_layouts_of_the_data(dtype, tmp_path):
    net, x, y, options = make("digits", dtype)
    x, labels = x[:70], y[:70]
    net.fit(x, labels, epochs=2, **options)
    for name, other in layouts(x, tmp_path):
        again, *_, options = make("digits", dtype)
        again.fit(other, labels, epochs=2, **options)
        assert_same_network(again, net, name)
    net, x, y, options = make("wide", dtype)
    x, y = x[:70], y[:70].astype(dtype)
    net.fit(x, y, epochs=2, **options)
    for name, other in layouts(y, tmp_path):
        again, *_, options = make("wide", dtype)
        again.fit(x, other, epochs=2, **options)
        assert_same_network(again, net, name)


@pytest.mark.parametrize("kind", ["f2", "i1", "u2", "i8", "?", "g", list])
def test_data_of_other_types_is_cast_once(dtype, kind):
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 2, (40, 7)), rng.integers(0, 2, (40, 2))

    def given(a):
        return a.tolist() if kind is list else a.astype(kind)

    runs = [network((7, 5, 2), "tanh", "linear", dtype) for _ in range(2)]
    runs[0].fit(x.astype(dtype), y.astype(dtype), epochs=2, rng=0)
    runs[1].fit(given(x), given(y), epochs=2, rng=0)
    assert_same_network(*runs)


def test_float64_data_for_a_float32_network():
    net, x, y, options = make("wide")
    x = x + np.pi * 1e-9  # float64, and no number of float32
    net.fit(x, y, **options)
    again, *_, options = make("wide")
    again.fit(x.astype("f4"), y.astype("f4"), **options)
    assert_same_network(again, net)


def test_the_data_is_left_alone():
    net, x, y, options = make("digits")
    weight = np.ones(len(x))
    before = [a.tobytes() for a in (x, y, weight)]
    net.fit(x, y, sample_weight=weight, validation_split=0.1, **options)
    net.train_step(x, y, sample_weight=weight)
    net.gradients(x, y, sample_weight=weight)
    net.evaluate(x, y, sample_weight=weight)
    assert [a.tobytes() for a in (x, y, weight)] == before


def test_a_busy_pool_trains_to_the_same_bits():
    wants = {name: digest(name, "float32") for name in ("shared", "large batch")}
    layer = cnnfs.Layer(256, 512, "gelu", rng=0)
    x = np.ones((3000, 256), "f4")
    with num_threads(3), meanwhile(lambda: layer(x), threads=2):
        for name, want in wants.items():
            assert digest(name, "float32") == want
