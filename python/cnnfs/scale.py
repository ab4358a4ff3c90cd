"""Networks on lazy arrays, which are divided among many processes or machines."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from cnnfs.layer import Layer
    from cnnfs.network import Network


def map_dask(model: Layer | Network, x: Any, out: object = None) -> Any:
    """What ``net(x)`` gives for a dask array: a lazy one, whose blocks are computed when wanted.

    A row's bits do not depend on the block that it is in, so they are those of one call on the
    whole array. Blocks are divided along rows only: several along the features are joined.

    Parameters
    ----------
    model : Layer or Network
        A copy is part of the graph, once, and sent to each process that needs it: the weights at
        the call count.
    x : dask.array.Array, shape (n_inputs,) or (..., n_inputs)
    out : None
        There is nothing to write into.

    Returns
    -------
    dask.array.Array
        Of the network's dtype, with n_outputs in place of n_inputs.

    Raises
    ------
    ValueError
        If x has another number of features.
    TypeError
        If x is not made of real numbers, or masked, or out is given.

    Examples
    --------
    >>> import cnnfs
    >>> import dask.array as da
    >>> net = cnnfs.Network([cnnfs.Layer(4, 8, "relu", rng=0), cnnfs.Layer(8, 2, rng=1)])
    >>> y = net(da.ones((1000, 4), chunks=(100, 4)))
    >>> y.shape, y.dtype, y.numblocks
    ((1000, 2), dtype('float32'), (10, 1))
    """
    import dask
    import dask.array

    if out is not None:
        raise TypeError("out is not possible with a dask array, which has no memory yet")
    if isinstance(x._meta, np.ma.MaskedArray):
        raise TypeError("x is a masked array, and cnnfs would not see its mask: fill it first")
    if x.ndim > 0 and math.isnan(x.shape[-1]):
        raise ValueError("the number of x's features is not known: call x.compute_chunk_sizes()")
    # What else may be wrong is told in the words of any other call.
    like = model(np.zeros((0,) * (x.ndim - 1) + x.shape[-1:], x.dtype))
    x = x.rechunk({x.ndim - 1: -1})
    snapshot = copy.deepcopy(model)
    if isinstance(x, dask.array.core.Array):  # array expressions would lose it
        snapshot = dask.delayed(snapshot, pure=True, traverse=False)
    return dask.array.map_blocks(
        _run,
        x,
        model=snapshot,
        chunks=(*x.chunks[:-1], like.shape[-1:]),
        dtype=like.dtype,
        meta=np.empty((0,) * x.ndim, like.dtype),
    )


def _run(block: Any, model: Any) -> Any:
    return model(block)
