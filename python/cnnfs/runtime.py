"""What this build of cnnfs is, and which kernels it runs."""

from typing import Any

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
        tiles), "compiler" and "numpy".

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
            text = ", ".join(value) if isinstance(value, list) else value
        print(f"  {key:<15} {text}")
    return config
