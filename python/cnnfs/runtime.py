"""What this build of cnnfs is, and which kernels it runs."""

import operator
from typing import Any, SupportsIndex

import numpy as np

from cnnfs import _cnnfs_core


def show_config() -> dict[str, Any]:
    """Print what this build is and which instruction set it uses, and return the same as a dict.

    The instruction set is the best one of this machine. The environment variable ``CNNFS_ISA``,
    read when cnnfs is imported, chooses another one: ``generic``, ``avx2``, ``avx512`` or ``neon``.

    Returns
    -------
    dict
        "version", "isa", "available_isas", "float32" and "float64" (the sizes of the kernels'
        tiles), "threads", "compiler" and "numpy".

    Examples
    --------
    >>> import cnnfs
    >>> config = cnnfs.show_config()
    cnnfs ...
    >>> config["isa"] in config["available_isas"]
    True
    """
    config: dict[str, Any] = {**_cnnfs_core.config(), "numpy": np.__version__}
    print(f"cnnfs {config['version']}")
    for key, value in config.items():
        if key == "version":
            continue
        if isinstance(value, dict):
            text = ", ".join(f"{name} {size}" for name, size in value.items())
        else:
            text = ", ".join(value) if isinstance(value, list) else str(value)
        print(f"  {key:<15} {text}")
    return config


def set_num_threads(n: SupportsIndex) -> None:
    """Let each call use up to this many threads, the calling one included.

    The default is all processors that the process may use. Small work never uses more than the
    calling thread. The number of threads never changes a bit of a result. The environment variable
    ``CNNFS_NUM_THREADS``, read when cnnfs is imported, does the same.

    Parameters
    ----------
    n : int
        From 1 to 256.

    Raises
    ------
    ValueError
        If n is out of range.
    TypeError
        If n is not an integer.

    Examples
    --------
    >>> import cnnfs
    >>> before = cnnfs.get_num_threads()
    >>> cnnfs.set_num_threads(1)
    >>> cnnfs.get_num_threads()
    1
    >>> cnnfs.set_num_threads(before)
    """
    try:
        number = operator.index(n)
    except TypeError:
        raise TypeError(f"the number of threads must be an integer, not {n!r}") from None
    _cnnfs_core.set_num_threads(min(max(number, -1), 10**6))


def get_num_threads() -> int:
    """The most threads that one call uses, the calling one included.

    Examples
    --------
    >>> import cnnfs
    >>> cnnfs.get_num_threads() >= 1
    True
    """
    return _cnnfs_core.get_num_threads()
