"""The loss objects: names, arguments, and which activations they go with."""

import copy
import pickle

import numpy as np
import pytest

from cnnfs.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    check_activations,
    loss_of,
)

NAMES = {
    "mse": MeanSquaredError(),
    "mean_squared_error": MeanSquaredError(),
    "mae": MeanAbsoluteError(),
    "mean_absolute_error": MeanAbsoluteError(),
    "huber": Huber(1.0),
    "huber_loss": Huber(1.0),
    "binary_cross_entropy": BinaryCrossEntropy(),
    "bce": BinaryCrossEntropy(),
    "cross_entropy": CrossEntropy(0.0),
    "categorical_cross_entropy": CrossEntropy(0.0),
}
OBJECTS = [
    MeanSquaredError(),
    MeanAbsoluteError(),
    Huber(0.5),
    BinaryCrossEntropy(),
    CrossEntropy(label_smoothing=0.1),
]


@pytest.mark.parametrize("name", NAMES)
def test_each_name_means_its_loss(name):
    assert loss_of(name, "linear") == NAMES[name]


def test_an_object_is_taken_as_it_is():
    for loss in OBJECTS:
        assert loss_of(loss, "relu") is loss
        assert loss_of(loss.name, "relu").name == loss.name


@pytest.mark.parametrize(
    ("activation", "name"),
    [("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy")]
    + [(a, "mse") for a in ("linear", "step", "relu", "tanh", "softplus")],
)
def test_without_a_wish_the_last_activation_decides(activation, name):
    assert loss_of(None, activation) == NAMES[name]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'MSE'.*mse.*mae.*huber.*binary_cross_entropy") as caught:
        loss_of("MSE", "linear")
    assert '"cross_entropy"' in str(caught.value)


def test_a_class_is_no_loss_and_the_error_says_what_to_write():
    with pytest.raises(TypeError, match=r"write Huber\(\)"):
        loss_of(Huber, "linear")


@pytest.mark.parametrize("given", [Loss(), 3, object(), ["mse"], len])
def test_other_things_are_no_loss(given):
    with pytest.raises(TypeError, match="loss must be a name or a loss"):
        loss_of(given, "linear")


def test_parameter():
    assert [loss.parameter for loss in OBJECTS] == [0.0, 0.0, 0.5, 0.0, 0.1]
    assert type(Huber(2).parameter) is type(CrossEntropy(0).parameter) is float


def test_equality_repr_hash_copy_and_pickle():
    for loss in OBJECTS:
        twin = pickle.loads(pickle.dumps(loss))
        assert twin == loss == copy.deepcopy(loss) == copy.copy(loss)
        assert hash(twin) == hash(loss)
        assert eval(repr(loss)) == loss
    assert Huber(1.0) != Huber(2.0)
    assert MeanSquaredError() != MeanAbsoluteError()
    assert repr(Huber(np.float32(0.5))) == "Huber(delta=0.5)"


def test_a_loss_does_not_change():
    with pytest.raises(AttributeError):
        Huber().delta = 2.0


@pytest.mark.parametrize("delta", [0, -1.0, np.nan, np.inf])
def test_huber_refuses_delta(delta):
    with pytest.raises(ValueError, match="delta must be above 0"):
        Huber(delta)


@pytest.mark.parametrize("share", [-0.1, 1.01, np.nan, -np.inf])
def test_cross_entropy_refuses_label_smoothing(share):
    with pytest.raises(ValueError, match="label_smoothing must be at least 0 and at most 1"):
        CrossEntropy(share)


@pytest.mark.parametrize("kind", [Huber, CrossEntropy])
@pytest.mark.parametrize("value", ["1", None, True, 1j, [1.0]])
def test_what_is_no_number_is_refused(kind, value):
    with pytest.raises(TypeError, match="must be a number"):
        kind(value)


@pytest.mark.parametrize("activations", [["step"], ["relu", "step"], ["step", "softmax"]])
def test_step_can_not_be_trained(activations):
    place = activations.index("step")
    with pytest.raises(ValueError, match=f"layer {place} .*step.*sigmoid.*tanh.*relu"):
        check_activations(loss_of(None, activations[-1]), activations)


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh"])
def test_cross_entropy_needs_softmax_or_logits(activation):
    words = f'"cross_entropy" needs .*"softmax".*"linear".*logits.*"{activation}"'
    with pytest.raises(ValueError, match=words):
        check_activations(CrossEntropy(), ["softmax", activation])


@pytest.mark.parametrize("activation", ["softmax", "relu", "tanh"])
def test_binary_cross_entropy_needs_sigmoid_or_logits(activation):
    words = f'"binary_cross_entropy" needs .*"sigmoid".*"linear".*logits.*"{activation}"'
    with pytest.raises(ValueError, match=words):
        check_activations(BinaryCrossEntropy(), ["sigmoid", activation])


def test_what_fits_passes():
    for last in ("softmax", "linear"):
        check_activations(CrossEntropy(), ["relu", last])
    for last in ("sigmoid", "linear"):
        check_activations(BinaryCrossEntropy(), ["softmax", last])
    for loss in (MeanSquaredError(), MeanAbsoluteError(), Huber()):
        for last in ("linear", "softmax", "sigmoid", "gelu"):
            check_activations(loss, ["relu", last])
