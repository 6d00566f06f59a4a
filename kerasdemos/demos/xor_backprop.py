"""Back-propagation: the error goes backwards, so that the hidden layer learns too.

The fifth snippet of article 0 ("Python深度学习算法实例分析"; Rumelhart, Hinton & Williams, 1986). No line
divides XOR, so no perceptron can learn it: it takes a hidden layer, and there are no targets for a hidden
neuron. The chain rule replaces them: the output's error, times the weight that leads to it, times the
derivative of the sigmoid, is the hidden neuron's share of the error.

The network is 3-4-1, all sigmoid, without biases, the weights from U[-1, 1), and it sees the four rows at once,
60,000 times. The original writes the two backward steps in NumPy; here `tf.GradientTape` computes them and
Keras' SGD takes the step. The learning rate needs care. The original moves the weights by the sum over the four
rows of error * derivative, without the 2 of the squared error's derivative. Keras' mean squared error has the 2
and divides by 4, so the same step needs a learning rate of 2.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program
from kerasdemos.demos._shared import xor
from kerasdemos.demos._shared.descent import descend

RATE = 2.0
KEEP = 100  # steps per row of the history
EARLY = 2000  # steps after which the outputs hardly change


def compute(*, steps: int, seed: int, data: Path | None = None) -> Outcome:
    """Train the network on the four rows `steps` times; `seed` draws its first weights."""
    model = xor.network(-1, 1, seed=seed)
    descent = descend(lambda: xor.mean_squared_error(model), model.trainable_variables, rate=RATE, steps=steps)
    outputs = xor.outputs(*descent.paths)  # (steps + 1, 4)
    last, targets = outputs[-1], xor.TARGETS[:, 0]
    errors = np.abs(outputs - targets).mean(axis=1)
    kept = np.unique([*range(0, steps + 1, KEEP), steps])
    shown = np.unique(np.linspace(0, steps, 7, dtype=int))
    return Outcome(
        lines=(
            *(f"step {step:5d}: mean absolute error {errors[step]:.6f}" for step in shown),
            *(
                f"{name}: {output:.5f} (it should be {target:.0f})"
                for name, output, target in zip(xor.NAMES, last, targets, strict=True)
            ),
        ),
        measures={
            "mean absolute error": float(errors[-1]),
            "rows answered right": float(((last > 0.5) == (targets > 0.5)).sum()),
        },
        panels=(_errors(kept, errors[kept]), _outputs(outputs[: EARLY + 1])),
        history={"step": kept, "mean_absolute_error": errors[kept], "loss": descent.losses[kept]},
        model=model,
    )


def _errors(steps: np.ndarray, errors: np.ndarray) -> Panel:
    return Panel(
        title="The error falls, ever more slowly",
        x_label="step",
        y_label="mean absolute error",
        curves=(Curve(steps, errors),),
        log_y=True,
    )


def _outputs(outputs: np.ndarray) -> Panel:
    steps = np.arange(len(outputs))
    return Panel(
        title="What it answers, at first",
        x_label="step",
        y_label="output",
        curves=tuple(Curve(steps, outputs[:, i], name) for i, name in enumerate(xor.NAMES)),
    )


DEMO = Demo(
    name="xor_backprop",
    article="0",
    idea="a hidden layer learns XOR by back-propagation",
    data="XOR",
    parameters=16,
    expected=(
        # Over 100 other seeds .0032 to .0055, half of them below .0039.
        Expected("mean absolute error", 0.003, 0.0026, "computed"),
        Expected("rows answered right", 4.0, 0.0, "computed"),
    ),
    run=Program(compute, steps=60_000),
)
