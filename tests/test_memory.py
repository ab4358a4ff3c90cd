"""Peak memory of a forward pass, and no leak in a hundred thousand calls."""

import sys

import numpy as np
import pytest
from helpers import checked_python

import cnnfs

PEAK = """
    import sys
    import numpy as np
    import cnnfs

    def status(key):
        for line in open("/proc/self/status"):
            if line.startswith(key):
                return int(line.split()[1]) * 1024

    kind, dtype, what = sys.argv[1:]
    x = np.full((20_000, 512), 0.5, dtype)
    layers = [cnnfs.Layer(512, 512, "relu", dtype=dtype, rng=i) for i in range(3)]
    net = cnnfs.Network(layers)
    weights, bias = layers[0].weights, layers[0].bias
    call = {
        "dense": lambda x, **out: cnnfs.dense(x, weights, bias, **out),
        "layer": layers[0],
        "network": net,
        "sigmoid": cnnfs.sigmoid,
    }[kind]
    call(x[:100])  # warm
    out = np.full((20_000, 512), 7, dtype) if what == "out" else None
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak starts anew from what is resident now
    before = status("VmRSS")
    y = call(x, out=out)
    grown = status("VmHWM") - before
    print(grown, 0 if what == "out" else y.nbytes)
"""


@pytest.mark.parametrize("what", ["result", "out"])
@pytest.mark.parametrize("kind", ["dense", "layer", "network", "sigmoid"])
def test_a_forward_pass_needs_its_input_its_output_and_4_mib(kind, dtype, what):
    grown, result = map(int, checked_python(PEAK, kind, dtype, what).split())
    assert result <= grown + (1 << 20)  # else nothing was measured
    assert grown <= result + (4 << 20)


LEAK = """
    import gc, sys
    import numpy as np
    import cnnfs

    def resident():
        gc.collect()
        return int(open("/proc/self/statm").read().split()[1]) * 4096

    layer = cnnfs.Layer(8, 32, "relu", rng=0)
    net = cnnfs.Network([layer, cnnfs.Layer(32, 2, "sigmoid", rng=1)])
    x, double, half = np.ones((3, 8), "float32"), np.ones((3, 8)), np.ones((3, 8), "float16")
    out, numbers = np.empty((3, 2), "float32"), [1.0] * 8
    weights, bias = layer.weights, layer.bias
    wrong, odd = np.ones(7, "float32"), np.ones(8, complex)
    strided, swapped = np.ones((6, 16), "float32")[::2, ::2], x.astype(">f4")
    space = np.ones(100, "float32")

    def refused(error, call, *args, **options):
        try:
            call(*args, **options)
        except error:
            return
        raise AssertionError

    def setters():
        layer.weights, layer.bias = weights, bias

    calls = {
        "layer": lambda: layer(x),
        "network": lambda: net(x),
        "one row": lambda: net(x[0]),
        "out": lambda: net(x, out=out),
        "forward": lambda: net.forward(x, out),
        "cast": lambda: (net(double), net(half), net(numbers)),
        "gathered": lambda: (net(strided), net(swapped)),
        "overlap": lambda: cnnfs.relu(space[:90], out=space[10:]),
        "dense": lambda: cnnfs.dense(x, weights, bias, activation="sigmoid"),
        "dense, converted": lambda: cnnfs.dense(double, weights, None, cnnfs.Activation.STEP),
        "elementwise": lambda: (cnnfs.relu(x), cnnfs.step(1.0), cnnfs.sigmoid(x, out=x)),
        "attributes": lambda: (layer.weights, layer.bias, layer.activation, layer.dtype, repr(net)),
        "setters": setters,
        "making": lambda: cnnfs.Network([cnnfs.Layer.from_arrays(weights, bias, "relu")]),
        "features": lambda: refused(ValueError, net, wrong),
        "features of dense": lambda: refused(ValueError, cnnfs.dense, wrong, weights),
        "kind": lambda: (refused(TypeError, net, odd), refused(TypeError, cnnfs.relu, odd)),
        "wrong out": lambda: (refused(ValueError, net, x, out=wrong),
                              refused(ValueError, cnnfs.relu, x, out=wrong),
                              refused(TypeError, net, x, out=3)),
        "arguments": lambda: (refused(TypeError, net), refused(TypeError, net, x, wrong=1),
                              refused(TypeError, cnnfs.dense, x, weights, x=x)),
        "activation": lambda: refused(ValueError, cnnfs.dense, x, weights, None, "swish"),
        "wrong setter": lambda: refused(ValueError, setattr, layer, "weights", wrong),
        "wrong layer": lambda: refused(ValueError, cnnfs.Layer.from_arrays, weights, wrong),
        "wrong chain": lambda: refused(ValueError, cnnfs.Network, [layer, layer]),
    }
    call = calls[sys.argv[1]]
    rounds = int(sys.argv[2])
    for _ in range(rounds // 5):
        call()
    grown = []
    for _ in range(3):  # the least of three: a leak grows every time, a caching allocator once
        before = resident()
        for _ in range(rounds):
            call()
        grown.append(resident() - before)
    print(min(grown))
"""

