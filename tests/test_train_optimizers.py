"""A thousand steps of every optimizer against the float64 reference: within 1e-12, relative.

The learning rates are such that the reference itself, begun one ulp away, ends 1e-14 away at most:
larger ones leap about a minimum, and any rounding grows without bound.
"""

import itertools
import math

import numpy as np
import pytest
import train_reference as ref
from reference import assert_same_bits
from safetensors.numpy import load_file

import cnnfs

STEPS, ROWS = 1000, 20
PENALTY = {"weight_l1": 1e-4, "weight_l2": 1e-3, "bias_l1": 2e-4, "bias_l2": 3e-3}

# name: (the library's, the reference's, options, learning rate)
OPTIMIZERS = {
    "SGD": (cnnfs.SGD, ref.SGD, {}, 0.05),
    "momentum": (cnnfs.SGD, ref.SGD, {"momentum": 0.9}, 0.02),
    "nesterov": (cnnfs.SGD, ref.SGD, {"momentum": 0.8, "nesterov": True}, 0.02),
    "Adagrad": (cnnfs.Adagrad, ref.Adagrad, {}, 0.01),
    "Adagrad, eps": (cnnfs.Adagrad, ref.Adagrad, {"eps": 1e-3}, 0.01),
    "RMSprop": (cnnfs.RMSprop, ref.RMSprop, {}, 0.0002),
    "RMSprop, alpha": (cnnfs.RMSprop, ref.RMSprop, {"alpha": 0.9, "eps": 1e-4}, 0.0002),
    "Adam": (cnnfs.Adam, ref.Adam, {}, 0.001),
    "Adam, betas": (cnnfs.Adam, ref.Adam, {"betas": (0.8, 0.99), "eps": 1e-5}, 0.0005),
    "AdamW": (cnnfs.AdamW, ref.Adam, {"weight_decay": 0.05}, 0.001),
    "AdamW, none": (cnnfs.AdamW, ref.Adam, {"weight_decay": 0.0}, 0.001),
}
CLIPS = [{"clip_value": 0.01}, {"clip_norm": 0.05}, {"clip_norm": 1e9}]


