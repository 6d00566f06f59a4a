"""Where a descent ends depends on where it begins.

Article 4 ("【深度學習Pytorch入門】") looks for the minimum of f(x) = x^2 sin x by gradient descent. There is no
single minimum: the curve has a local one at x = -2.288930 (f = -3.945302), a deeper one at x = 5.086985 (f =
-24.08296), and deeper ones still further out. A descent depends only on the derivative where it is, so it goes
to the minimum of the valley in which it starts.

There is a third case. At x = 0 the derivative is 0, but there is no minimum, for f is about x^3 near it: to the
left it falls further. From a start between 0 and 2.2889 the descent comes to it from above, and the nearer it
comes the smaller the derivative: the distance shrinks as 1 / (3 * rate * steps), so that ten times the steps
give one more digit. It slows down, and never arrives.

Here `tf.GradientTape` computes the derivative and Keras' SGD takes the steps, with a rate of .01, from all
three starts at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program
from kerasdemos.demos._shared.descent import descend

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

STARTS = (-1.0, 1.0, 3.0)
RATE = 0.01


def compute(*, steps: int, seed: int, data: Path | None = None) -> Outcome:
    """Descend from the three starts in `steps` steps each; nothing in it is random."""
    import keras

    x = keras.Variable(STARTS, dtype="float64", name="x")

    def total() -> tf.Tensor:
        # Its derivative by each x depends on that x alone: three independent descents in one.
        return keras.ops.sum(function(x))  # pyright: ignore[reportReturnType]

    descent = descend(total, [x], rate=RATE, steps=steps)
    path = descent.paths[0]  # (steps + 1, 3)
    values = _values(path)
    slopes = _slopes(path[-1])
    left, flat, right = path[-1]
    return Outcome(
        lines=(
            *(
                f"from {start:+.0f}: after {steps} steps x = {end:.6f}, f(x) = {f:.6f}, slope {slope:.1e}"
                for start, end, f, slope in zip(STARTS, path[-1], values[-1], slopes, strict=True)
            ),
            "-1 and 3 end in different valleys; 1 creeps to 0, which is flat but goes on down behind",
            f"theory says that a creeping x is {1 / (1 / STARTS[1] + 3 * RATE * steps):.4f} by now",
        ),
        measures={
            "x from -1": float(left),
            "f from -1": float(values[-1, 0]),
            "x from 1": float(flat),
            "f from 1": float(values[-1, 1]),
            "x from 3": float(right),
            "f from 3": float(values[-1, 2]),
        },
        panels=(_curve(path, values), _over_steps(path)),
        history={
            "step": np.arange(steps + 1),
            **{f"x_from_{s:.0f}": path[:, i] for i, s in enumerate(STARTS)},
        },
    )


def function(x: keras.KerasTensor | np.ndarray) -> tf.Tensor:
    """x^2 sin x, of an array, a tensor or a Keras variable."""
    import keras

    return keras.ops.square(x) * keras.ops.sin(x)  # pyright: ignore[reportReturnType]


def _values(x: np.ndarray) -> np.ndarray:
    return function(x).numpy()


def _slopes(x: np.ndarray) -> np.ndarray:
    return 2 * x * np.sin(x) + x**2 * np.cos(x)


def _curve(path: np.ndarray, values: np.ndarray) -> Panel:
    x = np.linspace(-3.5, 6.5, 400)
    return Panel(
        title="f(x) = x² sin x, and three descents",
        x_label="x",
        y_label="f(x)",
        curves=(
            Curve(x, _values(x), "f"),
            *(Curve(path[:, i], values[:, i], f"from {s:+.0f}", "path") for i, s in enumerate(STARTS)),
        ),
    )


def _over_steps(path: np.ndarray) -> Panel:
    steps = np.arange(len(path))
    return Panel(
        title="Two arrive, one creeps",
        x_label="step",
        y_label="x",
        curves=tuple(Curve(steps, path[:, i], f"from {s:+.0f}") for i, s in enumerate(STARTS)),
    )


DEMO = Demo(
    name="sine_descent",
    article="4",
    idea="three starts, two valleys, and a flat place in between",
    data="none",
    parameters=1,
    expected=(
        Expected("x from -1", -2.288930, 5e-7, "computed"),
        Expected("f from -1", -3.945302, 5e-7, "computed"),
        Expected("x from 1", 0.0, 0.05, "computed"),
        Expected("x from 3", 5.086985, 5e-7, "computed"),
        Expected("f from 3", -24.08296, 5e-6, "computed"),
    ),
    run=Program(compute, steps=1000),
)
