"""Run a network that scikit-learn trained.

scikit-learn trains a small classifier on its 1,797 digits (8 x 8 pixels each), and the trained
weights go into cnnfs layers. Both then classify the digits that training never saw. The labels must
be the same. What a call costs is measured for one digit and for a batch of 32.

    python examples/from_scikit_learn.py
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import cnnfs

try:
    from sklearn.datasets import load_digits  # type: ignore[import-untyped, unused-ignore]
    from sklearn.model_selection import train_test_split  # type: ignore[import-untyped, unused-ignore]
    from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped, unused-ignore]
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]
except ImportError:
    sys.exit('This example needs scikit-learn. To get it: pip install ".[examples]"')

# What scikit-learn calls them: what cnnfs does.
ACTIVATIONS = {
    "identity": "linear",
    "logistic": "sigmoid",
    "relu": "relu",
    "softmax": "softmax",
    "tanh": "tanh",
}


def to_cnnfs(trained: MLPClassifier) -> cnnfs.Network:
    """The same network in cnnfs.

    scikit-learn keeps weights as (inputs, neurons), cnnfs as (neurons, inputs): hence the `.T`.
    """
    hidden = ACTIVATIONS[trained.activation]
    activations = [hidden] * (len(trained.coefs_) - 1) + [ACTIVATIONS[trained.out_activation_]]
    return cnnfs.Network(
        [
            cnnfs.Layer.from_arrays(weights.T, bias, activation, dtype="float32")
            for weights, bias, activation in zip(
                trained.coefs_, trained.intercepts_, activations, strict=True
            )
        ]
    )


def microseconds(rounds: int, *calls: Callable[[], Any]) -> list[str]:
    """Best and median microseconds of each call, ready to print.

    The calls take turns, so that a change in the machine's speed meets all of them alike.
    """
    repeats = 20
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, its_times in zip(calls, times, strict=True):
            start = time.perf_counter()
            for _ in range(repeats):
                call()
            its_times.append((time.perf_counter() - start) / repeats * 1e6)
    return [f"{min(t):9.1f} {statistics.median(t):9.1f}" for t in times]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A network of scikit-learn in cnnfs.")
    parser.add_argument("--rounds", type=int, default=100, help="rounds of timing (default 100)")
    rounds = max(1, parser.parse_args(arguments).rounds)

    threadpool_limits(1)  # one thread for both; for networks this small, more are slower

    pixels, digits = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        pixels / 16.0, digits, test_size=0.25, random_state=0, stratify=digits
    )
    print(f"{len(pixels)} handwritten digits: {len(x_train)} to learn from, {len(x_test)} held out")

    start = time.perf_counter()
    trained = MLPClassifier((128, 64), learning_rate_init=0.005, max_iter=500, random_state=0)
    trained.fit(x_train, y_train)
    seconds = time.perf_counter() - start
    print(f"scikit-learn trained a network: {trained.n_iter_} epochs in {seconds:.1f} s")

    net = to_cnnfs(trained)
    print("the same network in cnnfs:\n")
    print(net.summary())

    by_sklearn = trained.predict(x_test)
    by_cnnfs = trained.classes_[net(x_test).argmax(axis=1)]
    same = int((by_sklearn == by_cnnfs).sum())
    print(f"\nheld-out digits that get the same label from both: {same} of {len(x_test)}")
    distance = abs(trained.predict_proba(x_test) - net(x_test)).max()
    print(f"largest difference of a probability: {distance:.1e}\n")

    # Each library gets the dtype it computes in. scikit-learn wants a table even for one digit.
    table, digit = x_test[:1], x_test[0].astype(net.dtype)
    batch, batch_net = x_test[:32], x_test[:32].astype(net.dtype)
    one_times = microseconds(rounds, lambda: trained.predict(table), lambda: net(digit).argmax())
    batch_times = microseconds(
        rounds, lambda: trained.predict(batch), lambda: net(batch_net).argmax(axis=1)
    )
    print(f"{'':26}{'held-out':>9} {'us, one digit':>19} {'us, batch of 32':>19}")
    print(f"{'':14}{'computes in':12}{'accuracy':>9}" + f" {'best':>9} {'median':>9}" * 2)
    for name, dtype, labels, one_time, batch_time in zip(
        ["scikit-learn", "cnnfs"],
        [trained.coefs_[0].dtype, net.dtype],
        [by_sklearn, by_cnnfs],
        one_times,
        batch_times,
        strict=True,
    ):
        accuracy = (labels == y_test).mean()
        print(f"{name:14}{dtype!s:12}{accuracy:9.2%} {one_time} {batch_time}")
    print("\nA call goes from the pixels to the label, on one thread, input checks included.")
    return 0 if same == len(x_test) else 1


if __name__ == "__main__":
    sys.exit(main())
