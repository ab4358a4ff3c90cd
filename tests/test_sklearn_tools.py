"""The estimators in scikit-learn's own tools: searches, pipelines, processes."""

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from reference import assert_same_bits
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cnnfs
from cnnfs.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def iris():
    x, y = load_iris(return_X_y=True)
    return (x - x.mean(axis=0)) / x.std(axis=0), np.array(["set", "ver", "vir"])[y]


def classifier(**options):
    return MLPClassifier(16, learning_rate_init=0.02, max_iter=60, random_state=0, **options)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_grid_search(iris, n_jobs):
    grid = {
        "activation": ["tanh", ("gelu",)],
        "hidden_layer_sizes": [(8,), 16],
        "dropout": [0.0, 0.1],
        "class_weight": [None, "balanced"],
    }
    search = GridSearchCV(classifier(), grid, cv=2, n_jobs=n_jobs).fit(*iris)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_score_ > 0.9
    assert search.best_estimator_.network_.n_inputs == 4


def test_a_random_search_in_a_pipeline(iris):
    model = make_pipeline(StandardScaler(), classifier())
    space = {"mlpclassifier__alpha": 10.0 ** np.arange(-5, 1), "mlpclassifier__solver": ["adam"]}
    search = RandomizedSearchCV(model, space, n_iter=3, cv=2, random_state=0).fit(*iris)
    assert search.score(*iris) > 0.9
    net = cnnfs.from_sklearn(search.best_estimator_)
    assert (search.classes_[net(iris[0]).argmax(axis=1)] == search.predict(iris[0])).all()


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_give_the_bits_of_one_process(iris, backend):
    """Processes train their folds, and send the networks back."""
    x, y = iris

    def train(seed):
        return clone(classifier()).set_params(random_state=seed, dropout=0.1).fit(x, y)

    alone = [train(seed) for seed in range(3)]
    with parallel_config(backend=backend, n_jobs=2):
        models = Parallel()(delayed(train)(seed) for seed in range(3))
        scores = cross_val_score(classifier(), x, y, cv=3)
    for one, other in zip(alone, models, strict=True):
        assert_same_bits(one.predict_proba(x), other.predict_proba(x))
    assert (scores == cross_val_score(classifier(), x, y, cv=3)).all()


def test_cross_validation(iris):
    x, y = iris
    assert cross_val_score(classifier(early_stopping=True, tol=0), x, y, cv=3).shape == (3,)
    assert cross_val_predict(classifier(), x, y, cv=3, method="predict_proba").shape == (150, 3)
    assert learning_curve(classifier(), x, y, cv=2, train_sizes=[0.5, 1.0])[1].shape == (2, 2)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(method):
    x, y = load_breast_cancer(return_X_y=True)
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype("float32")
    model = CalibratedClassifierCV(classifier(), method=method, cv=3).fit(x, y)
    assert model.score(x, y) > 0.95
    assert model.predict_proba(x).shape == (len(x), 2)


def test_ensembles_and_the_like(iris):
    x, y = iris
    two = [("a", classifier()), ("b", classifier(activation="tanh"))]
    assert VotingClassifier(two, voting="soft").fit(x, y).score(x, y) > 0.9
    assert StackingClassifier(two, cv=2).fit(x, y).score(x, y) > 0.9
    assert (
        BaggingClassifier(classifier(), n_estimators=2, random_state=0).fit(x, y).score(x, y) > 0.9
    )
    columns = np.stack([y, y[::-1]], axis=1)
    assert MultiOutputClassifier(classifier()).fit(x, columns).predict(x).shape == columns.shape
    importance = permutation_importance(classifier().fit(x, y), x, y, n_repeats=2, random_state=0)
    assert importance.importances_mean.shape == (4,)


def test_a_scaled_regression_becomes_one_network():
    x, y = load_diabetes(return_X_y=True)
    scaled = make_pipeline(StandardScaler(), MLPRegressor(16, max_iter=80, random_state=0))
    model = TransformedTargetRegressor(scaled, transformer=StandardScaler()).fit(x, y)
    net = cnnfs.from_sklearn(model)
    np.testing.assert_allclose(net(x)[:, 0], model.predict(x), rtol=1e-9)
    assert len(net) == 2


def test_clones_have_the_arguments_and_nothing_else(iris):
    loss = cnnfs.Huber(0.5)
    for model in (
        classifier(activation=["gelu"], class_weight={"set": 2.0}),
        MLPRegressor(loss=loss, callbacks=[cnnfs.EarlyStopping()]),
    ):
        twin = clone(model)
        assert repr(twin) == repr(model)
        assert not hasattr(twin, "network_")
    assert clone(MLPRegressor(loss=loss)).loss == loss
    assert set(classifier().get_params()) == set(classifier().set_params(alpha=1).get_params())


def test_names_of_features(iris):
    pandas = pytest.importorskip("pandas")
    x, y = iris
    frame = pandas.DataFrame(x, columns=["a", "b", "c", "d"])
    model = classifier().fit(frame, y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])
