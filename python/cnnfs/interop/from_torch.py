"""Networks from PyTorch, which is not imported here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    from cnnfs.network import Network


def from_torch(
    model: Any,
    activations: Iterable[str] | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
) -> Network:
    """The network that a PyTorch model is, with a copy of its weights.

    A Sequential may hold Linear, ReLU, Sigmoid, Tanh, Softmax(-1), LeakyReLU(0.01), ELU(1), GELU,
    SiLU, Softplus(1), Identity, Flatten, Dropout, BatchNorm1d and other Sequentials. BatchNorm1d is
    folded, as it works after ``model.eval()``, into a layer beside it.

    Parameters
    ----------
    model : torch.nn.Sequential, or a mapping of names to tensors or arrays
        A mapping is a `state_dict`: a weight of shape (neurons, inputs) for each layer, in the
        order of use, and a bias of the same name if it has one. It needs no PyTorch.
    activations : iterable of str, optional
        Only for a `state_dict`, which does not tell them: a name of cnnfs for each layer, such as
        ``["relu", "relu", "linear"]``.
    dtype : {"float32", "float64"}, optional
        None: float64 if a weight is, else float32, for half precision too.

    Returns
    -------
    Network
        Takes rows of features: a leading Flatten is left to the caller. So are the rows that
        Softmax(1) and BatchNorm1d take: with more than two axes their axis 1 is another.

    Raises
    ------
    ConversionError
        If there are parts that cnnfs does not have. It lists all of them.
    TypeError
        If model is neither a module nor a mapping.
    ValueError
        If dtype is neither float32 nor float64.

    Examples
    --------
    >>> import cnnfs, numpy as np
    >>> state_dict = {"0.weight": np.array([[2.0, 1.0]]), "0.bias": np.array([-1.0])}
    >>> cnnfs.from_torch(state_dict, activations=["relu"])([[1.0, 3.0], [0.0, 0.0]])
    array([[4.],
           [0.]])
    """
    from cnnfs.interop.torch_reader import read

    return read(model, activations, dtype)
