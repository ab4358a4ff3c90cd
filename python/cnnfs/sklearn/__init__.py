"""Networks as estimators of scikit-learn.

>>> from cnnfs.sklearn import MLPClassifier
>>> from sklearn.datasets import load_wine
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> X, y = load_wine(return_X_y=True)
>>> model = make_pipeline(StandardScaler(), MLPClassifier(max_iter=500, random_state=0))
>>> model.fit(X, y).score(X, y)
1.0
"""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "cnnfs.sklearn needs scikit-learn: python -m pip install 'cnnfs[sklearn]'"
    ) from error

from cnnfs.sklearn.classifier import MLPClassifier
from cnnfs.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
