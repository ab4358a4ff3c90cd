"""From one neuron to a network: the course, step by step.

Prints every result next to the arithmetic it comes from, and saves a few pictures when matplotlib
is installed. No window is opened.

    python examples/neuron_to_network.py --output pictures
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import cnnfs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.floating[Any]]

ACTIVATIONS = ("step", "linear", "sigmoid", "relu")  # the course's
OTHERS = ("tanh", "leaky_relu", "elu", "softplus", "gelu", "gelu_tanh", "silu")
COLOURS = {"step": "C3", "linear": "C0", "sigmoid": "C2", "relu": "C1"}

INPUTS = [1.0, 2.0, 3.0, 2.5]
WEIGHTS = [
    [0.2, 0.8, -0.5, 1.0],
    [0.5, -0.91, 0.26, -0.5],
    [-0.26, -0.27, 0.17, 0.87],
]
BIASES = [2.0, 3.0, 0.5]


def text(values: ArrayLike) -> str:
    """Numbers with at most four digits after the point: `[4.8, 1.21, 2.385]`."""
    return str((np.round(np.asarray(values, dtype=np.float64), 4) + 0.0).tolist())


def one_neuron() -> None:
    print("1. One neuron: a weight for each input, a sum, a bias")
    neuron = cnnfs.Layer.from_arrays([[1.0, 2.0]], [1.0])
    print("   1*1 + 2*2 + 1 =", text(neuron([1.0, 2.0])))


def one_layer() -> None:
    print("\n2. A layer: three neurons read the same four inputs; each has a row of weights")
    print("   numpy.dot(weights, inputs) + biases =", text(np.dot(WEIGHTS, INPUTS) + BIASES))
    layer = cnnfs.Layer.from_arrays(WEIGHTS, BIASES)
    print("   layer(inputs)                       =", text(layer(INPUTS)))


def batch() -> None:
    print("\n3. A batch: one row for each object, one call for all of them")
    layer = cnnfs.Layer.from_arrays(WEIGHTS, BIASES)
    rows = np.array([INPUTS, [0.0, 0.0, 0.0, 0.0], [-2.0, 1.0, 0.5, -1.0]])
    outputs = layer(rows)
    for row, output in zip(rows, outputs, strict=True):
        print(f"   {text(row):24} -> {text(output)}")
    print("   A row of zeros gives the biases back.")
    alone = np.array([layer(row) for row in rows])
    print("   The same bits as row by row:", outputs.tobytes() == alone.tobytes())


def two_layers() -> None:
    print("\n4. Two layers: the outputs of the first are the inputs of the second")
    first = cnnfs.Layer.from_arrays(WEIGHTS, BIASES, "relu")
    second = cnnfs.Layer.from_arrays([[1.0, 0.0, -1.0], [0.5, 0.5, 0.5]], [0.0, -1.0])
    net = cnnfs.Network([first, second])
    print("   second(first(inputs)) =", text(second(first(INPUTS))))
    print("   net(inputs)           =", text(net(INPUTS)))
    print("\n   " + net.summary().replace("\n", "\n   "))


def activations(output: Path, pictures: bool) -> None:
    print("\n5. Activations: what a neuron does with its sum")
    sums = np.array([-3.0, -1.0, 0.0, 1.0, 3.0])
    print(f"   {'sum':12}{text(sums)}")
    for name in (*ACTIVATIONS, *OTHERS):
        print(f"   {name:12}{text(getattr(cnnfs, name)(sums))}")
    print("   softmax looks at all neurons of a layer: shares that sum to 1")
    print(f"   {'softmax':12}{text(cnnfs.softmax(sums))}")
    if not pictures:
        return
    from matplotlib.figure import Figure

    x = np.linspace(-4.0, 4.0, 801)
    figure = Figure(figsize=(11, 7), layout="constrained")
    panels = figure.subplots(3, 4, sharex=True)
    panels[2, 3].axis("off")
    for axes, name in zip(panels.flat, (*ACTIVATIONS, *OTHERS), strict=False):
        axes.axhline(0.0, color="0.8", linewidth=1)
        axes.axvline(0.0, color="0.8", linewidth=1)
        axes.plot(x, getattr(cnnfs, name)(x), color=COLOURS.get(name, "C4"), linewidth=2)
        axes.set_title(name)
    figure.supxlabel("sum of inputs * weights + bias")
    figure.supylabel("output of the neuron")
    save(figure, output / "activations.png")


def bump(output: Path, pictures: bool) -> None:
    print("\n6. Four relu neurons make a bump: up at 1, flat at 2, down at 3, flat at 4")
    shares = np.array([1.0, -1.0, -1.0, 1.0])
    hidden = cnnfs.Layer.from_arrays(np.ones((4, 1)), [-1.0, -2.0, -3.0, -4.0], "relu")
    net = cnnfs.Network([hidden, cnnfs.Layer.from_arrays(shares[np.newaxis])])
    x = np.linspace(0.0, 5.0, 11)[:, np.newaxis]
    print(f"   {'x':8}{text(x[:, 0])}")
    print(f"   {'net(x)':8}{text(net(x)[:, 0])}")
    if not pictures:
        return
    from matplotlib.figure import Figure

    x = np.linspace(0.0, 5.0, 501)[:, np.newaxis]
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for number, (share, values) in enumerate(zip(shares, hidden(x).T, strict=True), start=1):
        axes.plot(x, share * values, linewidth=1, label=f"{share:+.0f} * neuron {number}")
    axes.plot(x, net(x), color="black", linewidth=2.5, label="their sum: the network")
    axes.set(xlabel="x", ylim=(-2.2, 2.2), title="Four relu neurons make a bump")
    axes.legend(loc="lower left", ncols=2)
    save(figure, output / "bump.png")


def sine_network(hidden_activation: str, output_activation: str, steepness: float) -> cnnfs.Network:
    """A network of eight hidden neurons for sin(x), x from 0 to 2 pi.

    Hidden neuron i switches on at its own x. The output layer is the best one there is for these
    hidden neurons: its weights and bias are the least-squares solution.
    """
    switch_on = np.arange(8) * np.pi / 4.0
    hidden = cnnfs.Layer.from_arrays(
        np.full((8, 1), steepness), -steepness * switch_on, hidden_activation
    )
    x = np.linspace(0.0, 2.0 * np.pi, 400)[:, np.newaxis]
    columns = np.hstack([hidden(x), np.ones_like(x)])
    solution = np.linalg.lstsq(columns, np.sin(x[:, 0]))[0]
    last = cnnfs.Layer.from_arrays(solution[np.newaxis, :-1], solution[-1:], output_activation)
    return cnnfs.Network([hidden, last])


def hidden_and_output(output: Path, pictures: bool) -> None:
    x = np.linspace(0.0, 2.0 * np.pi, 1001)[:, np.newaxis]
    sine = np.sin(x)
    # A steep sigmoid is nearly a step; this one is gentle enough to draw a smooth curve.
    hidden = {
        name: sine_network(name, "linear", 2.0 if name == "sigmoid" else 1.0)(x)
        for name in ACTIVATIONS
    }
    print("\n7. The hidden activation decides which curves a network can draw. Eight hidden")
    print("   neurons, a linear output, the best output weights; largest distance from sin(x):")
    for name, drawn in hidden.items():
        print(f"   hidden {name:8}{np.abs(drawn - sine).max():.3f}")
    bend = np.abs(np.diff(hidden["linear"][:, 0], n=2)).max()
    print("   Linear hidden neurons draw a straight line, however many:", bool(bend < 1e-12))

    outputs = {name: sine_network("relu", name, 1.0)(x) for name in ACTIVATIONS}
    print("\n8. The output activation decides which values come out. The same relu hidden layer:")
    for name, drawn in outputs.items():
        print(f"   output {name:8}from {drawn.min():.2f} to {drawn.max():.2f}")
    if not pictures:
        return
    save(compared(x, sine, hidden, "hidden"), output / "hidden_activations.png")
    save(compared(x, sine, outputs, "output"), output / "output_activations.png")


def compared(x: Array, sine: Array, curves: dict[str, Array], place: str) -> "Figure":
    """Four panels: what the network draws with each activation, over the sine."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for axes, (name, drawn) in zip(panels.flat, curves.items(), strict=True):
        axes.plot(x, sine, color="0.7", linewidth=5, label="sin(x)")
        axes.plot(x, drawn, color=COLOURS[name], linewidth=2, label="the network")
        axes.set_title(f"{place} activation: {name}")
        axes.legend()
    return figure


def save(figure: "Figure", path: Path) -> None:
    figure.savefig(path, dpi=120)
    print(f"   picture: {path}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="From one neuron to a network.")
    parser.add_argument(
        "--output", type=Path, default=Path(), help="folder for the pictures (default: this one)"
    )
    output = parser.parse_args(arguments).output
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        pictures = False
        print('No matplotlib, so no pictures. To get it: pip install ".[plot]"\n')
    else:
        pictures = True
        output.mkdir(parents=True, exist_ok=True)
    one_neuron()
    one_layer()
    batch()
    two_layers()
    activations(output, pictures)
    bump(output, pictures)
    hidden_and_output(output, pictures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
