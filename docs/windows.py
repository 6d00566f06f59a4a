"""Draw how the windows of hidden patches grow from layer to layer.

    python docs/windows.py [MODEL.keras] [--index N] [--patch N] [--out PNG]

Each column is one layer. Gray is how much its maps change when the patch is hidden, found by computing both pictures in full;
the frame is the window that the planner says can change. No gray is outside of a frame.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import visualize
from visualize import plotting
from visualize.attribution.incremental import planner
from visualize.engine import compile as tracing
from visualize.engine import forward as probe

PLACES = ((0, 4), (12, 12), (20, 16))  # top and left of a few patches


def changes(model: object, images: np.ndarray, hidden: np.ndarray, patch: int) -> tuple[list[np.ndarray], dict]:
    """How much each layer's maps change, (places, height, width), and of each layer its name and its windows."""

    def compared(model, images, hidden):
        seen, other = probe.look(model, images, images), probe.look(model, hidden, hidden)
        starts = [sorted({place[axis] for place in PLACES}) for axis in (0, 1)]
        steps = planner.plans(seen, starts, patch, batch=1)[0][-1].steps
        steps = [step for step in steps if step.output is not None and not step.output.flat]
        differences = {
            f"{number:03}": tf.reduce_mean(abs(other.calls[step.number].outputs[0] - step.output.tensor), axis=-1)
            for number, step in enumerate(steps)
        }
        windows = [
            [
                [int(span.start[starts[axis].index(place[axis])]) for axis, span in enumerate(step.output.axes)]
                for place in PLACES
            ]
            for step in steps
        ]
        sizes = [[span.size for span in step.output.axes] for step in steps]
        return differences, {"names": [step.call.path for step in steps], "windows": windows, "sizes": sizes}

    spec = tf.TensorSpec([None, *images.shape[1:]], tf.float32)
    trace = tracing.trace(model, ("growth", patch), compared, {"images": spec, "hidden": spec})
    found = trace(images=tf.constant(images), hidden=tf.constant(hidden))
    return [found[name].numpy() for name in sorted(found)], trace.notes


@click.command()
@click.argument("model", default="outputs/digits_cnn/model.keras")
@click.option("--index", type=int, default=0, show_default=True, help="Which test digit.")
@click.option("--patch", type=int, default=4, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path(__file__).with_suffix(".png"), show_default=False)
def main(model: str, index: int, patch: int, out: Path) -> None:
    """Draw one figure."""
    opened = visualize.open_model(model)
    digit = visualize.from_data(opened, "mnist:test", [index]).images
    copies = np.repeat(digit, len(PLACES), axis=0)
    hidden = copies.copy()
    for copy, (top, left) in zip(hidden, PLACES, strict=True):
        copy[top : top + patch, left : left + patch] = 0.5
    maps, notes = changes(opened, copies, hidden, patch)
    figure = Figure(figsize=(2.1 * (1 + len(maps)), 2.1 * len(PLACES) + 0.3), layout="constrained")
    axes = figure.subplots(len(PLACES), 1 + len(maps))
    for row, (top, left) in enumerate(PLACES):
        columns = [("the picture", hidden[row, ..., 0], (top, left), (patch, patch))]
        rows = zip(notes["names"], maps, notes["windows"], notes["sizes"], strict=True)
        columns += [(name, one[row], where[row], size) for name, one, where, size in rows]
        for axis, (name, picture, (y, x), (tall, wide)) in zip(axes[row], columns, strict=True):
            axis.imshow(picture, cmap="gray_r" if axis is not axes[row][0] else "gray", vmin=0)
            axis.add_patch(Rectangle((x - 0.5, y - 0.5), wide, tall, fill=False, edgecolor="#d62728", linewidth=1.5))
            height, width = picture.shape
            axis.set_title(f"{name}: {tall}x{wide} of {height}x{width}", fontsize=7.5)
            axis.set(xticks=[], yticks=[])
            for side in axis.spines.values():
                side.set(color="#bbbbbb", linewidth=0.6)
    click.echo(plotting.write_png(figure, out))


if __name__ == "__main__":
    main()
