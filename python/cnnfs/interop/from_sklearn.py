"""Networks from scikit-learn, which is not imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    from cnnfs.network import Network


def from_sklearn(model: Any, *, dtype: npt.DTypeLike | None = None) -> Network:
    """The network of scikit-learn's MLPClassifier or MLPRegressor, with a copy of its weights.

    Those of `cnnfs.sklearn` are taken too. It may stand in a Pipeline after StandardScaler,
    MinMaxScaler, MaxAbsScaler, RobustScaler and "passthrough", and in a TransformedTargetRegressor
    that scales its target with one of these. The scaling is folded, in float64, into the first or
    last layer: the network takes and gives unscaled numbers.

    Parameters
    ----------
    model : fitted estimator
    dtype : {"float32", "float64"}, optional
        None: float32 if the model was fitted with float32, else float64.

    Returns
    -------
    Network
        ``net(x)`` gives what `predict` does for a regressor, in two dimensions; for a classifier
        what `predict_proba` does, for two classes the one column that is the probability of the
        second: ``model.classes_[1]``.

    Raises
    ------
    ConversionError
        If there are parts that cnnfs does not have, or a part is not fitted. It lists all of them.
    TypeError
        If model is no estimator of scikit-learn.
    ValueError
        If dtype is neither float32 nor float64.

    Examples
    --------
    >>> import cnnfs
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> x, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), MLPClassifier(max_iter=1000, random_state=0))
    >>> net = cnnfs.from_sklearn(model.fit(x, y))
    >>> bool((net(x).argmax(axis=1) == model.predict(x)).all())
    True
    """
    from cnnfs.interop.sklearn_reader import read

    return read(model, dtype)
