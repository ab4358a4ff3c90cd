"""Weights of rows and of classes, and the split for validation."""

import numpy as np
import pytest

from cnnfs.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from cnnfs.targets import check_weights, split

CE, BCE, MSE = CrossEntropy(), BinaryCrossEntropy(), MeanSquaredError()
Y = np.array([0, 1, 1, 2])


def weights(sample=None, classes=None, y=Y, loss=CE, n_outputs=3):
    made = check_weights(sample, classes, y, loss, len(y), n_outputs)
    assert made is None or (made.dtype == np.float64 and made.shape == (len(y),))
    return None if made is None else made.tolist()


def test_no_weights():
    assert weights() is None


def test_sample_weights():
    assert weights([1, 2, 0, 0.5]) == [1, 2, 0, 0.5]
    assert weights(np.array([True, False, True, True])) == [1, 0, 1, 1]
    mine = np.ones(8)[::2]
    mine[:] = 1, 2, 3, 4
    assert weights(mine, y=np.zeros((4, 1)), loss=MSE, n_outputs=1) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("sample", "error", "words"),
    [
        ([1, 2], ValueError, "sample_weight has 2 values, but X has 4 rows"),
        ([[1], [2], [3], [4]], ValueError, r"sample_weight must have shape \(4,\)"),
        (2.0, ValueError, r"sample_weight must have shape \(4,\)"),
        ([1, -2, 3, -4], ValueError, "sample_weight has -2.0 in row 1: weights must be at least 0"),
        ([1, 1, np.nan, 1], ValueError, "sample_weight has nan in row 2"),
        ([1, 1, np.inf, 1], ValueError, "sample_weight has inf in row 2"),
        ([0, 0, 0, 0], ValueError, "all weights are 0"),
        (list("abcd"), TypeError, "sample_weight has dtype"),
    ],
)
def test_refused_sample_weights(sample, error, words):
    with pytest.raises(error, match=words):
        weights(sample)


@pytest.mark.parametrize("classes", [{0: 2, 2: 0.5}, {2: 0.5, 0: 2.0, 1: 1}, [2, 1, 0.5]])
def test_class_weights(classes):
    assert weights(None, classes) == [2, 1, 1, 0.5]
    assert weights([1, 10, 100, 1000], classes) == [2, 10, 100, 500]


def test_balanced_class_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

    y = np.array([0, 2, 2, 2, 2, 0, 4])
    want = compute_sample_weight("balanced", y)
    assert weights(None, "balanced", y, n_outputs=5) == want.tolist()
    assert compute_class_weight("balanced", classes=np.array([0, 2, 4]), y=y).tolist() == [
        *(7 / 6, 7 / 12, 7 / 3)
    ]


def test_class_weights_of_two_classes_and_one_output():
    y = np.array([[0.0], [1.0], [1.0]], "float32")
    assert weights(None, {1: 3}, y, BCE, 1) == [1, 3, 3]
    assert weights(None, "balanced", y, BCE, 1) == [1.5, 0.75, 0.75]
    with pytest.raises(ValueError, match=r"y has 0.5 in row 1: class_weight needs labels 0 and 1"):
        weights(None, {1: 3}, np.array([[0.0], [0.5]]), BCE, 1)


@pytest.mark.parametrize(
    ("classes", "error", "words"),
    [
        ({3: 1}, ValueError, "class_weight has the label 3, but labels are 0 to 2"),
        ({"a": 1}, ValueError, "class_weight has the label 'a'"),
        ({0: -1}, ValueError, r"class_weight\[0\] must be at least 0"),
        ({0: "x"}, TypeError, r"class_weight\[0\] must be a number"),
        ([1, 2], ValueError, r"class_weight must be 3 numbers, .* shape \(2,\)"),
        ([1, -2, 1], ValueError, "class_weight has -2.0 in row 1"),
        ("even", ValueError, "class_weight must be \"balanced\".*'even'"),
        ([0, 0, 0], ValueError, "all weights are 0"),
    ],
)
def test_refused_class_weights(classes, error, words):
    with pytest.raises(error, match=words):
        weights(None, classes)


def test_class_weights_need_labels():
    with pytest.raises(ValueError, match=r"y has rows of probabilities: give y.argmax\(axis=1\)"):
        weights(None, "balanced", np.eye(3))
    for loss, n_outputs in ((MSE, 1), (BCE, 2)):
        with pytest.raises(ValueError, match="class_weight is for labels"):
            weights(None, "balanced", np.zeros((4, n_outputs)), loss, n_outputs)


@pytest.mark.parametrize(("n", "share", "count"), [(10, 0.2, 2), (100, 0.07, 7), (3, 0.5, 2)])
def test_split(n, share, count):
    train, validation = split(n, share, np.random.default_rng(0))
    assert len(validation) == count
    assert sorted([*train, *validation]) == list(range(n))
    for rows in (train, validation):
        assert rows.dtype == np.int64
        assert (np.diff(rows) > 0).all()


def test_a_split_is_drawn_from_the_generator():
    def draw(seed):
        return split(1000, 0.3, np.random.default_rng(seed))[1].tolist()

    assert draw(1) == draw(1) != draw(2)


@pytest.mark.parametrize(
    ("n", "share", "words"),
    [
        (10, 0.01, "validation_split=0.01 of 10 rows leaves none to validate with"),
        (10, 0.99, "validation_split=0.99 of 10 rows leaves none to train with"),
        (1, 0.5, "of 1 row leaves none"),
        (10, 0, "validation_split must be above 0 and below 1"),
        (10, 1.0, "validation_split must be above 0 and below 1"),
        (10, np.nan, "validation_split must be above 0 and below 1"),
    ],
)
def test_a_refused_split(n, share, words):
    with pytest.raises(ValueError, match=words):
        split(n, share, np.random.default_rng(0))


def test_a_split_that_is_no_number():
    for share in (True, "0.2", [0.2]):
        with pytest.raises(TypeError, match="validation_split must be a number"):
            split(10, share, np.random.default_rng(0))
