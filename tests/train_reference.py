"""A plain float64 NumPy trainer, the oracle of the training tests. It knows nothing of cnnfs.

Formulas: activations and losses as in PyTorch's documentation (mean over elements, cross entropy
over rows), optimizers as in the algorithm boxes of torch.optim. Sample weights w: sum(w l)/sum(w).
"""

import math
from typing import NamedTuple

import numpy as np

# ---- activations -------------------------------------------------------------------------------

_erf = np.vectorize(math.erf, otypes=[float])
_C = math.sqrt(2 / math.pi)


def sigmoid(z):
    t = np.exp(-np.abs(z))
    return np.where(z < 0, t, 1) / (1 + t)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True, initial=-np.inf))
    return e / e.sum(axis=-1, keepdims=True)


def _gelu(z):
    return z * (1 + _erf(z / math.sqrt(2))) / 2


def _gelu_slope(z):
    return (1 + _erf(z / math.sqrt(2))) / 2 + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _gelu_tanh(z):
    return z / 2 * (1 + np.tanh(_C * (z + 0.044715 * z**3)))


def _gelu_tanh_slope(z):
    t = np.tanh(_C * (z + 0.044715 * z**3))
    return (1 + t) / 2 + z / 2 * (1 - t * t) * _C * (1 + 3 * 0.044715 * z * z)


def _elu(z):
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


# name: (function, derivative), both of the sums z
ELEMENTWISE = {
    "linear": (lambda z: z, np.ones_like),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "relu": (lambda z: np.maximum(z, 0), lambda z: np.where(z > 0, 1.0, 0.0)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
    "elu": (_elu, lambda z: np.where(z > 0, 1, np.exp(np.minimum(z, 0)))),
    "gelu": (_gelu, _gelu_slope),
    "gelu_tanh": (_gelu_tanh, _gelu_tanh_slope),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * sigmoid(-z))),
    "softplus": (lambda z: np.logaddexp(0, z), sigmoid),
}
ACTIVATIONS = (*ELEMENTWISE, "softmax")


def activate(name, z):
    return softmax(z) if name == "softmax" else ELEMENTWISE[name][0](z)


def pull_back(name, z, dy):
    """The gradient of the sums z, from dy, the gradient of activate(name, z)."""
    if name != "softmax":
        return dy * ELEMENTWISE[name][1](z)
    y = softmax(z)
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


# ---- losses ------------------------------------------------------------------------------------


class Loss(NamedTuple):
    name: str
    delta: float = 1.0
    smoothing: float = 0.0


def as_targets(loss, y, n_outputs):
    """The targets as floats of the shape (rows, n_outputs)."""
    y = np.asarray(y)
    if loss.name == "cross_entropy":
        t = np.eye(n_outputs)[y.astype(int)] if y.ndim == 1 else y.astype(float)
        return (1 - loss.smoothing) * t + loss.smoothing / n_outputs
    return y.astype(float).reshape(len(y), n_outputs)


def row_losses(loss, activation, z, t):
    """The loss of each row, and its gradient with respect to the row's last sums z."""
    if loss.name == "cross_entropy":  # activation: softmax, or linear: z are logits
        high = z.max(axis=1, keepdims=True)
        log_p = z - high - np.log(np.exp(z - high).sum(axis=1, keepdims=True))
        return -(t * log_p).sum(axis=1), np.exp(log_p) * t.sum(axis=1, keepdims=True) - t
    if loss.name == "binary_cross_entropy":  # activation: sigmoid, or linear
        each = np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))
        return each.mean(axis=1), (sigmoid(z) - t) / z.shape[1]
    error = activate(activation, z) - t
    size, d = np.abs(error), loss.delta
    each, dy = {
        "mse": (error**2, 2 * error),
        "mae": (size, np.sign(error)),
        "huber": (
            np.where(size < d, error**2 / 2, d * (size - d / 2)),
            np.clip(error, -d, d),
        ),
    }[loss.name]
    return each.mean(axis=1), pull_back(activation, z, dy / z.shape[1])


# ---- the network -------------------------------------------------------------------------------


class Part(NamedTuple):
    """A layer: weights (neurons, inputs), bias, activation, (weight l1, l2, bias l1, l2)."""

    weights: np.ndarray
    bias: np.ndarray
    activation: str
    penalty: tuple = (0.0, 0.0, 0.0, 0.0)


def parts_of(net):
    """The layers of a network, copied. What has no weights is no part: dropout."""
    names = ("weight_l1", "weight_l2", "bias_l1", "bias_l2")
    return [
        Part(
            np.array(layer.weights, float),
            np.array(layer.bias, float),
            str(layer.activation.value),
            tuple(float(getattr(layer, name)) for name in names),
        )
        for layer in net
        if hasattr(layer, "weights")
    ]


def forward(parts, x):
    """The sums and the outputs of every layer; outputs[0] is x itself."""
    sums, outputs = [], [np.asarray(x, float)]
    for part in parts:
        sums.append(outputs[-1] @ part.weights.T + part.bias)
        outputs.append(activate(part.activation, sums[-1]))
    return sums, outputs


