"""Train the course's spiral: three classes that no straight line can part.

Prints the course of the training, and saves a picture of what the network takes each point of the
plane for, early, later and at the end, if matplotlib is installed.

    python examples/spiral.py --output pictures
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import cnnfs

Floats = NDArray[np.floating[Any]]

EPOCHS = 4000
SHOWN = (40, 400, EPOCHS)  # epochs after which the network is drawn
COLOURS = np.array([[0.12, 0.47, 0.71], [1.00, 0.50, 0.05], [0.17, 0.63, 0.17]])


def spiral(points: int, arms: int, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
    """Points in the plane, shape (points * arms, 2), and the arm that each belongs to.

    Each arm starts at the origin and winds outwards: its points have radii evenly spaced from 0 to
    1, and while the radius grows by 1, the angle grows by 10 radians. The next arm begins 10
    radians further. Noise on the angle, with a standard deviation of half a radian, blurs them.
    """
    radius = np.tile(np.linspace(0.0, 1.0, points), arms)
    arm = np.repeat(np.arange(arms), points)
    angle = 10.0 * (arm + radius) + rng.normal(0.0, 0.5, points * arms)
    return np.column_stack([radius * np.sin(angle), radius * np.cos(angle)]), arm


def regions(net: cnnfs.Network) -> Floats:
    """A picture of the plane: each point in the mixture of the colours that the network sees."""
    side = np.linspace(-1.1, 1.1, 300)
    plane = np.stack(np.meshgrid(side, side), axis=-1)  # (300, 300, 2): leading dimensions are kept
    mixture: Floats = np.clip(net(plane) @ COLOURS, 0.0, 1.0)
    return mixture


def draw(pictures: dict[int, tuple[Floats, float]], x: Floats, y: Any, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(pictures), 4.3), layout="constrained")
    panels = figure.subplots(1, len(pictures), squeeze=False)[0]
    for axes, (number, (picture, accuracy)) in zip(panels, pictures.items(), strict=True):
        axes.imshow(picture, origin="lower", extent=(-1.1, 1.1, -1.1, 1.1), alpha=0.55)
        axes.scatter(*x.T, s=10, c=COLOURS[y], edgecolors="white", linewidths=0.4)
        axes.set_title(f"epoch {number}: {accuracy:.1%} are right")
        axes.set_xticks([])
        axes.set_yticks([])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    print(f"picture: {path}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The spiral, learned.")
    parser.add_argument("--output", type=Path, default=Path(), help="folder of the picture")
    output = parser.parse_args(arguments).output

    rng = np.random.default_rng(0)
    x, y = spiral(100, 3, rng)
    net = cnnfs.Network(
        [cnnfs.Layer(2, 64, "relu", rng=rng), cnnfs.Layer(64, 3, "softmax", rng=rng)]
    )
    print(f"{len(x)} points on three arms of a spiral\n\n{net.summary()}\n")

    pictures: dict[int, tuple[Floats, float]] = {}

    def watch(epoch: cnnfs.Epoch) -> None:
        """Called after each epoch."""
        if epoch.number in SHOWN:
            accuracy = net.evaluate(x, y)["accuracy"]
            pictures[epoch.number] = regions(net), accuracy
            print(f"epoch {epoch.number:4}: loss {epoch.logs['loss']:.3f}, accuracy {accuracy:.2%}")

    # As in the course, an epoch is one step that sees all points.
    optimizer = cnnfs.Adam(cnnfs.InverseTimeDecay(0.05, decay=1e-3))
    net.fit(x, y, epochs=EPOCHS, batch_size=len(x), optimizer=optimizer, callbacks=[watch])

    print(f"\nOn the training points, after {EPOCHS} epochs: {net.evaluate(x, y)['accuracy']:.2%}")
    new_x, new_y = spiral(100, 3, rng)
    print(f"On new points of the same spiral: {net.evaluate(new_x, new_y)['accuracy']:.2%}\n")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        print('No matplotlib, so no picture. To get it: pip install ".[plot]"')
    else:
        draw(pictures, x, y, output / "spiral.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
