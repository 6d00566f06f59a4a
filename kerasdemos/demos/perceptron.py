"""The perceptron: learn from mistakes, and only from mistakes.

The fourth snippet of article 0 ("Python深度学习算法实例分析"; Rosenblatt, 1957). A neuron adds up its weighted
inputs and outputs 1 if the sum is not negative, else 0. It sees one example at a time. If its output is right,
nothing happens; if it is wrong, each weight moves by rate * (target - output) * input: towards the inputs for
which it should have output 1, away from the others. No derivative is needed, and a step function has no useful
one. If a line divides the examples, the rule finds one.

The article teaches it OR: weights drawn from U[0, 1), rate .2, 100 examples picked at random. A third input
that is always 1 stands for the bias. The original trains a NumPy vector in a Python loop; here the weights are
those of a Keras `Dense(1)` without bias, which gives the sum, the step function follows it, and all examples
run in one compiled graph. Keras has no step layer and no optimizer for a rule that follows no gradient, so the
rule is written out in one line, as Rosenblatt has it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

INPUTS = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], np.float64)  # the third column is the bias
TARGETS = np.array([0, 1, 1, 1], np.float64)
RATE = 0.2


def compute(*, steps: int, seed: int, data: Path | None = None) -> Outcome:
    """Show the neuron `steps` random examples of OR; `seed` draws its first weights and the examples."""
    random = np.random.default_rng(seed)
    model = neuron(random.uniform(0, 1, 3))
    picks = random.integers(0, 4, steps)
    weights = learn(model, picks)  # (steps + 1, 3)
    answers = weights @ INPUTS.T >= 0  # (steps + 1, 4)
    right = (answers == TARGETS).sum(axis=1)
    sums = model(INPUTS).numpy()[:, 0]
    return Outcome(
        lines=(
            *(
                f"{a:.0f} or {b:.0f}: the sum is {s:+.3f}, so the answer is {s >= 0:d} (it should be {t:.0f})"
                for (a, b, _), s, t in zip(INPUTS, sums, TARGETS, strict=True)
            ),
            f"{right[-1]} of 4 right; the weights changed at {_changes(weights)} of {steps} examples",
        ),
        measures={"rows answered right": float(right[-1]), "examples that taught": float(_changes(weights))},
        panels=(_boundary(weights), _weights(weights)),
        history={
            "step": np.arange(steps + 1),
            "weight_1": weights[:, 0],
            "weight_2": weights[:, 1],
            "weight_bias": weights[:, 2],
            "right": right,
        },
        model=model,
    )


def neuron(weights: np.ndarray) -> keras.Model:
    """A Keras model that adds up its three weighted inputs; the neuron outputs 1 where the sum is at least 0."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((3,), dtype="float64", name="x"),
            keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", dtype="float64", name="sum"),
        ],
        name="perceptron",
    )
    model.set_weights([np.reshape(weights, (3, 1))])
    return model


def learn(model: keras.Model, picks: np.ndarray) -> np.ndarray:
    """Show `model` the rows of INPUTS with the indices `picks`, one by one; the weights before and after each, (n + 1, 3)."""
    import tensorflow as tf

    weights = model.trainable_variables[0]  # (3, 1)
    steps = len(picks)

    def step(index: tf.Tensor, path: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        pick = tf.constant(picks)[index]
        x, target = tf.constant(INPUTS)[pick][None], tf.constant(TARGETS)[pick]
        answer = tf.cast(model(x)[0, 0] >= 0, tf.float64)
        weights.assign_add(RATE * (target - answer) * tf.transpose(x))
        return index + 1, path.write(index + 1, weights.value)

    @tf.function(autograph=False)
    def run() -> tf.Tensor:
        path = tf.TensorArray(tf.float64, steps + 1, element_shape=(3, 1)).write(0, weights.value)
        return tf.while_loop(lambda index, _: index < steps, step, (0, path))[1].stack()

    return run().numpy()[:, :, 0]


def _changes(weights: np.ndarray) -> int:
    return int(np.any(np.diff(weights, axis=0) != 0, axis=1).sum())


def _boundary(weights: np.ndarray) -> Panel:
    zeros, ones = INPUTS[TARGETS == 0], INPUTS[TARGETS == 1]
    return Panel(
        title="Below the line it answers 0, above it 1",
        x_label="first input",
        y_label="second input",
        curves=(
            Curve(*_line(weights[0]), "first weights"),
            Curve(*_line(weights[-1]), "last weights"),
            Curve(zeros[:, 0], zeros[:, 1], "should be 0", "points"),
            Curve(ones[:, 0], ones[:, 1], "should be 1", "points"),
        ),
    )


def _line(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the weighted sum is 0: the part of that line that is nearest to the center of the four points."""
    normal = weights[:2]
    center = np.array([0.5, 0.5])
    foot = center - normal * (center @ normal + weights[2]) / (normal @ normal)
    along = np.array([-normal[1], normal[0]]) / np.linalg.norm(normal)
    x, y = (foot + np.outer([-0.8, 0.8], along)).T
    return x, y


def _weights(weights: np.ndarray) -> Panel:
    examples = np.arange(len(weights))
    names = ("first input", "second input", "bias")
    return Panel(
        title="A mistake moves the weights, nothing else does",
        x_label="examples seen",
        y_label="weight",
        curves=tuple(Curve(examples, weights[:, i], name) for i, name in enumerate(names)),
    )


DEMO = Demo(
    name="perceptron",
    article="0",
    idea="a neuron that learns OR from its mistakes",
    data="OR",
    parameters=3,
    expected=(Expected("rows answered right", 4.0, 0.0, "computed"),),
    run=Program(compute, steps=100),
)