def penalty(parts):
    total = 0.0
    for weights, bias, _, (wl1, wl2, bl1, bl2) in parts:
        total += wl1 * np.abs(weights).sum() + wl2 * (weights**2).sum()
        total += bl1 * np.abs(bias).sum() + bl2 * (bias**2).sum()
    return float(total)


def gradients(parts, x, y, loss, sample_weight=None):
    """(loss with the penalties, [(dweights, dbias), ...], dx)."""
    sums, outputs = forward(parts, x)
    t = as_targets(loss, y, len(parts[-1].bias))
    each, dz = row_losses(loss, parts[-1].activation, sums[-1], t)
    share = np.ones(len(each)) if sample_weight is None else np.asarray(sample_weight, float)
    share = share / share.sum()
    dz = dz * share[:, None]
    layers = []
    for i in reversed(range(len(parts))):
        weights, bias, _, (wl1, wl2, bl1, bl2) = parts[i]
        dweights = dz.T @ outputs[i] + wl1 * np.sign(weights) + 2 * wl2 * weights
        dbias = dz.sum(axis=0) + bl1 * np.sign(bias) + 2 * bl2 * bias
        layers.insert(0, (dweights, dbias))
        dx = dz @ weights
        if i:
            dz = pull_back(parts[i - 1].activation, sums[i - 1], dx)
    return float(each @ share) + penalty(parts), layers, dx


# ---- optimizers --------------------------------------------------------------------------------


class Optimizer:
    """rate: a number, or a function of the number of steps taken. Clips, then lets rules work."""

    def __init__(self, rate, *, clip_value=None, clip_norm=None):
        self.rate = rate if callable(rate) else lambda step: rate
        self.clip_value, self.clip_norm = clip_value, clip_norm
        self.steps, self.kept = 0, {}

    def clipped(self, gradients):
        if self.clip_value is not None:
            gradients = [np.clip(g, -self.clip_value, self.clip_value) for g in gradients]
        if self.clip_norm is not None:
            norm = math.sqrt(sum(float((g * g).sum()) for g in gradients))
            gradients = [g * min(1.0, self.clip_norm / (norm + 1e-6)) for g in gradients]
        return gradients

    def step(self, parameters, gradients):
        rate = self.rate(self.steps)
        self.steps += 1
        for i, (p, g) in enumerate(zip(parameters, self.clipped(gradients), strict=True)):
            state = self.kept.setdefault(i, {})
            p[...] = self.rule(p, g, rate, state)

    def average(self, state, name, share, value):
        state[name] = share * state.get(name, 0.0) + (1 - share) * value
        return state[name]


class SGD(Optimizer):
    def __init__(self, rate, momentum=0.0, nesterov=False, **clips):
        super().__init__(rate, **clips)
        self.momentum, self.nesterov = momentum, nesterov

    def rule(self, p, g, rate, state):
        if self.momentum:
            state["b"] = b = self.momentum * state["b"] + g if "b" in state else g
            g = g + self.momentum * b if self.nesterov else b
        return p - rate * g


class Adagrad(Optimizer):
    def __init__(self, rate, eps=1e-10, **clips):
        super().__init__(rate, **clips)
        self.eps = eps

    def rule(self, p, g, rate, state):
        state["sum"] = state.get("sum", 0.0) + g * g
        return p - rate * g / (np.sqrt(state["sum"]) + self.eps)


class RMSprop(Optimizer):
    def __init__(self, rate, alpha=0.99, eps=1e-8, **clips):
        super().__init__(rate, **clips)
        self.alpha, self.eps = alpha, eps

    def rule(self, p, g, rate, state):
        v = self.average(state, "v", self.alpha, g * g)
        return p - rate * g / (np.sqrt(v) + self.eps)


class Adam(Optimizer):
    def __init__(self, rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, **clips):
        super().__init__(rate, **clips)
        self.betas, self.eps, self.decay = betas, eps, weight_decay

    def rule(self, p, g, rate, state):
        (beta1, beta2), t = self.betas, self.steps
        m = self.average(state, "m", beta1, g) / (1 - beta1**t)
        v = self.average(state, "v", beta2, g * g) / (1 - beta2**t)
        p = p - rate * self.decay * p  # AdamW
        return p - rate * m / (np.sqrt(v) + self.eps)


def train(parts, x, y, loss, optimizer, *, epochs, batch_size, sample_weight=None):
    """Change the parts in place; rows in order. The mean loss of each epoch, before updates."""
    parameters = [p for part in parts for p in (part.weights, part.bias)]
    weight = np.ones(len(x)) if sample_weight is None else np.asarray(sample_weight, float)
    history = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            value, layers, _ = gradients(parts, x[rows], y[rows], loss, weight[rows])
            optimizer.step(parameters, [g for layer in layers for g in layer])
            total += value * weight[rows].sum()
        history.append(total / weight.sum())
    return history
