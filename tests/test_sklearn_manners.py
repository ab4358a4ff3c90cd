"""How the estimators go on, are copied, and take all kinds of targets."""

import copy
import pickle

import numpy as np
import pytest
from reference import assert_same_bits
from sklearn.datasets import load_iris, make_regression

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


def test_dtypes(iris):
    x, y = iris
    for given, dtype, wanted in [
        (x, None, "float64"),
        (x.astype("float32"), None, "float32"),
        (x, "float32", "float32"),
        (x.astype("float32"), "float64", "float64"),
        (x.astype("float32"), np.float64, "float64"),
        ((8 * x).astype(int), None, "float64"),
    ]:
        model = MLPClassifier(6, dtype=dtype, max_iter=2).fit(given, y)
        assert model.network_.dtype == wanted
        assert model.predict_proba(given).dtype == wanted


def test_the_network_gives_what_predict_does(iris):
    x, y = iris
    model = MLPClassifier(6, max_iter=5).fit(x, y)
    assert_same_bits(model.network_(x), model.predict_proba(x))
    two = MLPClassifier(6, max_iter=5).fit(x, y > 0)
    assert_same_bits(two.network_(x)[:, 0], two.predict_proba(x)[:, 1])
    numbers = MLPRegressor(6, max_iter=5).fit(x, y)
    assert_same_bits(numbers.network_(x)[:, 0], numbers.predict(x))
    for each in (model, two, numbers):
        assert cnnfs.from_sklearn(each) == each.network_


def test_the_same_random_state_gives_the_same_bits(iris):
    models = [
        MLPClassifier(6, dropout=0.1, random_state=7, max_iter=9).fit(*iris) for _ in range(2)
    ]
    assert_same_weights(*models)
    other = MLPClassifier(6, dropout=0.1, random_state=8, max_iter=9).fit(*iris)
    assert other.loss_ != models[0].loss_
    drawn = [
        MLPClassifier(6, random_state=np.random.RandomState(3), max_iter=2).fit(*iris)
        for _ in range(2)
    ]
    assert_same_weights(*drawn)


# ---- going on ----------------------------------------------------------------------------------


def test_warm_start(iris):
    x, y = iris
    model = MLPClassifier(6, warm_start=True, max_iter=5, random_state=0).fit(x, y)
    first = model.network_
    model.fit(x, y)
    assert model.network_ is first
    assert (model.n_iter_, len(model.loss_curve_), model.t_) == (5, 10, 10 * len(x))
    assert model.loss_ < model.loss_curve_[0]
    with pytest.raises(ValueError, match=r"labels that are not in classes_"):
        model.fit(x, y + 1)
    with pytest.raises(ValueError, match="5 features"):
        model.fit(np.hstack([x, x[:, :1]]), y)
    model.set_params(warm_start=False).fit(x, y)
    assert model.network_ is not first
    assert len(model.loss_curve_) == 5


def test_partial_fit_is_an_epoch(iris):
    x, y = iris
    model = MLPClassifier(6, random_state=0, learning_rate_init=0.01)
    for _ in range(30):
        model.partial_fit(x, y, classes=np.unique(y))
    assert (len(model.loss_curve_), model.t_, model.n_iter_) == (30, 30 * len(x), 1)
    # The optimizer goes on: the same as one fit of so many epochs.
    whole = MLPClassifier(6, random_state=0, learning_rate_init=0.01, max_iter=30, tol=0).fit(x, y)
    assert whole.loss_curve_ == pytest.approx(model.loss_curve_, rel=1e-6)


