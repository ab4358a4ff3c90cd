"""Networks from Keras, which is not imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    from cnnfs.network import Network


def from_keras(model: Any, *, dtype: npt.DTypeLike | None = None) -> Network:
    """The network that a Keras model is, with a copy of its weights.

    A Sequential, or a functional model that is a plain chain, may hold Dense, Activation, ReLU,
    LeakyReLU(0.01), ELU(1), Softmax, Dropout, BatchNormalization, Normalization, Rescaling,
    Flatten, Input and other such models. The three that scale are folded, as they work in
    `predict`, into a layer beside them.

    Parameters
    ----------
    model : keras.Model
        Built: each layer has its weights. Its class, and those of its layers, are Keras's own:
        a subclass may compute something else.
    dtype : {"float32", "float64"}, optional
        None: float64 if a weight is, else float32, for half precision too.

    Returns
    -------
    Network
        Takes rows of features: a leading Flatten is left to the caller.

    Raises
    ------
    ConversionError
        If there are parts that cnnfs does not have. It lists all of them.
    TypeError
        If model has no layers, and so is no Keras model.
    ValueError
        If dtype is neither float32 nor float64.

    Examples
    --------
    >>> import cnnfs
    >>> cnnfs.from_keras("model.keras")
    Traceback (most recent call last):
      ...
    TypeError: model must be a Keras model, such as keras.models.load_model(path) gives, not str
    """
    from cnnfs.interop.keras_reader import read

    return read(model, dtype)