# 100,000 leaked objects, of 16 bytes at least, are 1.6 MB.
FAST = ["layer", "network", "one row", "out", "forward", "dense", "elementwise"]
OTHER = ["cast", "gathered", "overlap", "dense, converted", "attributes", "setters", "making"]
ERRORS = ["features", "features of dense", "kind", "wrong out", "arguments", "activation"]
ERRORS += ["wrong setter", "wrong layer", "wrong chain"]


@pytest.mark.parametrize("what", FAST)
def test_100_000_calls_leak_nothing(what):
    grown = int(checked_python(LEAK, what, 100_000))
    assert grown < 1_000_000


@pytest.mark.parametrize("what", [*OTHER, *ERRORS])
def test_calls_of_other_kinds_leak_nothing(what):
    grown = int(checked_python(LEAK, what, 20_000))
    assert grown < 200_000


def test_reference_counts_are_what_they_were():
    layer = cnnfs.Layer(8, 4, "relu", rng=0)
    net = cnnfs.Network([layer])
    x, out, odd = np.ones((3, 8), "float32"), np.empty((3, 4), "float32"), np.ones(8, complex)
    weights, bias, same = layer.weights, layer.bias, np.empty((3, 8), "float32")
    things = [layer, net, x, out, odd, weights, bias, same, x.dtype, odd.dtype, np.ndarray]
    things += [cnnfs.Layer, cnnfs.Network, np.float32, cnnfs.Activation.RELU]

    def calls():
        net(x), net(x, out), net.forward(x, out=out), layer(x)
        cnnfs.dense(x, weights, bias, "relu", out=out)
        cnnfs.dense(x, weights, bias, cnnfs.Activation.RELU)
        cnnfs.relu(x, out=same), cnnfs.sigmoid(x), cnnfs.step(x[0, 0])
        layer.weights, layer.bias = weights, bias
        attempts = [
            lambda: net(odd),
            lambda: net(x, out=same),
            lambda: net(x, x, x),
            lambda: net(x, wrong=odd),
            lambda: cnnfs.dense(odd, weights),
            lambda: cnnfs.dense(x, odd),
            lambda: cnnfs.dense(x, weights, odd),
            lambda: cnnfs.dense(x, weights, bias, "swish"),
            lambda: cnnfs.dense(x, weights, bias, out=same),
            lambda: cnnfs.relu(odd, out=same),
            lambda: setattr(layer, "weights", x),
            lambda: setattr(layer, "bias", odd),
        ]
        for attempt in attempts:
            with pytest.raises((TypeError, ValueError)):
                attempt()

    calls()
    before = [sys.getrefcount(thing) for thing in things]
    for _ in range(50):
        calls()
    after = [sys.getrefcount(thing) for thing in things]
    # The layer's own arrays may have been exchanged once; nothing may grow by one a call.
    assert all(b <= a + 10 for a, b in zip(before, after, strict=True)), (before, after)
    assert before[2:6] == after[2:6]


def test_a_result_owns_its_memory():
    layer = cnnfs.Layer(8, 4, rng=0)
    x = np.ones((3, 8), "float32")
    first = layer(x)
    kept = first.copy()
    others = [layer(x * i) for i in range(50)]
    assert (first == kept).all()
    assert first.flags.owndata
    assert first.flags.writeable
    assert not any(np.shares_memory(first, other) for other in others)
    assert not np.shares_memory(cnnfs.linear(x), x)
