# The native core. Its classes are the bases of Layer and Network; everything public is in cnnfs.
from collections.abc import Sequence
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt
from typing_extensions import disjoint_base

_Out = TypeVar("_Out", bound=npt.NDArray[Any])

__version__: str

def config() -> dict[str, Any]: ...
def isa() -> str: ...
def available_isas() -> list[str]: ...
def use_isa(name: str) -> None: ...
def fma_peak(dtype: str, seconds: float) -> float: ...
def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
@overload
def dense(
    x: npt.ArrayLike,
    weights: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    activation: str = "linear",
    *,
    out: None = None,
) -> npt.NDArray[np.floating[Any]]: ...
@overload
def dense(
    x: npt.ArrayLike,
    weights: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    activation: str = "linear",
    *,
    out: _Out,
) -> _Out: ...
@overload
def step(x: float, *, out: None = None) -> np.float64: ...
@overload
def step(x: npt.ArrayLike, *, out: None = None) -> npt.NDArray[np.floating[Any]]: ...
@overload
def step(x: npt.ArrayLike, *, out: _Out) -> _Out: ...
@overload
def linear(x: float, *, out: None = None) -> np.float64: ...
@overload
def linear(x: npt.ArrayLike, *, out: None = None) -> npt.NDArray[np.floating[Any]]: ...
@overload
def linear(x: npt.ArrayLike, *, out: _Out) -> _Out: ...
@overload
def sigmoid(x: float, *, out: None = None) -> np.float64: ...
@overload
def sigmoid(x: npt.ArrayLike, *, out: None = None) -> npt.NDArray[np.floating[Any]]: ...
@overload
def sigmoid(x: npt.ArrayLike, *, out: _Out) -> _Out: ...
@overload
def relu(x: float, *, out: None = None) -> np.float64: ...
@overload
def relu(x: npt.ArrayLike, *, out: None = None) -> npt.NDArray[np.floating[Any]]: ...
@overload
def relu(x: npt.ArrayLike, *, out: _Out) -> _Out: ...

class _Model:
    @property
    def n_inputs(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @overload
    def __call__(self, x: npt.ArrayLike, out: None = None) -> npt.NDArray[np.floating[Any]]: ...
    @overload
    def __call__(self, x: npt.ArrayLike, out: _Out) -> _Out: ...
    @overload
    def forward(self, x: npt.ArrayLike, out: None = None) -> npt.NDArray[np.floating[Any]]: ...
    @overload
    def forward(self, x: npt.ArrayLike, out: _Out) -> _Out: ...

@disjoint_base
class Layer(_Model):
    def __init__(
        self,
        weights: npt.ArrayLike,
        bias: npt.ArrayLike | None,
        activation: str,
        single: bool | None,
    ) -> None: ...
    @property
    def n_neurons(self) -> int: ...
    @property
    def activation_name(self) -> str: ...
    @property
    def weights(self) -> npt.NDArray[np.floating[Any]]: ...
    @weights.setter
    def weights(self, value: npt.ArrayLike) -> None: ...
    @property
    def bias(self) -> npt.NDArray[np.floating[Any]]: ...
    @bias.setter
    def bias(self, value: npt.ArrayLike | None) -> None: ...

@disjoint_base
class Network(_Model):
    def __init__(self, layers: list[Any]) -> None: ...
    @property
    def n_outputs(self) -> int: ...

class Trainer:
    def __init__(self, layers: list[Any]) -> None: ...
    @property
    def steps(self) -> int: ...
    def set_optimizer(self, name: str, parameters: Sequence[float]) -> None: ...
    def train(
        self,
        loss: str,
        parameter: float,
        penalties: Sequence[tuple[float, float, float, float]],
        dropout: Sequence[float],
        clip_value: float,
        clip_norm: float,
        x: npt.NDArray[Any],
        targets: npt.NDArray[Any],
        weights: npt.NDArray[np.float64] | None,
        order: npt.NDArray[np.int64],
        batch: int,
        rates: npt.NDArray[np.float64],
        seed: int,
    ) -> tuple[int, bool, tuple[Any, ...]]: ...
    def apply(
        self,
        gradients: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]],
        rate: float,
        clip_value: float,
        clip_norm: float,
    ) -> bool: ...
    def state(self) -> list[list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]]: ...
    def set_state(
        self, state: list[list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]], steps: int
    ) -> None: ...

def measure(
    layers: list[Any],
    loss: str,
    parameter: float,
    penalties: Sequence[tuple[float, float, float, float]],
    x: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    weights: npt.NDArray[np.float64] | None,
    order: npt.NDArray[np.int64],
    batch: int,
) -> tuple[Any, ...]: ...
def gradients(
    layers: list[Any],
    loss: str,
    parameter: float,
    penalties: Sequence[tuple[float, float, float, float]],
    x: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    weights: npt.NDArray[np.float64] | None,
    order: npt.NDArray[np.int64],
) -> tuple[float, list[tuple[npt.NDArray[Any], npt.NDArray[Any]]], npt.NDArray[Any]]: ...
def input_gradient(layers: list[Any], x: npt.NDArray[Any]) -> npt.NDArray[Any]: ...
