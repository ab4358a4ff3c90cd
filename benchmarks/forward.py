"""One forward pass of 784-128-128-10, 32 rows, one thread: cnnfs beside the same expression in NumPy.

Run: python benchmarks/forward.py
"""

import os
import platform
import statistics
import time
from collections.abc import Callable

# Before NumPy is imported: one thread, and the kernels that NumPy itself would choose.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
os.environ.pop("OPENBLAS_CORETYPE", None)
os.environ.pop("OPENBLAS_L2_SIZE", None)

import numpy as np

import cnnfs

WIDTHS, ROWS, ROUNDS, CALLS = [784, 128, 128, 10], 32, 200, 20


def contenders() -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((ROWS, WIDTHS[0]), dtype=np.float32)
    names = ["relu"] * (len(WIDTHS) - 2) + ["linear"]
    layers = [cnnfs.Layer(*pair, rng=rng) for pair in zip(WIDTHS, WIDTHS[1:], strict=False)]
    layers = [
        cnnfs.Layer.from_arrays(layer.weights, layer.bias, name)
        for layer, name in zip(layers, names, strict=True)
    ]
    net = cnnfs.Network(layers)
    arrays = [(np.ascontiguousarray(layer.weights.T), layer.bias) for layer in layers]

    def with_numpy() -> object:
        h = x
        for weights, bias in arrays[:-1]:
            h = np.maximum(h @ weights + bias, 0)
        weights, bias = arrays[-1]
        return h @ weights + bias

    return {"cnnfs": lambda: net(x), "numpy": with_numpy}


def main() -> None:
    functions = contenders()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            start = time.perf_counter()
            for _ in range(CALLS):
                function()
            times[name].append((time.perf_counter() - start) / CALLS * 1e6)
    config = cnnfs.show_config()
    print(f"machine: {platform.processor() or platform.machine()}, {platform.system()}")
    print(f"net {'-'.join(map(str, WIDTHS))}, {ROWS} rows, {config['isa']}, microseconds a call")
    for name, taken in times.items():
        print(f"  {name:<6} best {min(taken):8.1f}  median {statistics.median(taken):8.1f}")
    best = min(times["numpy"]) / min(times["cnnfs"])
    median = statistics.median(times["numpy"]) / statistics.median(times["cnnfs"])
    print(f"  numpy / cnnfs: {best:.2f} by best, {median:.2f} by median")


if __name__ == "__main__":
    main()
