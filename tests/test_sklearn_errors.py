"""Warnings and errors of the estimators."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from helpers import checked_python
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import cnnfs
from cnnfs.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def iris():
    x, y = load_iris(return_X_y=True)
    return (x - x.mean(axis=0)) / x.std(axis=0), y


def test_too_few_epochs_are_a_warning(iris):
    with pytest.warns(ConvergenceWarning, match=r"3 epochs \(max_iter\) were not enough") as seen:
        MLPClassifier(6, max_iter=3).fit(*iris)
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier(6, learning_rate_init=0.05, tol=0.01).fit(*iris)
        MLPClassifier(6).partial_fit(*iris, classes=[0, 1, 2])


def test_an_interrupted_training_keeps_what_it_learned(iris):
    def interrupt(epoch):
        if epoch.number == 4:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="training was interrupted"):
        model = MLPClassifier(6, callbacks=interrupt, random_state=0).fit(*iris)
    assert model.n_iter_ == len(model.loss_curve_) == 4
    assert model.network_ == MLPClassifier(6, max_iter=4, random_state=0).fit(*iris).network_


def test_verbose(iris, capsys):
    MLPClassifier(6, max_iter=2, verbose=True, early_stopping=True).fit(*iris)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Iteration 1, loss = ")
    assert lines[1].startswith("Validation score: ")
    MLPRegressor(6, verbose=True, solver="sgd", learning_rate="adaptive", tol=1.0).fit(*iris)
    out = capsys.readouterr().out
    assert "tol=1.000000 for 10 consecutive epochs. Setting learning rate to 0.000200" in out
    assert out.endswith("consecutive epochs. Stopping.\n")


WRONG = [
    ({"hidden_layer_sizes": (5, 0)}, ValueError, "hidden_layer_sizes must be at least 1"),
    ({"hidden_layer_sizes": "5"}, TypeError, "hidden_layer_sizes must be an integer"),
    ({"activation": "swish"}, ValueError, "activation must be one of 'identity', 'logistic'"),
    ({"activation": ["relu", "relu"]}, ValueError, "activation has 2 entries, but"),
    ({"activation": "step"}, ValueError, "can't be trained"),
    ({"dropout": 1.0}, ValueError, "dropout must be at least 0 and below 1"),
    ({"dropout": "0.5"}, TypeError, "dropout must be a number"),
    ({"solver": "sgd", "momentum": "a"}, TypeError, "momentum must be a number"),
    ({"dropout": [0.1, 0.1]}, ValueError, "dropout has 2 entries"),
    ({"dropout": None}, TypeError, "dropout must be one for all hidden layers"),
    ({"solver": "lbfgs"}, ValueError, "solver='lbfgs' is not there"),
    ({"solver": "rprop"}, ValueError, "solver must be 'adam' or 'sgd'"),
    ({"alpha": -1}, ValueError, "alpha must be at least 0"),
    ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
    ({"batch_size": "all"}, TypeError, "batch_size must be an integer"),
    ({"learning_rate": "fast"}, ValueError, "learning_rate must be one of 'constant'"),
    ({"learning_rate_init": 0}, ValueError, "learning_rate_init must be above 0"),
    ({"max_iter": 0}, ValueError, "max_iter must be at least 1"),
    ({"tol": -1}, ValueError, "tol must be at least 0"),
    ({"shuffle": 1}, TypeError, "shuffle must be True or False"),
    ({"early_stopping": "yes"}, TypeError, "early_stopping must be True or False"),
    ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change must be at least 1"),
    ({"validation_fraction": 1.0}, ValueError, "validation_fraction must be above 0 and below 1"),
    ({"beta_1": 1.0}, ValueError, r"betas\[0\] must be"),
    ({"epsilon": 0}, ValueError, "epsilon must be above 0"),
    ({"solver": "sgd", "momentum": 1.0}, ValueError, "momentum must be"),
    ({"dtype": "float16"}, ValueError, 'dtype must be "float32"'),
    ({"callbacks": [3]}, TypeError, "callbacks must be callable"),
    ({"early_stopping": True, "validation_fraction": 0.001}, ValueError, "less than 2 rows"),
]


@pytest.mark.parametrize(("options", "error", "words"), WRONG)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_wrong_arguments(kind, options, error, words, iris):
    model = kind(**{"hidden_layer_sizes": 5} | options)  # nothing is checked before fit
    with pytest.raises(error, match=words):
        model.fit(*iris)


def test_wrong_losses(iris):
    with pytest.raises(ValueError, match="there is no loss 'poisson'"):
        MLPRegressor(loss="poisson").fit(*iris)
    with pytest.raises(ValueError, match="is for classes: use MLPClassifier"):
        MLPRegressor(loss="cross_entropy").fit(*iris)


def test_wrong_data(iris):
    x, y = iris
    with pytest.raises(TypeError, match="Sparse data was passed"):
        MLPClassifier().fit(scipy.sparse.csr_array(x), y)
    with pytest.raises(TypeError, match="y is a sparse array"):
        MLPClassifier().fit(x, scipy.sparse.csr_array(np.eye(3, dtype=int)[y]))
    with pytest.raises(ValueError, match="several columns of labels"):
        MLPClassifier().fit(x, np.stack([y, y + 1], axis=1))
    with pytest.raises(ValueError, match="Unknown label type"):
        MLPClassifier().fit(x, x[:, 0])
    with pytest.raises(ValueError, match="weights must be at least 0"):
        MLPRegressor().fit(x, y, -np.ones(len(y)))
    with pytest.raises(ValueError, match="too large"):
        MLPRegressor(dtype="float32").fit(1e60 * x, y)
    with pytest.raises(NotFittedError):
        MLPRegressor().predict(x)
    with pytest.raises(TypeError, match="validation_data must be"):
        MLPRegressor().fit(x, y, validation_data=x)
    assert not hasattr(MLPRegressor(), "coefs_")
    with pytest.raises(cnnfs.TrainingDiverged):
        MLPRegressor(solver="sgd", learning_rate_init=1e6).fit(x, 1e3 * y)


def test_scikit_learn_is_imported_only_with_it():
    checked_python(
        """
        import sys
        import cnnfs
        assert "sklearn" not in sys.modules
        sys.modules["sklearn"] = None
        try:
            import cnnfs.sklearn
        except ImportError as error:
            assert "python -m pip install 'cnnfs[sklearn]'" in str(error)
        else:
            raise AssertionError
        """
    )
