"""Networks from ONNX. The package onnx is imported when it is needed."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    from cnnfs.network import Network


def from_onnx(
    model: str | PathLike[str] | bytes | Any,
    *,
    output: str | None = None,
    dtype: npt.DTypeLike | None = None,
) -> Network:
    """The network that an ONNX model is, with a copy of its weights.

    The graph must be a chain from one input to one output: Gemm, or MatMul and Add; the activations
    of cnnfs, also where they are spelled out in several nodes; Sub, Div, Mul, Add and
    BatchNormalization with constants, which are folded into the layers beside them; Identity,
    Dropout, Flatten, Reshape to rows of features, Cast between floating point types. Opset 7 and
    all later ones that the installed package onnx knows. ``docs/onnx.md`` lists all of it.

    Parameters
    ----------
    model : str, os.PathLike, bytes or onnx.ModelProto
        A file, the content of one, or a model that is loaded.
    output : str, optional
        The tensor to read up to: one of the outputs, if there are several, or one inside the graph.
    dtype : {"float32", "float64"}, optional
        None: float64 if a weight is, else float32.

    Returns
    -------
    Network
        Takes rows of features: if the graph flattens its input, give it flat.

    Raises
    ------
    ConversionError
        If the graph has parts that cnnfs does not have, is no chain, is damaged, or keeps data in
        another file. It lists the nodes.
    ImportError
        If the package onnx is not installed.
    TypeError
        If model is of another kind.
    ValueError
        If dtype is neither float32 nor float64.
    OSError
        If the file can't be read.

    Examples
    --------
    >>> import cnnfs
    >>> net = cnnfs.Network([cnnfs.Layer(4, 8, "gelu", rng=0), cnnfs.Layer(8, 2, rng=1)])
    >>> model = net.to_onnx("model.onnx")
    >>> cnnfs.from_onnx("model.onnx") == net
    True
    """
    need_onnx("cnnfs.from_onnx")
    from cnnfs.interop.onnx_reader import read

    return read(model, output=output, dtype=dtype)


def need_onnx(what: str) -> None:
    """Raise an ImportError in the user's words if there is no package onnx."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{what} needs the package onnx: python -m pip install 'cnnfs[onnx]'"
        ) from error
