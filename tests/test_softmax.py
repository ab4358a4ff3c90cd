"""softmax as a function and as the activation of a layer."""

import re

import numpy as np
import pytest
from conftest import ISAS
from helpers import spread
from pooled import num_threads
from reference import assert_same_bits, bits, softmax, ulp, unit_roundoff, wide

import cnnfs

COLUMNS = [1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 31, 32, 33, 64, 100, 127, 128, 129, 1000]


def assert_rows_right(got, x):
    """Each number within the bound of its documentation, and the sums of the rows."""
    n, u = x.shape[-1], unit_roundoff(x.dtype)
    right = softmax(x.astype(wide(x.dtype)))
    wider = got.astype(right.dtype)
    doubt = 40 * np.finfo(right.dtype).eps * right
    allowed = (9 + n / 8) * ulp(np.maximum(right, wider), x.dtype) + doubt
    assert (np.abs(wider - right) <= allowed).all()
    assert (np.abs(wider.sum(axis=-1) - 1) <= (n + 2) * u).all()
    assert (got >= 0).all()
    assert (got <= 1).all()


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("scale", [0.01, 1, 30, 1000])
def test_rows_of_any_length(isa, dtype, rng, columns, scale):
    x = (rng.normal(size=(50, columns)) * scale).astype(dtype)
    assert_rows_right(cnnfs.softmax(x), x)


def test_the_exponentials_are_within_one_ulp(isa, dtype):
    # Beside 1 the second number does not count in the sum: the result is its exponential.
    low, high = (-103, -18) if dtype == np.float32 else (-744, -38)
    x = np.zeros((100_000, 2), dtype)
    x[:, 1] = np.linspace(low, high, len(x))
    right = np.exp(x[:, 1].astype(wide(dtype)))
    error = np.abs(cnnfs.softmax(x)[:, 1] - right) / ulp(right, dtype)
    print(f"largest error {float(error.max()):.3f} ulp")
    assert error.max() <= 1


def test_differences_from_the_maximum_are_not_rounded(isa, dtype):
    # 1000 + 2^-13 is exact in float32, and so is the difference only as a sum of two numbers.
    x = np.array([[1000.0, 1000 + 2.0**-13, 0.3 - 60, 1000 - 60 / 7]], dtype)
    x = np.concatenate([x, np.array([[-0.1, 37.3, 0.7, 1e-3]], dtype)])
    right = softmax(x.astype(wide(dtype)))
    assert (np.abs(cnnfs.softmax(x) - right) <= 3 * ulp(right, dtype)).all()


def test_the_same_bits_in_every_instruction_set(each_isa, dtype, rng):
    for columns in COLUMNS:
        x = spread(rng, (20, columns), dtype)
        results = [cnnfs.softmax(x) for _ in each_isa()]
        for name, got in zip(ISAS, results, strict=True):
            assert_same_bits(got, results[0], f"{name}, {columns} columns")


def test_huge_logits(isa, dtype):
    x = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e38, -1e38, 1e38], [-1e38, 1e38, 0]], dtype)
    third = dtype.type(1) / dtype.type(3)
    want = np.array([[1, 0, 0], [third] * 3, [0.5, 0, 0.5], [0, 1, 0]], dtype)
    assert_same_bits(cnnfs.softmax(x), want)
    most = np.finfo(dtype).max
    assert_same_bits(cnnfs.softmax(np.array([most, -most], dtype)), np.array([1, 0], dtype))


def test_equal_numbers_share_equally(isa, dtype):
    for n in (1, 2, 3, 10, 16, 100, 257):
        for value in (0.0, -0.0, 5.5, -1e30, np.finfo(dtype).smallest_subnormal):
            got = cnnfs.softmax(np.full((2, n), value, dtype))
            assert_same_bits(got, np.full((2, n), dtype.type(1) / dtype.type(n)))


