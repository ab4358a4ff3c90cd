"""Every check that scikit-learn has for estimators. None is left out here."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from cnnfs.sklearn import MLPClassifier, MLPRegressor

ESTIMATORS = [
    MLPClassifier(),
    MLPRegressor(),
    MLPClassifier((20, 10), ["gelu", "tanh"], learning_rate_init=0.01),
    MLPRegressor(20, "silu", loss="huber", learning_rate_init=0.01, batch_size=50),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS)
def test_what_scikit_learn_checks(estimator, check):
    check(estimator)
