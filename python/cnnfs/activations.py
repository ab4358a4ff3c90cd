"""The activation functions by name."""

from enum import StrEnum


class Activation(StrEnum):
    """The activation functions. A member is its string: give either.

    >>> import cnnfs
    >>> cnnfs.Activation.RELU == "relu"
    True
    """

    LINEAR = "linear"
    STEP = "step"
    SIGMOID = "sigmoid"
    RELU = "relu"
    SOFTMAX = "softmax"
    TANH = "tanh"
    LEAKY_RELU = "leaky_relu"
    ELU = "elu"
    GELU = "gelu"
    GELU_TANH = "gelu_tanh"
    SILU = "silu"
    SOFTPLUS = "softplus"
