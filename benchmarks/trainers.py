"""How a user of each library trains a network of ReLU layers for classes: Adam, cross-entropy.

Each function makes a function that trains from the beginning, in float32, and calls `after(loss)`
after each epoch until that returns True; and it tells how. A library is imported only in its
own process. What can be done once is done here, outside the timed epochs. Every epoch takes the
rows in a new random order, and its loss is the mean of its batches' losses.
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from cases import Array

After = Callable[[float], bool]
Train = Callable[[After], None]
RATE, BETAS, EPS = 1e-3, (0.9, 0.999), 1e-8  # of Adam


@dataclass(frozen=True)
class TrainingTask:
    widths: tuple[int, ...]
    batch: int
    data: str  # a file with x and y
    threads: int

    @cached_property
    def x(self) -> Array:
        with np.load(self.data) as file:
            return np.asarray(file["x"])

    @cached_property
    def y(self) -> Array:
        with np.load(self.data) as file:
            return np.asarray(file["y"])

    @cached_property
    def parameters(self) -> list[tuple[Array, Array]]:
        """For each layer the weights (neurons, inputs) and the bias: those of scikit-learn."""
        rng = np.random.default_rng(1)
        pairs = []
        for i, o in itertools.pairwise(self.widths):
            edge = np.sqrt(6 / (i + o))
            weights, bias = rng.uniform(-edge, edge, (o, i)), rng.uniform(-edge, edge, o)
            pairs.append((weights.astype(np.float32), bias.astype(np.float32)))
        return pairs


def train_cnnfs(task: TrainingTask) -> tuple[Train, str]:
    import cnnfs

    cnnfs.set_num_threads(task.threads)
    last = len(task.parameters) - 1

    def train(after: After) -> None:
        layers = [
            cnnfs.Layer.from_arrays(weights, bias, "relu" if k < last else "softmax")
            for k, (weights, bias) in enumerate(task.parameters)
        ]
        cnnfs.Network(layers).fit(
            task.x,
            task.y,
            epochs=1_000_000,
            batch_size=task.batch,
            optimizer=cnnfs.Adam(RATE, BETAS, EPS),
            callbacks=[lambda epoch: after(epoch.logs["loss"])],
            rng=0,
        )

    return train, "fit"


def train_sklearn(task: TrainingTask) -> tuple[Train, str]:
    import sklearn
    from sklearn.neural_network import MLPClassifier

    sklearn.set_config(assume_finite=True)  # or each call of partial_fit, an epoch, checks all x
    classes = np.arange(task.widths[-1])

    def train(after: After) -> None:
        model = MLPClassifier(
            task.widths[1:-1],
            alpha=0.0,
            batch_size=task.batch,
            learning_rate_init=RATE,
            beta_1=BETAS[0],
            beta_2=BETAS[1],
            epsilon=EPS,
            random_state=0,
        )
        model.partial_fit(task.x, task.y, classes=classes)
        while not after(model.loss_):
            model.partial_fit(task.x, task.y)

    return train, "partial_fit"


def train_torch(task: TrainingTask) -> tuple[Train, str]:
    import torch

    torch.set_num_threads(task.threads)
    x, y = torch.from_numpy(task.x), torch.from_numpy(task.y)
    loss_of = torch.nn.functional.cross_entropy
    sizes = torch.tensor([len(part) for part in torch.arange(len(x)).split(task.batch)])
    share = sizes / len(x)

    def with_adam(**options: Any) -> Train:
        def train(after: After) -> None:
            torch.manual_seed(0)
            modules: list[Any] = []
            for weights, bias in task.parameters:
                linear = torch.nn.Linear(*reversed(weights.shape))
                linear.weight = torch.nn.Parameter(torch.tensor(weights))
                linear.bias = torch.nn.Parameter(torch.tensor(bias))
                modules += [linear, torch.nn.ReLU()]
            model = torch.nn.Sequential(*modules[:-1])
            adam = torch.optim.Adam(model.parameters(), RATE, BETAS, EPS, **options)
            while True:
                losses = []
                for rows in torch.randperm(len(x)).split(task.batch):
                    loss = loss_of(model(x.index_select(0, rows)), y.index_select(0, rows))
                    adam.zero_grad()
                    loss.backward()
                    adam.step()
                    losses.append(loss.detach())
                if after(float(torch.stack(losses) @ share)):
                    return

        return train

    ways = {
        "Adam(fused=True)": with_adam(fused=True),
        "Adam(foreach=True)": with_adam(foreach=True),
        "Adam(foreach=False)": with_adam(foreach=False),
    }
    return fastest(ways)


def train_jax(task: TrainingTask) -> tuple[Train, str]:
    import jax
    from jax import numpy as jnp

    # A call that hands its work to another thread is slower here: the next line waits for it.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    x, y = jnp.asarray(task.x), jnp.asarray(task.y)
    rows = len(task.x) // task.batch * task.batch  # in whole batches
    tree_map = jax.tree.map

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        h = x
        for weights, bias in parameters[:-1]:
            h = jax.nn.relu(h @ weights + bias)
        weights, bias = parameters[-1]
        logarithms = jax.nn.log_softmax(h @ weights + bias)
        return -jnp.take_along_axis(logarithms, y[:, None], axis=1).mean()

    def epoch(state: Any, x: Any, y: Any, order: Any) -> Any:
        def step(state: Any, batch: Any) -> Any:
            parameters, first, second, number = state
            loss, slopes = jax.value_and_grad(loss_of)(parameters, x[batch], y[batch])
            number = number + 1
            b1, b2 = BETAS
            c1, c2 = 1 - b1**number, 1 - b2**number
            first = tree_map(lambda m, g: b1 * m + (1 - b1) * g, first, slopes)
            second = tree_map(lambda v, g: b2 * v + (1 - b2) * g * g, second, slopes)
            parameters = tree_map(
                lambda p, m, v: p - RATE * (m / c1) / (jnp.sqrt(v / c2) + EPS),
                parameters,
                first,
                second,
            )
            return (parameters, first, second, number), loss

        state, losses = jax.lax.scan(step, state, order[:rows].reshape(-1, task.batch))
        total = losses.sum() * task.batch
        if rows < len(order):
            state, loss = step(state, order[rows:])
            total += loss * (len(order) - rows)
        return state, total / len(order)

    compiled = jax.jit(epoch, donate_argnums=0)

    def train(after: After) -> None:
        rng = np.random.default_rng(0)
        pairs = task.parameters
        parameters = [(jnp.array(weights.T), jnp.array(bias)) for weights, bias in pairs]
        zeros = tree_map(jnp.zeros_like, parameters)
        state = parameters, zeros, tree_map(jnp.zeros_like, parameters), jnp.float32(0)
        while True:
            state, loss = compiled(state, x, y, rng.permutation(len(task.x)))
            if after(float(loss)):
                return

    return train, "epoch in one jitted scan"


def fastest(ways: dict[str, Train]) -> tuple[Train, str]:
    """By the better of the second and the third epoch."""
    taken = {}
    for name, train in ways.items():
        stamps: list[float] = []

        def after(_: float, stamps: list[float] = stamps) -> bool:
            stamps.append(time.perf_counter())
            return len(stamps) == 3

        train(after)
        taken[name] = min(b - a for a, b in itertools.pairwise(stamps))
    best = min(taken, key=lambda name: taken[name])
    return ways[best], best


TRAINERS: dict[str, Callable[[TrainingTask], tuple[Train, str]]] = {
    "cnnfs": train_cnnfs,
    "sklearn": train_sklearn,
    "torch": train_torch,
    "jax": train_jax,
}
