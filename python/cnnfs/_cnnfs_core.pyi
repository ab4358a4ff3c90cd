from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

__version__: str

_Out = TypeVar("_Out", bound=npt.NDArray[Any])
