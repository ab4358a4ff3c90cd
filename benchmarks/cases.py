"""What is measured: networks, batches and targets, and the data that every contender gets."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# The name of the contender, what to call it in a table, the distributions that it is made of.
CONTENDERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "cnnfs": ("cnnfs", ("cnnfs",)),
    "numpy": ("NumPy", ("numpy",)),
    "sklearn": ("scikit-learn", ("scikit-learn",)),
    "torch": ("PyTorch", ("torch",)),
    "onnxruntime": ("ONNX Runtime", ("onnxruntime", "onnx")),
    "openvino": ("OpenVINO", ("openvino", "onnx")),
    "litert": ("LiteRT", ("ai-edge-litert", "flatbuffers")),
    "numba": ("numba", ("numba", "llvmlite", "scipy")),
    "jax": ("JAX", ("jax", "jaxlib")),
}
PEERS = tuple(name for name in CONTENDERS if name != "cnnfs")
DTYPES = ("float32", "float64")
ELEMENTS = 1_000_000  # of the arrays that the activations are measured on


def title(contender: str) -> str:
    return CONTENDERS[contender][0]


@dataclass(frozen=True)
class Net:
    """A network, a batch, and what cnnfs should reach there in float32 on one thread."""

    widths: tuple[int, ...]
    batch: int
    ratio: float = 1.0  # time of the best peer / time of cnnfs
    share: float | None = None  # of the peak of fused multiply-adds

    @property
    def name(self) -> str:
        return "-".join(map(str, self.widths))

    @property
    def label(self) -> str:
        return f"{self.name}, batch {self.batch}"

    @property
    def flops(self) -> int:
        pairs = zip(self.widths, self.widths[1:], strict=False)
        return 2 * self.batch * sum(i * o for i, o in pairs)

    def matches(self, wish: str) -> bool:
        """Whether "784-128-128-10" or "784-128-128-10:32" means this one."""
        return wish in (self.name, f"{self.name}:{self.batch}")


NETS = (
    Net((8, 32, 1), 1, 5.0),
    Net((4, 64, 64, 2), 1, 4.5),
    Net((64, 256, 256, 8), 1, 1.7),
    Net((784, 128, 128, 10), 1, 1.7),
    Net((1024, 1024, 1024), 1, 1.05),
    Net((4, 64, 64, 2), 32, 1.35),
    Net((784, 128, 128, 10), 32, 1.15, 0.92),
    Net((512, 512, 512, 512), 32, 1.06, 0.93),
    Net((784, 512, 512, 10), 256, 1.04, 0.94),
    Net((784, 128, 128, 10), 4096, 1.1, 0.93),
    Net((1024, 1024, 1024, 1024), 1024, 1.02, 0.92),
    Net((2048, 2048), 4096, 1.04, 0.92),
)
LARGEST = tuple(sorted(NETS, key=lambda net: net.flops)[-4:])
TARGET_FLOAT64 = 1.0  # faster than every peer
TARGETS_ACTIVATION = {"numpy": 2.0, "torch": 1.0}


@dataclass(frozen=True)
class Task:
    """One thing for a contender to compute: a network's forward pass, or a single activation."""

    kind: str  # "network", "sigmoid" or "relu"
    widths: tuple[int, ...]
    batch: int
    dtype: str
    threads: int

    @cached_property
    def parameters(self) -> list[tuple[Array, Array]]:
        """For each layer the weights (neurons, inputs) and the bias (neurons,)."""
        rng = np.random.default_rng(1)
        return [
            (
                (rng.standard_normal((o, i)) * np.sqrt(2 / i)).astype(self.dtype),
                rng.standard_normal(o).astype(self.dtype),
            )
            for i, o in zip(self.widths, self.widths[1:], strict=False)
        ]

    @cached_property
    def x(self) -> Array:
        rng = np.random.default_rng(2)
        shape = (self.batch, self.widths[0]) if self.kind == "network" else (ELEMENTS,)
        return (rng.standard_normal(shape) * (1 if self.kind == "network" else 4)).astype(
            self.dtype
        )

    def check(self, y: Array) -> None:
        """Catches a wrong setup, not a rounding: a few rows against NumPy in float64."""
        if not isinstance(y, np.ndarray) or y.dtype != self.dtype:
            raise ValueError(f"the result is {getattr(y, 'dtype', type(y))}, not {self.dtype}")
        if self.kind == "network":
            rows = np.unique(np.r_[0, self.batch // 2, self.batch - 1])
            h = self.x[rows].astype(np.float64)
            for k, (weights, bias) in enumerate(self.parameters):
                h = h @ weights.T.astype(np.float64) + bias
                if k < len(self.parameters) - 1:
                    h = np.maximum(h, 0)
            got = y.reshape(self.batch, self.widths[-1])[rows]
        else:
            wide = self.x.astype(np.float64)
            h = np.maximum(wide, 0) if self.kind == "relu" else 1 / (1 + np.exp(-wide))
            got = y
        if not np.allclose(got, h, rtol=1e-3, atol=1e-3 * float(np.abs(h).max())):
            raise ValueError("the result is wrong")
