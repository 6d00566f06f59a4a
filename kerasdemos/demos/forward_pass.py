"""The forward pass: what a network computes before it has learned anything.

Article 3 ("用Python进行深度学习") predicts how many transactions a bank's customer will make, from two numbers
(2 and 3: say, children and accounts). The weights are given, so there is only arithmetic: the value of a node
is the sum of its inputs, each times its weight. Inputs (2, 3) give hidden values 5 and 1, and those give an
output of 9.

Then the article applies an activation function to the hidden nodes. With tanh the same inputs give 1.238224,
because tanh lets neither 5 nor 1 past 1. With ReLU, on weights of its own and four customers, every negative
value becomes 0, so that a node can contribute nothing to an output. The article multiplies NumPy arrays; here
the weights are those of Keras `Dense` layers without biases, and `model(inputs)` computes the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program
from visualize.errors import InputError

if TYPE_CHECKING:
    import keras

CUSTOMER = np.array([[2.0, 3.0]])
HIDDEN = np.array([[1.0, -1.0], [1.0, 1.0]])  # a column is a hidden node: (1, 1) and (-1, 1)
OUTPUT = np.array([[2.0], [-1.0]])

CUSTOMERS = np.array([[3.0, 5.0], [1.0, -1.0], [0.0, 0.0], [8.0, 4.0]])
RELU_HIDDEN = np.array([[2.0, 4.0], [4.0, -5.0]])  # the nodes (2, 4) and (4, -5)
RELU_OUTPUT = np.array([[2.0], [7.0]])


def compute(*, steps: int, seed: int, data: Path | None = None) -> Outcome:
    """The article's three networks on the article's inputs; nothing is random.

    Raises:
        InputError: `steps` is not 0, as there is nothing to iterate.
    """
    if steps:
        raise InputError(f"`epochs` means nothing to forward_pass: it computes in one go. Received: {steps}.")
    linear = network("linear", HIDDEN, OUTPUT)
    tanh = network("tanh", HIDDEN, OUTPUT)
    relu = network("relu", RELU_HIDDEN, RELU_OUTPUT)
    first, second = linear.get_layer("hidden")(CUSTOMER).numpy()[0]
    output, squashed = _outputs(linear, CUSTOMER)[0], _outputs(tanh, CUSTOMER)[0]
    transactions = _outputs(relu, CUSTOMERS)
    customers = [f"({a:.0f}, {b:.0f})" for a, b in CUSTOMERS]
    return Outcome(
        lines=(
            f"no activation: (2, 3) -> hidden {first:g}, {second:g} -> output {output:g}",
            f"tanh: (2, 3) -> output {squashed:.6f}",
            *(f"ReLU: {c} -> output {t:g}" for c, t in zip(customers, transactions, strict=True)),
        ),
        measures={
            "first hidden node": float(first),
            "second hidden node": float(second),
            "output": float(output),
            "output with tanh": float(squashed),
            **{f"output with ReLU of {c}": float(t) for c, t in zip(customers, transactions, strict=True)},
        },
        panels=(_values(linear), _activations(first, second)),
        model=linear,
    )


def network(activation: str, hidden: np.ndarray, output: np.ndarray) -> keras.Model:
    """Two inputs, two hidden nodes, one output, with these weights and no biases."""
    import keras

    layers = keras.layers
    options = {"use_bias": False, "kernel_initializer": "zeros", "dtype": "float64"}
    model = keras.Sequential(
        [
            keras.Input((2,), dtype="float64", name="customer"),
            layers.Dense(2, activation=activation, name="hidden", **options),
            layers.Dense(1, name="transactions", **options),
        ],
        name=f"{activation}_network",
    )
    model.set_weights([hidden, output])
    return model


def _outputs(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    return model(inputs).numpy()[:, 0]


def _values(linear: keras.Model) -> Panel:
    """A diagram of the network: its nodes with their values, its connections with their weights."""
    hidden = linear.get_layer("hidden")(CUSTOMER).numpy()[0]
    nodes = {
        (0.0, 1.0): f"input\n{CUSTOMER[0, 0]:g}",
        (0.0, 0.0): f"input\n{CUSTOMER[0, 1]:g}",
        (1.0, 1.0): f"hidden\n{hidden[0]:g}",
        (1.0, 0.0): f"hidden\n{hidden[1]:g}",
        (2.0, 0.5): f"output\n{_outputs(linear, CUSTOMER)[0]:g}",
    }
    first, second, above, below, output = (np.array(position) for position in nodes)
    connections = (
        (first, above, HIDDEN[0, 0]),
        (first, below, HIDDEN[0, 1]),
        (second, above, HIDDEN[1, 0]),
        (second, below, HIDDEN[1, 1]),
        (above, output, OUTPUT[0, 0]),
        (below, output, OUTPUT[1, 0]),
    )
    weights = ((*(start + 0.35 * (end - start)), f"times {weight:g}") for start, end, weight in connections)
    return Panel(
        title="(2, 3) goes forward: 5 and 1, then 9",
        x_label="a node adds up what comes in, each times its weight",
        y_label="the nodes of a layer",
        curves=tuple(Curve(*np.stack([start, end], axis=1)) for start, end, _ in connections),
        notes=(*((*position, text) for position, text in nodes.items()), *weights),
    )


def _activations(first: float, second: float) -> Panel:
    import keras

    sums = np.linspace(-3, 6, 200)
    nodes = np.array([first, second])
    functions = {
        "none": keras.activations.linear,
        "ReLU": keras.activations.relu,
        "tanh": keras.activations.tanh,
    }
    lines = tuple(Curve(sums, np.asarray(f(sums), np.float64), name) for name, f in functions.items())
    points = tuple(
        Curve(nodes, np.asarray(f(nodes), np.float64), f"hidden nodes, {name}", "points")
        for name, f in functions.items()
        if name != "ReLU"
    )
    return Panel(
        title="What a hidden node lets through",
        x_label="weighted sum",
        y_label="value passed on",
        curves=(*lines, *points),
    )


DEMO = Demo(
    name="forward_pass",
    article="3",
    idea="weights times inputs, added up, layer by layer",
    data="five made-up customers",
    parameters=6,
    expected=(
        Expected("first hidden node", 5.0, 0.0, "computed"),
        Expected("second hidden node", 1.0, 0.0, "computed"),
        Expected("output", 9.0, 0.0, "computed"),
        Expected("output with tanh", 1.238224, 5e-7, "computed"),
        Expected("output with ReLU of (3, 5)", 52.0, 0.0, "computed"),
        Expected("output with ReLU of (1, -1)", 63.0, 0.0, "computed"),
        Expected("output with ReLU of (0, 0)", 0.0, 0.0, "computed"),
        Expected("output with ReLU of (8, 4)", 148.0, 0.0, "computed"),
    ),
    run=Program(compute, steps=0),
)
