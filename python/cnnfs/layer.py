"""A layer of neurons."""

from __future__ import annotations

import io
from typing import Any, ClassVar, Self, SupportsIndex

import numpy as np
import numpy.typing as npt

from cnnfs import _cnnfs_core, checks
from cnnfs.activations import Activation
from cnnfs.settings import Setting, not_negative
from cnnfs.signature import CallSignature

PENALTIES = ("weight_l1", "weight_l2", "bias_l1", "bias_l2")

# Zero for about half of their inputs, or nearly so: these layers begin with larger weights.
_RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "softplus")


class Layer(_cnnfs_core.Layer):
    """A layer of neurons, each of which takes all inputs: ``activation(x @ weights.T + bias)``.

    A new layer's weights are random: for "relu" and its smooth relatives (all from "leaky_relu" to
    "softplus" below) normal with standard deviation ``sqrt(2 / n_inputs)`` [1]_, else uniform in
    ``+-sqrt(6 / (n_inputs + n_neurons))`` [2]_. Its biases are zeros. `Layer.from_arrays` makes a
    layer of weights that you have.

    Call the layer to use it: ``layer(x)``, or ``layer(x, out)`` to write into an array of yours.

    Parameters
    ----------
    n_inputs : int
        Numbers (features) that each neuron takes.
    n_neurons : int
        Neurons, which is also the numbers that the layer gives.
    activation : str or Activation, default "linear"
        "linear", "step", "sigmoid", "relu", "softmax" (over the neurons of the layer), "tanh",
        "leaky_relu", "elu", "gelu", "gelu_tanh", "silu" or "softplus".
    dtype : {"float32", "float64"}, default "float32"
        What the layer computes in. Other input is cast to it.
    rng : None, int, numpy.random.Generator or anything that numpy.random.default_rng takes
        Where the weights are drawn from. The same int gives the same weights.
    weight_l1, weight_l2, bias_l1, bias_l2 : float, default 0.0
        Penalties that training adds to the loss: ``l1 * sum(abs(p)) + l2 * sum(p**2)`` over the
        layer's weights, and over its biases. Attributes of these names can be set later.

    Raises
    ------
    ValueError
        If a size or a penalty is negative, or activation or dtype is unknown.
    TypeError
        If a size is not an integer, or a penalty no number.

    References
    ----------
    .. [1] He et al., "Delving Deep into Rectifiers", 2015, equation 10.
    .. [2] Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", 2010, equation 16.

    Examples
    --------
    >>> import cnnfs
    >>> layer = cnnfs.Layer(4, 3, "relu", rng=0)
    >>> layer
    Layer(4, 3, activation='relu', dtype='float32')
    >>> layer([1.0, 2.0, 3.0, 2.5]).shape
    (3,)
    """

    weight_l1 = Setting[float](not_negative)
    weight_l2 = Setting[float](not_negative)
    bias_l1 = Setting[float](not_negative)
    bias_l2 = Setting[float](not_negative)

    __signature__: ClassVar[Any] = CallSignature()
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        n_inputs: SupportsIndex,
        n_neurons: SupportsIndex,
        activation: str = "linear",
        *,
        dtype: npt.DTypeLike = "float32",
        rng: Any = None,
        weight_l1: float = 0.0,
        weight_l2: float = 0.0,
        bias_l1: float = 0.0,
        bias_l2: float = 0.0,
    ) -> None:
        inputs, neurons = (
            checks.whole(size, name, least=0)
            for size, name in ((n_inputs, "n_inputs"), (n_neurons, "n_neurons"))
        )
        single = _is_single(dtype)
        draw = np.random.default_rng(rng)
        shape = (neurons, inputs)
        if activation in _RECTIFIERS:
            weights = draw.normal(0.0, np.sqrt(2 / max(inputs, 1)), shape)
        else:
            edge = np.sqrt(6 / max(inputs + neurons, 1))
            weights = draw.uniform(-edge, edge, shape)
        super().__init__(weights, None, activation, single)
        self.weight_l1, self.weight_l2 = weight_l1, weight_l2
        self.bias_l1, self.bias_l2 = bias_l1, bias_l2

    @classmethod
    def from_arrays(
        cls,
        weights: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        activation: str = "linear",
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> Self:
        """A layer of these weights and biases, which are copied.

        Parameters
        ----------
        weights : array_like, shape (n_neurons, n_inputs)
            A row for each neuron. (scikit-learn and Keras keep the transpose.)
        bias : array_like, shape (n_neurons,), optional
            A number for each neuron. None means zeros.
        activation : str or Activation, default "linear"
        dtype : {"float32", "float64"}, optional
            None: float32 if every array given is float32 or float16, else float64.

        Raises
        ------
        ValueError
            If shapes do not fit, or activation or dtype is unknown.
        TypeError
            If an array is not made of real numbers.

        Examples
        --------
        >>> import cnnfs
        >>> cnnfs.Layer.from_arrays([[1.0, -1.0]], [0.5], "step")([3.0, 2.0])
        array([1.])
        """
        single = None if dtype is None else _is_single(dtype)
        return cls._made_of(weights, bias, activation, single)

    @classmethod
    def _made_of(
        cls,
        weights: npt.ArrayLike,
        bias: npt.ArrayLike | None,
        activation: str,
        single: bool | None,
    ) -> Self:
        # Without __init__ of a subclass, whose arguments nobody here knows.
        layer = cls.__new__(cls)
        _cnnfs_core.Layer.__init__(layer, weights, bias, activation, single)
        layer.weight_l1 = layer.weight_l2 = layer.bias_l1 = layer.bias_l2 = 0.0
        return layer

    @property
    def activation(self) -> Activation:
        """The activation function."""
        return Activation(self.activation_name)

    @property
    def n_parameters(self) -> int:
        """How many weights and biases there are."""
        return (self.n_inputs + 1) * self.n_neurons

    @property
    def penalties(self) -> tuple[float, float, float, float]:
        """weight_l1, weight_l2, bias_l1, bias_l2."""
        return self.weight_l1, self.weight_l2, self.bias_l1, self.bias_l2

    def __repr__(self) -> str:
        name = type(self).__name__
        given = "".join(f", {p}={getattr(self, p)!r}" for p in PENALTIES if getattr(self, p))
        return (
            f"{name}({self.n_inputs}, {self.n_neurons}, "
            f"activation='{self.activation}', dtype='{self.dtype}'{given})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Layer):
            return NotImplemented
        return (
            self.dtype == other.dtype
            and self.activation == other.activation
            and np.array_equal(self.bias, other.bias)
            and np.array_equal(self.weights, other.weights)
        )

    # As a file of one layer, which the files' reader checks: a pickle of layers refers to nothing
    # but cnnfs.
    def __reduce__(self) -> tuple[Any, ...]:
        from cnnfs.files_content import to_bytes

        own = {key: value for key, value in self.__dict__.items() if key not in PENALTIES}
        return _restore_layer, (type(self), to_bytes([self])), own or None


def _restore_layer(cls: type[Layer], data: bytes) -> Layer:
    from cnnfs.files_content import read
    from cnnfs.files_header import ModelFileError

    layer, *more = read(io.BytesIO(data), len(data), "a pickled layer", cls).parts
    if more or not isinstance(layer, Layer):
        raise ModelFileError("a pickled layer", "there is more than one layer")
    return layer


def _is_single(dtype: npt.DTypeLike | None) -> bool:
    return checks.float_dtype(dtype) == np.float32