def problem(dtype="float64", last="softmax", **penalty):
    """A network and data that no network learns by heart, so that gradients do not vanish."""
    rng = np.random.default_rng(6)
    net = cnnfs.Network(
        [
            cnnfs.Layer(5, 9, "tanh", dtype=dtype, rng=1, **penalty),
            cnnfs.Layer(9, 6, "silu", dtype=dtype, rng=2, **penalty),
            cnnfs.Layer(6, 3, last, dtype=dtype, rng=3, **penalty),
        ]
    )
    for layer in net:  # no parameter at the kink of |p|
        layer.bias = rng.uniform(0.1, 0.5, layer.n_neurons)
    x = np.repeat(rng.normal(size=(ROWS // 2, 5)), 2, axis=0)
    y = rng.integers(0, 3, ROWS) if last == "softmax" else rng.normal(size=(ROWS, 3))
    return net, x, y


def assert_near(net, parts, bound=1e-12):
    for layer, part in zip(net, parts, strict=True):
        for got, want in ((layer.weights, part.weights), (layer.bias, part.bias)):
            error = np.abs(got - want).max() / np.abs(want).max()
            assert error <= bound, error


def compare(make, known, rate, known_rate, *, how, batch_size=ROWS, last="softmax", **penalty):
    """Train STEPS steps with both; known_rate is the reference's own formula of the schedule."""
    net, x, y = problem(last=last, **penalty)
    parts = ref.parts_of(net)
    batches = -(-ROWS // batch_size)
    epochs = -(-STEPS // batches)
    optimizer, loss = make(rate), ref.Loss("cross_entropy" if last == "softmax" else "mse")
    options = {"epochs": epochs, "batch_size": batch_size}
    want = ref.train(parts, x, y, loss, known(known_rate), **options)
    if how == "fit":
        history = net.fit(x, y, optimizer=optimizer, shuffle=False, **options)
        np.testing.assert_allclose(history["loss"], want, rtol=1e-11)
    else:
        for _ in range(epochs):
            for start in range(0, ROWS, batch_size):
                rows = slice(start, start + batch_size)
                net.train_step(x[rows], y[rows], optimizer=optimizer)
    assert optimizer.steps == epochs * batches >= STEPS
    assert_near(net, parts)


def both(name, **clips):
    theirs, ours, options, rate = OPTIMIZERS[name]
    return (
        lambda rate: theirs(rate, **options, **clips),
        lambda rate: ours(rate, **options, **clips),
        rate,
        rate,
    )


def some(names, more):
    """The names, and those that wait for a deep run."""
    return [*names, *(pytest.param(name, marks=pytest.mark.deep) for name in more)]


@pytest.mark.parametrize("how", ["fit", "train_step"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_thousand_steps(name, how):
    compare(*both(name), how=how)


@pytest.mark.parametrize("last", some(["softmax"], ["linear"]))
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_thousand_steps_with_penalties_in_batches(name, last):
    # 7 does not divide 20: the last batch has 6 rows
    compare(*both(name), how="fit", batch_size=7, last=last, **PENALTY)


@pytest.mark.parametrize("clips", CLIPS, ids=str)
@pytest.mark.parametrize("name", some(["SGD", "AdamW"], ["nesterov", "Adagrad", "RMSprop", "Adam"]))
def test_a_thousand_steps_with_clipping(name, clips):
    compare(*both(name, **clips), how="fit", **PENALTY)


SCHEDULES = {
    "inverse time": (cnnfs.InverseTimeDecay(1e-2, 1e-2), lambda s: 1e-2 / (1 + 1e-2 * s)),
    "step": (cnnfs.StepDecay(1e-2, 300, 0.5), lambda s: 1e-2 * 0.5 ** (s // 300)),
    "step, default": (cnnfs.StepDecay(1e-2, 400), lambda s: 1e-2 * 0.1 ** (s // 400)),
    "exponential": (cnnfs.ExponentialDecay(1e-2, 0.998), lambda s: 1e-2 * 0.998**s),
    "cosine": (
        cnnfs.CosineDecay(1e-2, 800, final=1e-4),
        lambda s: 1e-4 + (1e-2 - 1e-4) * (1 + math.cos(math.pi * min(s, 800) / 800)) / 2,
    ),
    "own": (lambda s: 2e-3 * (1 + s % 3), lambda s: 2e-3 * (1 + s % 3)),
    "zero for a while": (lambda s: 1e-2 * (s >= 500), lambda s: 1e-2 * (s >= 500)),
}


@pytest.mark.parametrize("how", some(["fit"], ["train_step"]))
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", some(["Adam"], ["momentum", "AdamW"]))
def test_a_thousand_steps_with_a_schedule(name, schedule, how):
    theirs, ours = SCHEDULES[schedule]
    make, known, *_ = both(name)
    compare(make, known, theirs, ours, how=how, batch_size=8)


def test_a_warm_up_and_its_schedule():
    schedule = cnnfs.LinearWarmup(cnnfs.CosineDecay(1e-2, 900), 100)
    rates = [schedule(step) for step in range(STEPS)]
    assert rates[0] < 1e-3
    assert rates[:100] == sorted(rates[:100])
    make, known, *_ = both("Adam")
    compare(make, known, schedule, schedule, how="fit")


def test_the_defaults_are_pytorch_s():
    rates = {"sgd": 1e-3, "adagrad": 1e-2, "rmsprop": 1e-2, "adam": 1e-3, "adamw": 1e-3}
    known = {
        "sgd": ref.SGD(1e-3),
        "adagrad": ref.Adagrad(1e-2),
        "rmsprop": ref.RMSprop(1e-2),
        "adam": ref.Adam(1e-3),
        "adamw": ref.Adam(1e-3, weight_decay=0.01),
    }
    for name, optimizer in known.items():
        net, x, y = problem()
        parts = ref.parts_of(net)
        net.fit(x, y, epochs=50, batch_size=ROWS, optimizer=name)
        loss = ref.Loss("cross_entropy")
        ref.train(parts, x, y, loss, optimizer, epochs=50, batch_size=ROWS)
        assert_near(net, parts)
        classes = (cnnfs.SGD, cnnfs.Adagrad, cnnfs.RMSprop, cnnfs.Adam, cnnfs.AdamW)
        made = {c.__name__.lower(): c for c in classes}[name]()
        assert made.learning_rate == rates[name]


def test_sample_weights_in_every_step():
    rng = np.random.default_rng(0)
    net, x, y = problem(**PENALTY)
    parts, weight = ref.parts_of(net), rng.random(ROWS) * 5
    options = {"epochs": 200, "batch_size": 6, "sample_weight": weight}
    history = net.fit(x, y, optimizer="adam", shuffle=False, **options)
    want = ref.train(parts, x, y, ref.Loss("cross_entropy"), ref.Adam(1e-3), **options)
    assert_near(net, parts)
    np.testing.assert_allclose(history["loss"], want, rtol=1e-12)


def test_float32_stays_near_float64():
    net, x, y = problem("float32")
    parts = ref.parts_of(net)
    x = x.astype("f4")
    net.fit(x, y, epochs=STEPS, batch_size=ROWS, optimizer="adam")
    ref.train(parts, x, y, ref.Loss("cross_entropy"), ref.Adam(1e-3), epochs=STEPS, batch_size=ROWS)
    # The factor between a step in float64 and the bound above, times the unit roundoff of float32.
    assert_near(net, parts, 1e-12 / 2**-53 * 2**-24)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_state_stays_with_the_object_until_reset(name):
    make, _, rate, _ = both(name)

    def start():
        net, x, y = problem()
        return net, (x, y), {"epochs": 5, "shuffle": False, "batch_size": 8}

    net, data, options = start()
    optimizer = make(rate)
    net.fit(*data, optimizer=optimizer, **options)
    once = [layer.weights for layer in net]
    net.fit(*data, optimizer=optimizer, **options)
    whole, data, _ = start()
    whole.fit(*data, optimizer=make(rate), **{**options, "epochs": 10})
    assert net == whole
    again, data, _ = start()
    again.fit(*data, optimizer=make(rate), **options)
    again.fit(*data, optimizer=make(rate), **options)
    if name != "SGD":
        assert net != again, "without its state it takes another way"
    optimizer.reset()
    assert optimizer.steps == 0
    fresh, data, _ = start()
    fresh.fit(*data, optimizer=optimizer, **options)  # another network, after reset
    for weights, layer in zip(once, fresh, strict=True):
        assert_same_bits(layer.weights, weights)


@pytest.mark.parametrize("sizes", [(1, 1), (3, 2), (0, 2), (0, 3, 2), (3, 0, 2), (2, 5, 0, 0, 3)])
@pytest.mark.parametrize("rows", [1, 3])
def test_sizes_of_one_and_of_zero(sizes, rows):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(rows, sizes[0])), rng.normal(size=(rows, sizes[-1]))
    for make, known in [
        (cnnfs.Adam(clip_norm=0.1), ref.Adam(1e-3, clip_norm=0.1)),
        (cnnfs.SGD(0.1, 0.9, clip_value=0.05), ref.SGD(0.1, 0.9, clip_value=0.05)),
    ]:
        net = cnnfs.Network(
            cnnfs.Layer(*pair, "tanh", dtype="float64", rng=0, **PENALTY)
            for pair in itertools.pairwise(sizes)
        )
        parts = ref.parts_of(net)
        options = {"epochs": 50, "batch_size": 2}
        net.fit(x, y, optimizer=make, shuffle=False, **options)
        ref.train(parts, x, y, ref.Loss("mse"), known, **options)
        for layer, part in zip(net, parts, strict=True):
            np.testing.assert_allclose(layer.weights, part.weights, rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(layer.bias, part.bias, rtol=1e-12, atol=1e-15)


FADING = {
    "momentum": lambda: cnnfs.SGD(0.01, momentum=0.5),
    "RMSprop": lambda: cnnfs.RMSprop(0.01, alpha=0.5),
    "Adam": lambda: cnnfs.Adam(0.01, betas=(0.5, 0.5)),
    "AdamW": lambda: cnnfs.AdamW(0.01, betas=(0.5, 0.5), weight_decay=0.0),
}


@pytest.mark.parametrize("name", FADING)
def test_moments_that_fade_away_end_at_0(isa, dtype, name, tmp_path):
    """Subnormal, they would slow down every step to come, for nothing."""
    layers = [cnnfs.Layer(3, 40, "relu", dtype=dtype, rng=0), cnnfs.Layer(40, 2, dtype=dtype)]
    net, optimizer = cnnfs.Network(layers), FADING[name]()
    x, y = np.random.default_rng(1).normal(size=(2, 8, 3))
    net.train_step(x, y[:, :2], optimizer=optimizer)
    net[0].bias = np.full(40, -1e3)  # no neuron is active any more
    before = net[0].weights
    fading = []
    for _ in range(115):
        for _ in range(10):
            net.train_step(x, y[:, :2], optimizer=optimizer)
        net.save(tmp_path / "net.safetensors", optimizer=optimizer)
        saved = load_file(tmp_path / "net.safetensors")
        moments = [a for key, a in saved.items() if key.startswith("optimizer.0")]
        least = min((np.abs(a[a != 0]).min() for a in moments if a.any()), default=None)
        fading.append(least)
    assert fading[0] is not None
    assert all(m is None or m >= np.finfo(dtype).smallest_normal for m in fading)
    assert fading[-1] is None, "all are 0"
    assert np.abs(net[0].weights - before).max() < 0.2, "the last movements of the beginning"
