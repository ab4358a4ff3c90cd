"""What users of scikit-learn's networks were refused."""

import numpy as np
import pytest
from reference import assert_same_bits
from sklearn.datasets import load_digits, load_iris, make_classification

import cnnfs
from cnnfs.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def iris():
    x, y = load_iris(return_X_y=True)
    return (x - x.mean(axis=0)) / x.std(axis=0), y


def weights_of(model):
    return [*model.coefs_, *model.intercepts_]


def assert_same_weights(a, b):
    for p, q in zip(weights_of(a), weights_of(b), strict=True):
        assert_same_bits(p, q)


def test_an_activation_for_each_layer(iris):
    model = MLPClassifier((5, 4, 3), ["gelu", "logistic", "identity"], max_iter=3).fit(*iris)
    names = [str(layer.activation) for layer in model.network_]
    assert names == ["gelu", "sigmoid", "linear", "softmax"]
    assert (model.n_layers_, model.n_outputs_, model.out_activation_) == (5, 3, "softmax")
    assert [w.shape for w in model.coefs_] == [(4, 5), (5, 4), (4, 3), (3, 3)]
    for name in cnnfs.Activation:
        if name != "step":
            model = MLPClassifier(6, name, learning_rate_init=0.01, max_iter=80, random_state=0)
            assert model.fit(*iris).score(*iris) > 0.85


def test_dropout(iris):
    x, y = iris
    model = MLPClassifier((50, 40), dropout=[0.5, 0.0], max_iter=3, random_state=0).fit(x, y)
    assert [type(part).__name__ for part in model.network_] == [
        "Layer",
        "Dropout",
        "Layer",
        "Layer",
    ]
    plain = MLPClassifier((50, 40), max_iter=3, random_state=0).fit(x, y)
    assert model.loss_ != plain.loss_
    assert_same_bits(model.predict_proba(x), model.predict_proba(x))
    twice = MLPClassifier((50, 40), dropout=0.5, max_iter=3, random_state=0).fit(x, y)
    assert repr(twice.network_).count("Dropout(0.5)") == 2


@pytest.mark.parametrize("class_weight", [{0: 1, 1: 30}, "balanced"])
def test_class_weight(class_weight, rng):
    x, y = make_classification(400, 5, weights=[0.95], flip_y=0.05, random_state=0)
    plain, weighted = (
        MLPClassifier(8, class_weight=w, max_iter=60, random_state=0).fit(x, y)
        for w in (None, class_weight)
    )
    assert weighted.predict(x).sum() > 1.5 * plain.predict(x).sum()
    by_hand = {0: 1, 1: 30} if class_weight != "balanced" else dict(enumerate(200 / np.bincount(y)))
    sample_weight = np.array([by_hand[label] for label in y], float)
    again = MLPClassifier(8, max_iter=60, random_state=0).fit(x, y, sample_weight)
    for p, q in zip(weights_of(again), weights_of(weighted), strict=True):
        np.testing.assert_allclose(p, q, atol=1e-6)


def test_class_weight_with_labels_of_any_kind_and_sample_weight(iris, rng):
    x, y = iris
    names = np.array(["a", "b", "c"])[y]
    weights = rng.uniform(0.5, 2, len(y))
    weights_by_name = {"a": 2, "b": 1, "c": 0}
    model = MLPClassifier(8, class_weight=weights_by_name, learning_rate_init=0.05, random_state=0)
    assert "c" not in model.fit(x, names, weights).predict(x)
    several = np.eye(3, dtype=int)[y]
    MLPClassifier(8, class_weight="balanced", max_iter=2).fit(x, several)
    with pytest.raises(ValueError, match='class_weight="balanced" needs all rows at once'):
        MLPClassifier(class_weight="balanced").partial_fit(x, y, classes=[0, 1, 2])


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "mae", cnnfs.Huber(0.5), "mse"])
def test_losses_of_regression(loss, rng):
    """Outliers hardly move a network that learns by the absolute error or Huber's."""
    x = rng.uniform(-1, 1, (300, 2))
    clean = x[:, 0] - x[:, 1]
    y = clean + 60 * (rng.random(300) < 0.05)
    model = MLPRegressor(16, loss=loss, learning_rate_init=0.01, max_iter=300, random_state=0)
    error = np.abs(model.fit(x, y).predict(x) - clean).mean()
    assert error > 1 if loss == "mse" else error < 0.25


def test_callbacks_and_history(iris):
    x, y = iris
    seen = []
    model = MLPClassifier(6, callbacks=seen.append, max_iter=5, random_state=0).fit(x, y)
    assert [epoch.number for epoch in seen] == [1, 2, 3, 4, 5]
    assert seen[0].network is model.network_
    model = MLPClassifier(6, callbacks=[lambda epoch: epoch.number == 3]).fit(x, y)
    assert model.n_iter_ == 3
    assert model.history_["loss"] == model.loss_curve_
    assert set(model.history_) == {"loss", "accuracy"}
    assert model.validation_scores_ is None


def test_validation_data(iris):
    x, y = iris
    given = (x[::2], y[::2])
    model = MLPClassifier(6, max_iter=7, random_state=0).fit(x, y, validation_data=given)
    plain = MLPClassifier(6, max_iter=7, random_state=0).fit(x, y)
    assert_same_weights(model, plain)
    assert len(model.history_["val_accuracy"]) == 7
    assert model.history_["val_accuracy"][-1] == model.score(*given)
    assert model.validation_scores_ is None
    early = MLPClassifier(6, early_stopping=True, max_iter=7, random_state=0)
    early.fit(x, y, validation_data=given)
    assert (
        early.validation_scores_ == early.history_["val_accuracy"] == model.history_["val_accuracy"]
    )
    weighted = (*given, np.r_[np.ones(25), np.zeros(50)])
    model = MLPClassifier(6, max_iter=7, random_state=0).fit(x, y, validation_data=weighted)
    assert model.history_["val_accuracy"][-1] == model.score(x[:50:2], y[:50:2])


def test_digits():
    x, y = load_digits(return_X_y=True)
    model = MLPClassifier(64, dropout=0.2, dtype="float32", early_stopping=True, random_state=0)
    assert model.fit(x[:1300] / 16, y[:1300]).score(x[1300:] / 16, y[1300:]) > 0.85
