"""Draw how the windows of hidden patches grow from layer to layer.

    python docs/windows.py [MODEL.keras] [--index N] [--patch N] [--out PNG]

Each column is one layer. Gray is how much its maps change when the patch is hidden, computed from both pictures in full;
the frame is the window that the planner says can change. No gray is outside of a frame.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click
import keras
import numpy as np
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import visualize
from visualize.attribution.incremental.planner import window_plans
from visualize.attribution.incremental.walk import WindowStep
from visualize.engine.compile import Program, compiled
from visualize.engine.forward import forward_pass
from visualize.plotting import write_png

POSITIONS = ((0, 4), (12, 12), (20, 16))  # top and left of a few patches


@dataclass(frozen=True)
class Growth(Program):
    """The graph of how much each layer's maps change; in its notes, the name and the windows of each layer.

    Attributes:
        patch: side of the square.
    """

    patch: int

    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        """Compare the maps of two forward passes."""
        unhidden, hidden = (forward_pass(model, tensors[name], tensors[name]) for name in ("images", "hidden"))
        tops, lefts = (sorted({position[axis] for position in POSITIONS}) for axis in (0, 1))
        plans, _ = window_plans(unhidden, (tops, lefts), self.patch, batch=1)
        steps = [step for step in plans[-1].steps if isinstance(step, WindowStep)]
        differences = {
            f"{number:03}": tf.reduce_mean(abs(hidden.calls[step.number].outputs[0] - step.output.tensor), axis=-1)
            for number, step in enumerate(steps)
        }
        frames = []  # of each layer: top and left of the window at each position, and its height and width
        for step in steps:
            rows, columns = step.output.window
            corners = [(int(rows.start[tops.index(top)]), int(columns.start[lefts.index(left)])) for top, left in POSITIONS]
            frames.append((step.call.path, corners, (rows.size, columns.size)))
        return differences, {"frames": frames}


def changes(model: keras.Model, images: np.ndarray, hidden: np.ndarray, patch: int) -> tuple[list[np.ndarray], list]:
    """How much each layer's maps change, (positions, height, width), and of each layer its name and its windows."""
    spec = tf.TensorSpec([None, *images.shape[1:]], tf.float32)
    graph = compiled(model, Growth(patch), {"images": spec, "hidden": spec})
    differences = graph({"images": tf.constant(images), "hidden": tf.constant(hidden)})
    return [differences[name].numpy() for name in sorted(differences)], graph.notes["frames"]


@click.command(epilog="\b\nExample:\n  python docs/windows.py outputs/digits_cnn/model.keras --index 18 --patch 4")
@click.argument("model", default="outputs/digits_cnn/model.keras")
@click.option("--index", type=int, default=0, show_default=True, help="Which test digit.")
@click.option("--patch", type=click.IntRange(1, 8), default=4, show_default=True, help="Side of the square in pixels.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(__file__).with_suffix(".png"),
    metavar="FILE.png",
    help="Where to write.  [default: docs/windows.png]",
)
def main(model: str, index: int, patch: int, out: Path) -> None:
    """Draw how the windows of hidden patches grow from layer to layer of MODEL, a network of digits."""
    opened = visualize.open_model(model)
    digit = visualize.from_data(opened, "mnist:test", [index]).images
    if isinstance(digit, dict):
        raise click.UsageError("MODEL must have a single input.")
    copies = np.repeat(digit, len(POSITIONS), axis=0)
    hidden = copies.copy()
    for copy, (top, left) in zip(hidden, POSITIONS, strict=True):
        copy[top : top + patch, left : left + patch] = 0.5
    maps, frames = changes(opened, copies, hidden, patch)
    figure = Figure(figsize=(2.1 * (1 + len(maps)), 2.1 * len(POSITIONS) + 0.3), layout="constrained")
    axes = figure.subplots(len(POSITIONS), 1 + len(maps))
    for row, corner in enumerate(POSITIONS):
        draw_panel(axes[row][0], "the picture", hidden[row, ..., 0], corner, (patch, patch), cmap="gray")
        for axis, layer_maps, (name, corners, size) in zip(axes[row][1:], maps, frames, strict=True):
            draw_panel(axis, name, layer_maps[row], corners[row], size, cmap="gray_r")
    click.echo(write_png(figure, out))


def draw_panel(
    axis: Axes, name: str, picture: np.ndarray, corner: tuple[int, int], size: tuple[int, int], *, cmap: str
) -> None:
    """Draw one map and the frame of its window."""
    (top, left), (tall, wide), (height, width) = corner, size, picture.shape
    axis.imshow(picture, cmap=cmap, vmin=0)
    axis.add_patch(Rectangle((left - 0.5, top - 0.5), wide, tall, fill=False, edgecolor="#d62728", linewidth=1.5))
    axis.set_title(f"{name}: {tall}x{wide} of {height}x{width}", fontsize=7.5)
    axis.set(xticks=[], yticks=[])
    for side in axis.spines.values():
        side.set(color="#bbbbbb", linewidth=0.6)


if __name__ == "__main__":
    main()
