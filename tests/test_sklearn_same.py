"""The estimators beside scikit-learn's: the same steps, the same curves, as good a result."""

import inspect
import warnings

import numpy as np
import pytest
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

import cnnfs.sklearn

KINDS = ["two", "four", "several", "number", "numbers"]
N = 120


def table(kind, rng):
    x = rng.normal(size=(N, 6))
    y = {
        "two": np.array(["yes", "no"])[rng.integers(0, 2, N)],
        "four": rng.integers(0, 4, N) - 7,
        "several": rng.integers(0, 2, (N, 3)),
        "number": rng.normal(size=N),
        "numbers": rng.normal(size=(N, 3)),
    }[kind]
    return x, y


def both(kind, x, y, sample_weight=None, **options):
    """scikit-learn's and ours, fitted; neither shuffles."""
    name = "MLPRegressor" if kind.startswith("number") else "MLPClassifier"
    options = {"hidden_layer_sizes": (8, 5), "shuffle": False, "random_state": 3} | options
    options = {"max_iter": 20, "learning_rate_init": 0.01} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for module in (neural_network, cnnfs.sklearn):
            model = getattr(module, name)(**options)
            if sample_weight is None:
                yield model.fit(x, y)
            else:
                yield model.fit(x, y, sample_weight=sample_weight)


def distance(a, b):
    pairs = zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True)
    return max(np.abs(p - q).max() for p, q in pairs)


def assert_same(theirs, ours, tolerance, loss=None):
    assert distance(theirs, ours) < tolerance
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(theirs, name) == getattr(ours, name), name
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, abs=loss or tolerance)
    assert ours.loss_ == ours.loss_curve_[-1]
    assert ours.best_loss_ is None or ours.best_loss_ == min(ours.loss_curve_)


# Both round some thousand times per weight, each time by 2^-53 of numbers around 1; the rest is
# what the steps make of that.
SAME = 1e-9
# scikit-learn's loss does not divide its penalty by the number of outputs: see docs/sklearn.md.
PENALTY = 2e-5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 40, "activation": "logistic", "alpha": 0.1},
        {"batch_size": 30, "activation": "tanh", "nesterovs_momentum": False},
        {"hidden_layer_sizes": (), "momentum": 0.0},
        {"activation": "identity", "hidden_layer_sizes": 4},
    ],
)
def test_the_steps_of_sgd(kind, options, rng):
    x, y = table(kind, rng)
    theirs, ours = both(kind, x, y, solver="sgd", **options)
    alpha = options.get("alpha", 1e-4)
    assert_same(theirs, ours, SAME, PENALTY * alpha / 1e-4 if kind == "numbers" else None)


@pytest.mark.parametrize("kind", KINDS)
def test_the_steps_of_adam(kind, rng):
    """scikit-learn adds epsilon before it corrects the bias: seen where gradients are as small."""
    x, y = table(kind, rng)
    theirs, ours = both(kind, x, y, epsilon=1e-30, batch_size=40, activation="tanh")
    assert_same(theirs, ours, 1e-7, PENALTY if kind == "numbers" else None)


@pytest.mark.parametrize("kind", KINDS)
def test_weighted_rows(kind, rng):
    pytest.importorskip("sklearn", minversion="1.7")
    x, y = table(kind, rng)
    weights = rng.integers(0, 4, N)
    theirs, ours = both(kind, x, y, weights, solver="sgd")
    assert distance(theirs, ours) < SAME


@pytest.mark.parametrize("kind", KINDS)
def test_early_stopping_holds_out_the_same_rows(kind, rng):
    x, y = table(kind, rng)
    options = {"early_stopping": True, "max_iter": 60, "n_iter_no_change": 4}
    theirs, ours = both(kind, x, y, solver="sgd", **options)
    assert_same(theirs, ours, SAME, PENALTY if kind == "numbers" else None)
    assert ours.validation_scores_ == pytest.approx(theirs.validation_scores_, abs=SAME)
    assert ours.best_validation_score_ == max(ours.validation_scores_)
    assert ours.best_loss_ is None is theirs.best_loss_


@pytest.mark.parametrize("kind", ["two", "number"])
@pytest.mark.parametrize("schedule", ["adaptive", "invscaling"])
def test_learning_rates_that_change(kind, schedule, rng):
    """Without momentum: theirs keeps the old rate in its velocity, ours does not (as PyTorch)."""
    x, y = table(kind, rng)
    options = {"learning_rate": schedule, "momentum": 0.0, "n_iter_no_change": 2, "tol": 1e-3}
    theirs, ours = both(kind, x, y, solver="sgd", max_iter=200, **options)
    assert_same(theirs, ours, SAME)
    if schedule == "adaptive":
        assert ours.n_iter_ < 200


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_arguments_and_defaults_are_theirs(name):
    theirs, ours = (
        inspect.signature(getattr(module, name)).parameters
        for module in (neural_network, cnnfs.sklearn)
    )
    assert set(ours) - set(theirs) <= {"dropout", "callbacks", "dtype", "class_weight", "loss"}
    assert set(theirs) <= set(ours)
    assert {k: p.default for k, p in theirs.items()} == {k: ours[k].default for k in theirs}


# ---- accuracy ----------------------------------------------------------------------------------

TABLES = {
    "digits": (datasets.load_digits, {"hidden_layer_sizes": 32, "max_iter": 40}),
    "iris": (datasets.load_iris, {"learning_rate_init": 0.01}),
    "wine": (datasets.load_wine, {}),
    "breast cancer": (datasets.load_breast_cancer, {"max_iter": 60}),
    "diabetes": (datasets.load_diabetes, {"max_iter": 60}),
}
POINTS = 0.005


@pytest.mark.parametrize("dtype", [None, "float32"])
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_as_accurate_as_scikit_learn(name, dtype):
    load, options = TABLES[name]
    x, y = load(return_X_y=True)
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    kind = "MLPClassifier"
    if name == "diabetes":
        kind, y = "MLPRegressor", (y - y.mean()) / y.std()
    scores = []
    for seed in range(4):
        x1, x2, y1, y2 = train_test_split(x, y, test_size=0.25, random_state=seed)
        theirs = getattr(neural_network, kind)(random_state=seed, **options).fit(x1, y1)
        ours = getattr(cnnfs.sklearn, kind)(random_state=seed, dtype=dtype, **options).fit(x1, y1)
        scores.append((theirs.score(x2, y2), ours.score(x2, y2)))
    theirs, ours = np.mean(scores, axis=0)
    assert ours >= theirs - POINTS, scores
