"""The targets of a training: what is taken, and the words of every refusal."""

import numpy as np
import pytest

from cnnfs.losses import BinaryCrossEntropy, CrossEntropy, Huber, MeanSquaredError
from cnnfs.targets import check_targets

CE, BCE, MSE = CrossEntropy(), BinaryCrossEntropy(), MeanSquaredError()


def labels(y, n_outputs=3, n_rows=None, **options):
    n_rows = len(y) if n_rows is None else n_rows
    return check_targets(y, n_rows, n_outputs, CE, "float32", **options)


@pytest.mark.parametrize(
    "y",
    [
        [0, 2, 1],
        (0, 2, 1),
        [0.0, 2.0, 1.0],
        [[0], [2], [1]],
        np.array([0, 2, 1], "uint8"),
        np.array([0, 2, 1], ">i4"),
        np.array([0, 2, 1], "float16"),
        np.array([0, 9, 2, 9, 1, 9])[::2],
        np.asfortranarray([[0.0], [2.0], [1.0]]),
    ],
)
def test_labels(y):
    made = labels(y)
    assert made.dtype == np.int64
    assert made.tolist() == [0, 2, 1]
    assert made.flags.c_contiguous
    assert made.flags.aligned


def test_bool_labels_and_one_class():
    assert labels([True, False], 2).tolist() == [1, 0]
    assert labels([0, 0], 1).tolist() == [0, 0]
    assert labels([[0], [0]], 1).tolist() == [0, 0]
    assert labels([[1.0], [1.0]], 1).tolist() == [[1.0], [1.0]]  # one-hot, of one class


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([0, 3, 4], "y has 3 in row 1: labels are whole numbers from 0 to 2, .* 3 outputs"),
        ([0, -1, 4], "y has -1 in row 1"),
        ([[0], [0], [3]], "y has 3 in row 2"),
        ([0.0, 0.5, 1.0], "y has 0.5 in row 1: labels are whole numbers"),
        ([0.0, 1.0, np.nan], "y has nan in row 2"),
        ([0.0, np.inf, 1.0], "y has inf in row 1"),
        (np.array([0, 2**64 - 1], "uint64"), "y has 18446744073709551615 in row 1"),
        ([1e300, 0.0], "y has 1e.300 in row 0"),
    ],
)
def test_labels_out_of_range(y, words):
    with pytest.raises(ValueError, match=words):
        labels(y)


@pytest.mark.parametrize("loss", [CE, BCE, MSE])
@pytest.mark.parametrize(
    "y", [["a", "b"], np.array(["a", "b"], object), np.array([b"a", b"b"]), [["a"], ["b"]]]
)
def test_text_is_refused_with_the_way_to_encode_it(loss, y):
    with pytest.raises(TypeError, match=r"y has dtype .*numpy.unique\(y, return_inverse=True\)"):
        check_targets(y, 2, 1, loss, "float32")


@pytest.mark.parametrize("y", [None, [1j, 0], np.array([object()] * 2), np.ma.masked_array([0, 1])])
def test_other_kinds_of_targets(y):
    with pytest.raises(TypeError, match=r"^y ") as caught:
        check_targets(y, 2, 1, MSE, "float32")
    assert "unique" not in str(caught.value)


@pytest.mark.parametrize(
    ("y", "loss", "words"),
    [
        ([0] * 5, CE, "y has 5 labels, but X has 7 rows"),
        ([0.0], MSE, "y has 1 value, but X has 7 rows"),
        ([[1, 0]] * 5, CE, "y has 5 rows, but X has 7 rows"),
        ([], BCE, "y has 0 values, but X has 7 rows"),
    ],
)
def test_another_number_of_rows(y, loss, words):
    with pytest.raises(ValueError, match=words):
        check_targets(y, 7, 2, loss, "float32")


def test_the_names_in_errors():
    with pytest.raises(ValueError, match="the validation labels has 1 label, but its X has 2 rows"):
        labels([0], 3, 2, name="the validation labels", x_name="its X")


@pytest.mark.parametrize("y", [0, 1.0, np.zeros((2, 2, 2))])
def test_another_number_of_dimensions(y):
    with pytest.raises(ValueError, match="y must have 1 or 2 dimensions"):
        check_targets(y, 2, 2, MSE, "float32")


