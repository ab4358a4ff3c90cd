"""The inputs of a training: what is taken, what is not copied, the words of every refusal."""

import numpy as np
import pytest
from helpers import layouts, spread

from cnnfs.targets import check_inputs


def test_every_layout_gives_the_same_array(dtype, rng, tmp_path):
    x = spread(rng, (7, 4), dtype)
    for name, given in layouts(x, tmp_path):
        made = check_inputs(given, 4, dtype)
        assert made.dtype == dtype, name
        assert made.dtype.isnative, name
        assert made.flags.c_contiguous, name
        assert made.flags.aligned, name
        assert made.tobytes() == x.tobytes(), name


def test_what_is_right_is_not_copied(dtype):
    x = np.ones((7, 4), dtype)
    assert check_inputs(x, 4, dtype) is x
    x.flags.writeable = False
    assert check_inputs(x, 4, dtype) is x


def test_what_must_be_cast_is_a_copy():
    x = np.ones((7, 4), "float64")
    assert not np.shares_memory(check_inputs(x, 4, "float32"), x)


@pytest.mark.parametrize("kind", ["bool", "int8", "uint64", "float16", "float64", "longdouble"])
def test_other_real_numbers_are_cast(kind, dtype):
    made = check_inputs(np.eye(3).astype(kind), 3, dtype)
    assert made.dtype == dtype
    assert made.tolist() == np.eye(3).tolist()


def test_lists_and_things_that_become_arrays(dtype):
    class Frame:  # as a DataFrame does
        def __array__(self, dtype=None, copy=None):
            return np.ones((2, 3))

    class Mine(np.ndarray):
        pass

    for x in ([[1, 1, 1]] * 2, ((1.0,) * 3,) * 2, Frame(), np.ones((2, 3)).view(Mine)):
        made = check_inputs(x, 3, dtype)
        assert type(made) is np.ndarray
        assert made.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_an_error_of_the_conversion_is_the_user_s():
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise LookupError("my own words")

    with pytest.raises(LookupError, match="my own words"):
        check_inputs(Broken(), 3, "float32")


def test_one_row():
    assert check_inputs([1, 2, 3], 3, "float32", "x", one_row=True).tolist() == [[1, 2, 3]]
    assert check_inputs([[1, 2, 3]], 3, "float32", "x", one_row=True).shape == (1, 3)
    with pytest.raises(ValueError, match="x has 2 features, but the network takes 3"):
        check_inputs([1, 2], 3, "float32", "x", one_row=True)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3,), r"X must have shape \(rows, features\), but has shape \(3,\)\. One sample: X.resh"),
        ((), r"but has shape \(\)$"),
        ((2, 3, 1), r"but has shape \(2, 3, 1\)$"),
        ((2, 1), "X has 1 feature, but the network takes 3"),
        ((0, 2), "X has 2 features, but the network takes 3"),
        ((0, 3), "X has no rows"),
    ],
)
def test_a_wrong_shape(shape, words):
    with pytest.raises(ValueError, match=words):
        check_inputs(np.zeros(shape), 3, "float32")


def test_the_name_in_errors():
    words = r"X of validation_data must have shape .*One sample: X.reshape\(1, -1\)"
    with pytest.raises(ValueError, match=words):
        check_inputs(np.zeros(3), 3, "float32", "X of validation_data")


def test_no_features_for_a_network_without_inputs():
    assert check_inputs(np.zeros((2, 0)), 0, "float32").shape == (2, 0)


def test_lists_of_different_lengths():
    with pytest.raises(ValueError, match=r"X can't be made an array: .*inhomogeneous"):
        check_inputs([[1, 2], [3]], 2, "float32")


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (None, "X must be an array, not None"),
        (np.ones((2, 3), complex), "X has dtype complex128; cnnfs takes real numbers"),
        ([["a", "b", "c"]], "X has dtype <U1"),
        (np.ones((2, 3), object), "X has dtype object"),
        (np.zeros((2, 3), "M8[s]"), "X has dtype datetime64"),
        (np.zeros((2, 3), [("a", "f4")]), "X has dtype"),
        (np.ma.masked_array(np.ones((2, 3))), "X is a masked array"),
    ],
)
def test_a_wrong_kind(x, words):
    with pytest.raises(TypeError, match=words) as caught:
        check_inputs(x, 3, "float32")
    assert "unique" not in str(caught.value)


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_array", "coo_array"])
def test_sparse_arrays(kind):
    import scipy.sparse

    with pytest.raises(TypeError, match=r"X is a sparse array; give X.toarray\(\)"):
        check_inputs(getattr(scipy.sparse, kind)(np.eye(3)), 3, "float32")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_number_that_is_not_finite_is_named(bad, dtype):
    x = np.zeros((5, 3), dtype)
    x[4, 0], x[2, 1], x[2, 2] = -bad, bad, -bad
    for given in (x, np.asfortranarray(x), x.astype("longdouble")):
        with pytest.raises(ValueError, match=f"X has {bad} in row 2, column 1: .* finite"):
            check_inputs(given, 3, dtype)


def test_infinities_that_cancel_are_found(dtype):
    with pytest.raises(ValueError, match="X has inf in row 0, column 0"):
        check_inputs([[np.inf, -np.inf]], 2, dtype)


def test_large_numbers_whose_sum_overflows_are_fine(dtype):
    x = np.full((5, 3), np.finfo(dtype).max, dtype)
    assert check_inputs(x, 3, dtype) is x


def test_what_float32_can_not_hold_is_named():
    with pytest.raises(ValueError, match=r"X has 1e\+300 in row 1, .*: too large for float32"):
        check_inputs([[1.0], [1e300]], 1, "float32")
    assert check_inputs([[1.0], [1e300]], 1, "float64").shape == (2, 1)