def test_infinities_and_nan(isa, dtype):
    inf, nan = np.inf, np.nan
    quiet = bits(dtype.type(nan))
    for n in (3, 8, 16, 20, 65):
        for place in (0, n // 2, n - 1):
            x = np.zeros((5, n), dtype)
            x[0, place] = -inf
            x[1, place] = inf
            x[2, place] = nan
            x[3] = -inf
            x[4, place] = -nan
            got = cnnfs.softmax(x)
            want = np.full(n, 1 / dtype.type(n - 1), dtype)
            want[place] = 0
            assert_same_bits(got[0], want)
            # As IEEE arithmetic gives: infinity - infinity is NaN.
            assert (bits(got[1:]) == quiet).all()


def test_small_probabilities_are_subnormal_numbers(isa, dtype):
    low = -103 if dtype == np.float32 else -744
    x = np.array([0, low, low + 5, low - 10], dtype)
    got = cnnfs.softmax(x)
    right = np.exp(x.astype(wide(dtype)))
    assert (np.abs(got - right)[1:] <= ulp(right, dtype)[1:]).all()
    assert 0 < got[1] < np.finfo(dtype).smallest_normal
    assert got[3] == 0


def test_shapes(isa, dtype, rng):
    for shape in [(5,), (1, 5), (3, 4), (2, 3, 4), (2, 0, 3), (0, 3), (3, 0), (0,), (1,) * 30]:
        x = rng.normal(size=shape).astype(dtype)
        got = cnnfs.softmax(x)
        assert got.shape == shape
        assert got.dtype == dtype
        rows = x.reshape(-1, shape[-1]) if x.size else x
        want = [cnnfs.softmax(row) for row in rows]
        if x.size:
            assert_same_bits(got.reshape(rows.shape), np.stack(want))


@pytest.mark.parametrize("x", [1.0, np.float32(2), np.array(3.0), 7, True])
def test_a_single_number_is_no_row(x):
    with pytest.raises(ValueError, match=r"^x is a single number, but softmax is a function of"):
        cnnfs.softmax(x)


def test_lists_and_other_dtypes(dtype):
    want = cnnfs.softmax(np.array([1.0, 2.0, 3.0]))
    for x in ([1, 2, 3], (1.0, 2.0, 3.0), np.array([1, 2, 3], np.int8), np.array([1, 2, 3], ">f8")):
        assert_same_bits(cnnfs.softmax(x), want)
    assert cnnfs.softmax(np.array([1, 2], np.float16)).dtype == np.float32
    with pytest.raises(TypeError, match="complex"):
        cnnfs.softmax([1j])


def test_out(isa, dtype, rng):
    x = spread(rng, (30, 37), dtype)
    want, out = cnnfs.softmax(x), np.empty_like(x)
    assert cnnfs.softmax(x, out=out) is out
    assert_same_bits(out, want)
    inside = x.copy()
    assert cnnfs.softmax(inside, out=inside) is inside
    assert_same_bits(inside, want)
    store = np.empty(40 * 37, dtype)
    for offset in (1, 37, 40):
        store[offset : offset + x.size] = x.ravel()
        shifted = store[offset : offset + x.size].reshape(x.shape)
        target = store[: x.size].reshape(x.shape)
        cnnfs.softmax(shifted, out=target)
        assert_same_bits(target, want, f"overlapping, {offset} apart")
    with pytest.raises(ValueError, match="out"):
        cnnfs.softmax(x, out=np.empty((30, 36), dtype))


def test_many_rows_on_any_number_of_threads(isa, dtype, rng):
    for shape in ((60_001, 10), (300, 2001), (3, 200_000)):
        x = rng.normal(size=shape).astype(dtype)
        with num_threads(1):
            want = cnnfs.softmax(x)
        for threads in (2, 3, 4):
            with num_threads(threads):
                assert_same_bits(cnnfs.softmax(x), want, f"{shape}, {threads} threads")
                assert_same_bits(cnnfs.softmax(x.copy(), out=x.copy()), want)


# ---- as an activation --------------------------------------------------------------------------


def wholes(weights, bias):
    """The same softmax layer as a function, a layer, and networks where it is last and is not."""
    layer = cnnfs.Layer.from_arrays(weights, bias, "softmax")
    after = cnnfs.Layer.from_arrays(np.eye(len(weights), dtype=weights.dtype))
    yield "dense", lambda x: cnnfs.dense(x, weights, bias, "softmax")
    yield "layer", layer
    yield "network", cnnfs.Network([layer])
    yield "hidden", cnnfs.Network([layer, after])


@pytest.mark.parametrize(("neurons", "inputs"), [(1, 3), (3, 4), (10, 64), (33, 129), (300, 20)])
def test_a_layer_is_the_function_of_its_sums(isa, dtype, rng, neurons, inputs):
    weights, bias = spread(rng, (neurons, inputs), dtype), spread(rng, neurons, dtype)
    x = spread(rng, (130, inputs), dtype)
    want = cnnfs.softmax(cnnfs.dense(x, weights, bias))
    for name, call in wholes(weights, bias):
        assert_same_bits(call(x), want, name)
        for rows in (0, 1, 2, 3, 5, 12, 13, 25, 129):
            assert_same_bits(call(x[:rows]), want[:rows], f"{name}, {rows} rows")
        assert_same_bits(np.stack([call(row) for row in x]), want, f"{name}, row by row")


@pytest.mark.parametrize(
    ("rows", "inputs", "neurons"),
    [(5000, 70, 33), (20_000, 64, 10), (3, 1500, 2011), (1, 2500, 2500), (12, 900, 700)],
)
def test_layers_on_any_number_of_threads(isa, dtype, rng, rows, inputs, neurons):
    weights, bias = spread(rng, (neurons, inputs), dtype), spread(rng, neurons, dtype)
    x = (rng.normal(size=(rows, inputs)) / np.sqrt(inputs)).astype(dtype)
    for name, call in list(wholes(weights, bias))[: 3 if neurons > 100 else 4]:
        with num_threads(1):
            want = call(x)
        for threads in (2, 3, 4):
            with num_threads(threads):
                assert_same_bits(call(x), want, f"{name}, {threads} threads")
    alone = cnnfs.Layer.from_arrays(weights, bias, "softmax")
    assert_same_bits(np.stack([alone(row) for row in x[:20]]), want[:20])


def test_no_neurons_and_one(isa, dtype):
    none = cnnfs.Layer.from_arrays(np.zeros((0, 3), dtype), None, "softmax")
    assert none(np.ones((4, 3), dtype)).shape == (4, 0)
    one = cnnfs.Layer.from_arrays(np.ones((1, 3), dtype), None, "softmax")
    assert_same_bits(one(np.ones((4, 3), dtype)), np.ones((4, 1), dtype))


def test_names():
    assert cnnfs.Activation.SOFTMAX == "softmax"
    layer = cnnfs.Layer(4, 3, cnnfs.Activation.SOFTMAX, rng=0)
    assert "softmax" in repr(layer)
    assert "softmax" in cnnfs.Network([layer]).summary()
    assert re.search("softmax", cnnfs.dense.__doc__)