def test_probabilities(dtype):
    y = np.array([[0.25, 0.75], [1, 0]])
    made = check_targets(y, 2, 2, CE, dtype)
    assert made.dtype == dtype
    assert (made == y).all()
    for kind in (int, bool):
        assert check_targets(np.eye(3, dtype=kind), 3, 3, CE, dtype).tolist() == np.eye(3).tolist()
    third = np.full((4, 3), 1 / 3)
    assert check_targets(third, 4, 3, CE, dtype).shape == (4, 3)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([[1, 0], [0.5, 0.4]], r"row 1 of y sums to 0\.9, but .* must sum to 1.*shape \(2,\)"),
        ([[1, 0], [0, 0]], "row 1 of y sums to 0,"),
        ([[1, 0], [1.5, -0.5]], "y has -0.5 in row 1, column 1: probabilities must be at least 0"),
        ([[1, 0], [np.nan, 1]], "y has nan in row 1, column 0"),
        ([[1, 0, 0], [0, 1, 0]], "y has 3 columns, but the network has 2 outputs"),
    ],
)
def test_refused_probabilities(y, words):
    with pytest.raises(ValueError, match=words):
        check_targets(y, 2, 2, CE, "float32")


@pytest.mark.parametrize("loss", [MSE, Huber(), BCE])
def test_vectors_and_columns_for_one_output(loss, dtype):
    for y in ([0, 1, 1], [[0.0], [1.0], [1.0]], [False, True, True]):
        made = check_targets(y, 3, 1, loss, dtype)
        assert made.dtype == dtype
        assert made.tolist() == [[0.0], [1.0], [1.0]]
        assert made.flags.c_contiguous


@pytest.mark.parametrize("loss", [MSE, BCE])
def test_several_outputs(loss, dtype):
    y = np.asfortranarray([[0.0, 1.0], [0.5, 0.25], [1.0, 0.0]])
    made = check_targets(y, 3, 2, loss, dtype)
    assert made.flags.c_contiguous
    assert (made == y).all()
    with pytest.raises(ValueError, match=r"y has shape \(3,\), .*2 outputs.*shape \(3, 2\)"):
        check_targets([0, 1, 1], 3, 2, loss, dtype)
    with pytest.raises(ValueError, match="y has 2 columns, but the network has 1 output"):
        check_targets(y, 3, 1, loss, dtype)
    with pytest.raises(ValueError, match="y has 1 column, but the network has 2 outputs"):
        check_targets(y[:, :1], 3, 2, loss, dtype)


def test_targets_that_are_right_are_not_copied(dtype):
    y = np.ones((3, 2), dtype)
    assert check_targets(y, 3, 2, MSE, dtype) is y
    assert np.shares_memory(check_targets(y[:, 0].copy(), 3, 1, MSE, dtype), y) is False
    column = np.ones(3, dtype)
    assert np.shares_memory(check_targets(column, 3, 1, MSE, dtype), column)


@pytest.mark.parametrize("value", [-0.1, 1.1, -1, 2])
def test_binary_targets_out_of_range(value):
    with pytest.raises(ValueError, match=r"row 1, column 0: binary_cross_entropy takes .* 0 to 1"):
        check_targets([0, value], 2, 1, BCE, "float32")
    assert check_targets([0, value], 2, 1, MSE, "float32").shape == (2, 1)


def test_targets_must_be_finite():
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match=f"y has {bad} in row 1, column 0"):
            check_targets([0, bad], 2, 1, MSE, "float32")
    with pytest.raises(ValueError, match=r"y has 1e.300 in row 1, .*: too large for float32"):
        check_targets([0, 1e300], 2, 1, MSE, "float32")


def test_the_target_of_one_row():
    assert labels(2, 3, 1, one_row=True).tolist() == [2]
    assert labels([2], 3, 1, one_row=True).tolist() == [2]
    assert labels([0, 0.5, 0.5], 3, 1, one_row=True).tolist() == [[0, 0.5, 0.5]]
    assert labels([[0, 1, 0]], 3, 1, one_row=True).tolist() == [[0, 1, 0]]
    for y in (0.5, [0.5], [[0.5]]):
        assert check_targets(y, 1, 1, MSE, "float32", one_row=True).tolist() == [[0.5]]
    assert check_targets([1, 2], 1, 2, MSE, "float32", one_row=True).tolist() == [[1, 2]]
    with pytest.raises(ValueError, match="y has 2 values, but X has 1 row"):
        check_targets([1, 2], 1, 3, MSE, "float32", one_row=True)
