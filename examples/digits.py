"""Train a network on real handwritten digits, beside scikit-learn's network of the same kind.

The data are the 1,797 digits that come with scikit-learn, of 8 x 8 pixels each. Three quarters of
them are learned from, the others are held out. Both libraries get the same settings: 64-128-64-10,
relu, softmax and cross-entropy, Adam with a learning rate of 0.001, batches of 32, one thread.

Prints the course of the training, the accuracy, which digit was taken for which, and the time.
Saves a picture of the curves and of the misread digits if matplotlib is installed.

    python examples/digits.py --output pictures
"""

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import cnnfs

try:
    from sklearn.datasets import load_digits  # type: ignore[import-untyped, unused-ignore]
    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped, unused-ignore]
    from sklearn.model_selection import train_test_split  # type: ignore[import-untyped, unused-ignore]
    from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped, unused-ignore]
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]
except ImportError:
    sys.exit('This example needs scikit-learn. To get it: pip install ".[examples]"')

RATE, BATCH = 1e-3, 32


class Digits(NamedTuple):
    x: NDArray[np.float32]  # pixels from 0 to 1, a row for each digit
    y: NDArray[np.int64]  # which digit it is
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


def load() -> Digits:
    pixels, digits = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(
        (pixels / 16).astype(np.float32), digits, test_size=0.25, random_state=0, stratify=digits
    )
    return Digits(x, y, x_test, y_test)


def train_cnnfs(data: Digits, epochs: int) -> tuple[cnnfs.Network, cnnfs.History, float]:
    """A trained network, the course of its training, and the seconds that this took."""
    rng = np.random.default_rng(0)
    net = cnnfs.Network(
        [
            cnnfs.Layer(64, 128, "relu", rng=rng),
            cnnfs.Layer(128, 64, "relu", rng=rng),
            cnnfs.Layer(64, 10, "softmax", rng=rng),
        ]
    )
    start = time.perf_counter()
    history = net.fit(
        data.x,
        data.y,
        epochs=epochs,
        batch_size=BATCH,
        loss="cross_entropy",
        optimizer=cnnfs.Adam(RATE),
        validation_data=(data.x_test, data.y_test),  # measured after each epoch, not learned from
        rng=0,
    )
    return net, history, time.perf_counter() - start


def train_sklearn(data: Digits, epochs: int) -> tuple[MLPClassifier, float]:
    model = MLPClassifier(
        (128, 64),
        alpha=0.0,  # no penalty
        batch_size=BATCH,
        learning_rate_init=RATE,
        max_iter=epochs,
        n_iter_no_change=epochs,
        random_state=0,
    )
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # that it might learn yet more
        model.fit(data.x, data.y)
    return model, time.perf_counter() - start


def print_curve(history: cnnfs.History) -> None:
    """Some of the epochs: the first ones, where most happens, and then every fifth."""
    epochs = len(history["loss"])
    print(f"\n{'':5}{'while learning':>20}{'held-out digits':>20}")
    print(f"epoch{'loss':>10}{'accuracy':>10}{'loss':>10}{'accuracy':>10}")
    for number in range(1, epochs + 1):
        if number <= 3 or number % 5 == 0 or number == epochs:
            loss, accuracy, val_loss, val_accuracy = (
                history[key][number - 1] for key in ("loss", "accuracy", "val_loss", "val_accuracy")
            )
            print(f"{number:5}{loss:10.4f}{accuracy:10.2%}{val_loss:10.4f}{val_accuracy:10.2%}")


def print_confusion(true: NDArray[np.int64], read: NDArray[np.int64]) -> None:
    matrix = np.zeros((10, 10), dtype=int)
    np.add.at(matrix, (true, read), 1)
    print("\nThe held-out digits: a row for each digit, a column for what it was read as\n")
    print("     " + "".join(f"{digit:4}" for digit in range(10)))
    for digit, counts in enumerate(matrix):
        print(f"{digit:5}" + "".join(f"{count or '.':>4}" for count in counts))


def draw(
    history: cnnfs.History, model: MLPClassifier, net: cnnfs.Network, data: Digits, path: Path
) -> None:
    """The curves, and below them the misread digits with what the network took them for."""
    from matplotlib.figure import Figure

    probabilities = net(data.x_test)
    read = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(read != data.y_test)[:12]
    figure = Figure(figsize=(10, 5.6), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=[3, 1.3])
    above, below = halves
    losses, accuracies = above.subplots(1, 2)
    history.plot(ax=losses, keys=["loss", "val_loss"])
    losses.plot(
        range(1, len(model.loss_curve_) + 1),
        model.loss_curve_,
        color="0.5",
        linestyle="dotted",
        label="training loss of scikit-learn",
    )
    losses.legend()
    history.plot(ax=accuracies, keys=["accuracy", "val_accuracy"])
    below.suptitle("Held-out digits that were misread" if len(wrong) else "None was misread")
    for axes, row in zip(below.subplots(1, 12).flat, [*wrong, *[None] * 12], strict=False):
        axes.axis("off")
        if row is None:
            continue
        axes.imshow(data.x_test[row].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        share = probabilities[row, read[row]]
        axes.set_title(f"{data.y_test[row]} read as {read[row]}\n({share:.0%} sure)", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    print(f"\npicture: {path}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Handwritten digits: cnnfs beside scikit-learn.")
    parser.add_argument("--epochs", type=int, default=15, help="of both (default 15)")
    parser.add_argument("--runs", type=int, default=5, help="trainings to time (default 5)")
    parser.add_argument("--output", type=Path, default=Path(), help="folder of the picture")
    options = parser.parse_args(arguments)
    epochs = max(1, options.epochs)

    threadpool_limits(1)  # both; networks this small do not gain from more
    data = load()
    count = len(data.x) + len(data.x_test)
    print(f"{count} handwritten digits: {len(data.x)} to learn from, {len(data.x_test)} held out\n")

    # In turn, so that a change in the machine's speed meets both. Every run gives the same weights.
    seconds: dict[str, list[float]] = {"cnnfs": [], "scikit-learn": []}
    for _ in range(max(1, options.runs)):
        net, history, taken = train_cnnfs(data, epochs)
        seconds["cnnfs"].append(taken)
        model, taken = train_sklearn(data, epochs)
        seconds["scikit-learn"].append(taken)

    read: dict[str, Any] = {
        "cnnfs": net(data.x_test).argmax(axis=1),
        "scikit-learn": model.predict(data.x_test),
    }
    print(net.summary())
    print_curve(history)
    print_confusion(data.y_test, read["cnnfs"])
    print(f"\n{'':14}{'held-out':>10}{'seconds for':>14}{'ms for':>10}")
    print(f"{'':14}{'accuracy':>10}{f'{epochs} epochs':>14}{'an epoch':>10}")
    for name, times in seconds.items():
        accuracy, best = (read[name] == data.y_test).mean(), min(times)
        print(f"{name:14}{accuracy:10.2%}{best:14.3f}{1000 * best / epochs:10.2f}")
    print(f"(the best of {len(seconds['cnnfs'])} trainings of each, one thread)")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        print('\nNo matplotlib, so no picture. To get it: pip install ".[plot]"')
    else:
        draw(history, model, net, data, options.output / "digits.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