def test_partial_fit_with_few_of_the_classes(iris):
    x, y = iris
    model = MLPClassifier(6, random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(x, y)
    model.partial_fit(x[y == 2], y[y == 2], classes=[2, 0, 1])
    assert model.classes_.tolist() == [0, 1, 2]
    model.partial_fit(x, y)
    with pytest.raises(ValueError, match="is not the same as on the last call"):
        model.partial_fit(x, y, classes=[0, 1])
    with pytest.raises(ValueError, match="labels that are not in classes_"):
        model.partial_fit(x, y + 1)
    with pytest.raises(ValueError, match="early_stopping must be False"):
        MLPClassifier(early_stopping=True).partial_fit(x, y, classes=[0, 1, 2])
    several = np.eye(3, dtype=int)[y]
    model = MLPClassifier(6, random_state=0).partial_fit(x, several, classes=[0, 1, 2])
    assert model.predict(x).shape == several.shape


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_go_on_with_partial_fit(copied, iris):
    x, y = iris
    model = MLPRegressor(6, random_state=0, solver="sgd")
    for _ in range(3):
        model.partial_fit(x, y)
    twin = copied(model)
    assert_same_weights(model, twin)
    for each in (model, twin, copied(twin)):
        each.partial_fit(x, y).partial_fit(x, y)
        assert_same_weights(each, model)
    again = copied(model.fit(x, y))
    assert again.network_ == model.network_
    assert again.loss_curve_ == model.loss_curve_
    assert_same_weights(again.partial_fit(x, y), model.partial_fit(x, y))


def test_early_stopping_may_be_switched_between_fits(iris):
    x, y = iris
    model = MLPClassifier(6, early_stopping=True, max_iter=5, random_state=0).fit(x, y)
    model.set_params(early_stopping=False).partial_fit(x, y)
    assert model.best_validation_score_ is None
    assert model.best_loss_ == model.loss_
    model.set_params(early_stopping=True, warm_start=True).fit(x, y)
    assert model.best_loss_ is None
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_early_stopping_keeps_the_best_weights_over_warm_starts(iris):
    x, y = iris
    model = MLPClassifier(
        16, early_stopping=True, warm_start=True, max_iter=60, random_state=0
    ).fit(x, y, validation_data=(x, y))
    before, best = model.coefs_, model.best_validation_score_
    model.set_params(learning_rate_init=1e-9, max_iter=3).fit(x, y, validation_data=(x, y))
    assert model.best_validation_score_ == best
    for got, want in zip(model.coefs_, before, strict=True):
        np.testing.assert_array_equal(got, want)


# ---- kinds of targets --------------------------------------------------------------------------


def test_several_labels_a_row(iris):
    x, y = iris
    several = np.stack([y > 0, y == 1, x[:, 0] > 0], axis=1).astype(int)
    options = {"max_iter": 300, "random_state": 0, "learning_rate_init": 0.01}
    model = MLPClassifier(20, early_stopping=True, n_iter_no_change=200, **options).fit(x, several)
    assert model.out_activation_ == "logistic"
    assert model.predict(x).dtype.kind == "i"
    assert model.score(x, several) > 0.8
    assert model.classes_.tolist() == [0, 1, 2]
    assert ((model.predict_proba(x) > 0.5) == model.predict(x)).all()
    held_out = np.array(model.validation_scores_) * 15
    assert held_out == pytest.approx(held_out.round())


def test_one_class_alone(iris):
    x, _ = iris
    model = MLPClassifier(6, max_iter=2).fit(x, np.full(len(x), "only"))
    assert (model.predict(x) == "only").all()
    assert (model.predict_proba(x) == np.ones((len(x), 1))).all()


def test_several_numbers_a_row():
    x, y = make_regression(300, 5, n_targets=3, random_state=0)
    y /= y.std(axis=0)
    model = MLPRegressor(32, max_iter=300, learning_rate_init=0.01, random_state=0).fit(x, y)
    assert model.predict(x).shape == y.shape
    assert model.score(x, y) > 0.99
    assert set(model.history_) == {"loss", "r2", "mae"}
    with pytest.raises(ValueError, match="y has 1 outputs, but the network"):
        model.set_params(warm_start=True).fit(x, y[:, 0])


def test_log_probabilities(iris):
    x, y = iris
    model = MLPClassifier(6, max_iter=5).fit(x, y)
    assert_same_bits(model.predict_log_proba(x), np.log(model.predict_proba(x)))
    model.predict_log_proba(1e6 * x)  # no warning of log(0)
