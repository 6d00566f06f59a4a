"""A network of two layers in a dozen lines: forward, error, backward, step.

Article 2 ("怎样用python构建一个卷积神经网络模型"), part 6, builds the smallest network that can learn XOR in
plain NumPy: 3-4-1, all sigmoid, no biases, weights from U[0, 1), the sum of squares over the four rows as loss,
1500 full-batch steps with the gradient itself as step. It is the network of `xor_backprop` with larger steps,
and this demo looks at something else: whether the loss falls at *every* step. It does. That is no general rule:
with steps twice as long it rises somewhere in 96 of 100 seeds.

The original's backward pass is written by hand, here it is `tf.GradientTape`. Its loss is a sum over four rows,
Keras' is their mean, so SGD needs a learning rate of 4 to take the original's step of 1. The original's weights
come from NumPy's global state; here a seed draws them, so that one can measure how often it works: in 99.8 % of
seeds all four outputs are on the right side.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program
from kerasdemos.demos._shared import xor
from kerasdemos.demos._shared.descent import descend

RATE = 4.0
ROWS = len(xor.TARGETS)


def compute(*, steps: int, seed: int, data: Path | None = None) -> Outcome:
    """Train the network on the four rows `steps` times; `seed` draws its first weights."""
    model = xor.network(0, 1, seed=seed)
    descent = descend(lambda: xor.mean_squared_error(model), model.trainable_variables, rate=RATE, steps=steps)
    losses = descent.losses * ROWS  # the article's sum of squares
    outputs = xor.outputs(*descent.paths)  # (steps + 1, 4)
    last, targets = outputs[-1], xor.TARGETS[:, 0]
    rises = int((np.diff(losses) >= 0).sum())
    return Outcome(
        lines=(
            f"the sum of squares is {losses[0]:.6f} at the start and {losses[-1]:.6f} after {steps} steps",
            f"it failed to fall at {rises} of them",
            *(
                f"{name}: {output:.4f} (it should be {target:.0f})"
                for name, output, target in zip(xor.NAMES, last, targets, strict=True)
            ),
        ),
        measures={
            **{name: float(output) for name, output in zip(xor.NAMES, last, strict=True)},
            "steps at which the loss did not fall": float(rises),
            "loss at the end": float(losses[-1]),
        },
        panels=(_loss(losses), _outputs(outputs)),
        history={"step": np.arange(steps + 1), "loss": losses},
        model=model,
    )


def _loss(losses: np.ndarray) -> Panel:
    return Panel(
        title="The loss falls at every step",
        x_label="step",
        y_label="sum of squares",
        curves=(Curve(np.arange(len(losses)), losses),),
        log_y=True,
    )


def _outputs(outputs: np.ndarray) -> Panel:
    steps = np.arange(len(outputs))
    return Panel(
        title="What it answers, as it learns",
        x_label="step",
        y_label="output",
        curves=tuple(Curve(steps, outputs[:, i], name) for i, name in enumerate(xor.NAMES)),
    )


DEMO = Demo(
    name="two_layer_net",
    article="2, part 6",
    idea="XOR from nothing: the loss falls at every step",
    data="XOR",
    parameters=16,
    # The medians over seeds; the tolerances hold for all but a few seeds in 10,000.
    expected=(
        Expected("0 xor 0", 0.0123, 0.02, "computed"),
        Expected("0 xor 1", 0.9745, 0.02, "computed"),
        Expected("1 xor 0", 0.9745, 0.02, "computed"),
        Expected("1 xor 1", 0.0276, 0.02, "computed"),
        Expected("steps at which the loss did not fall", 0.0, 0.0, "computed"),
    ),
    run=Program(compute, steps=1500),
)
