"""The first network with `model.fit`: one neuron, one line, and a loss that looks converged.

Article 1 ("深度学习初学的一些理解感悟") generates 100 points on y = x with a little noise (x in [0, 1], noise
of standard deviation .1), gives them to a Keras `Dense(1)` with SGD .01 and mean squared error, and trains 200
epochs in batches of 32. Then it predicts y at x = 1 and prints .692, where about 1 would be right, without a
comment.

The network has not converged. The loss falls fast while the line finds its height, and then slowly while it
turns; 200 epochs are 800 small steps. Over 300 seeds the prediction at 1 is then .883 +- .121 and the error
.021 +- .013, and after 1000 epochs .999 +- .018 and .0098, which is the variance of the noise. So the lesson of
this demo is that a flat loss curve is no proof of convergence.

The article's calls are those of Keras 1 (`nb_epoch`, `input_dim`, `predict([1])`); none of them works today.
The points, the first weight and the order of the batches follow from one seed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.demo import Curve, Demo, Expected, Outcome, Panel, Program
from kerasdemos.demos._shared.batches import batches_in, shuffled_batches

if TYPE_CHECKING:
    import keras

COUNT, NOISE = 100, 0.1
BATCH = 32
RATE = 0.01
IN_ORDER = {"shuffle": False, "verbose": 0}  # of `model.fit`: the batches are shuffled already
LONG = 1000  # epochs after which it has converged
ARTICLE_PREDICTION = 0.692


def compute(*, steps: int, seed: int, data: Path | None = None) -> Outcome:
    """Train for `steps` epochs, then a copy up to 1000; points, weights and batches follow from `seed`."""
    x, y = generated_points(seed)
    model = build(seed)
    losses = _fit(model, x, y, epochs=steps, seed=seed)
    longer = _copy(model)
    _fit_at_once(longer, x, y, epochs=max(LONG - steps, 0), seed=seed + 1)
    prediction, error = _at_one(model), _error(model, x, y)
    later_prediction, later_error = _at_one(longer), _error(longer, x, y)
    converged = abs(prediction - later_prediction) < NOISE / 10
    return Outcome(
        lines=(
            f"after {steps} epochs the prediction at x = 1 is {prediction:.3f} and the error {error:.4f}",
            f"after {max(LONG, steps)} epochs they are {later_prediction:.3f} and {later_error:.4f}; "
            f"the noise has a variance of {NOISE**2:g}",
            f"so at {steps} epochs it has {'' if converged else 'not '}converged",
            f"the article stopped at 200 epochs and printed {ARTICLE_PREDICTION}; "
            "over 300 seeds the prediction is .883 +- .121 there",
        ),
        measures={
            "prediction at 1": prediction,
            "error": error,
            "prediction at 1 after 1000 epochs": later_prediction,
            "error after 1000 epochs": later_error,
        },
        panels=(_lines(model, longer, x, y, steps), _loss(losses)),
        history={"epoch": np.arange(1, steps + 1), "loss": losses},
        model=model,
    )


def generated_points(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """100 points near y = x: the x and the y, each (100, 1) float32."""
    random = np.random.default_rng(seed)
    x = random.uniform(0, 1, (COUNT, 1))
    y = x + NOISE * random.standard_normal((COUNT, 1))
    return x.astype(np.float32), y.astype(np.float32)


def build(seed: int) -> keras.Model:
    """The article's network, compiled: one input, one neuron, no activation."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((1,), name="x"),
            keras.layers.Dense(
                1,
                kernel_initializer=keras.initializers.GlorotUniform(seed),  # pyright: ignore[reportArgumentType]
                name="line",
            ),
        ],
        name="line_fit",
    )
    model.compile(optimizer=keras.optimizers.SGD(RATE), loss="mean_squared_error")
    return model


def _fit(model: keras.Model, x: np.ndarray, y: np.ndarray, *, epochs: int, seed: int) -> np.ndarray:
    """Train, and return the loss of each epoch."""
    batches = shuffled_batches(x, y, batch=BATCH, epochs=epochs, seed=seed)
    history = model.fit(batches, epochs=epochs, steps_per_epoch=batches_in(len(x), BATCH), **IN_ORDER).history
    return np.array(history["loss"])


def _fit_at_once(model: keras.Model, x: np.ndarray, y: np.ndarray, *, epochs: int, seed: int) -> None:
    """Train as `_fit` does, as one epoch: the bookkeeping of Keras costs more than the four batches of an epoch."""
    import keras

    if not epochs:
        return
    per_epoch = batches_in(len(x), BATCH)
    model.compile(optimizer=keras.optimizers.SGD(RATE), loss="mean_squared_error", steps_per_execution=25 * per_epoch)
    batches = shuffled_batches(x, y, batch=BATCH, epochs=epochs, seed=seed)
    model.fit(batches, steps_per_epoch=epochs * per_epoch, **IN_ORDER)


def _copy(model: keras.Model) -> keras.Model:
    import keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def _at_one(model: keras.Model) -> float:
    return float(model(np.array([[1.0]], np.float32)).numpy()[0, 0])


def _error(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean((model(x).numpy() - y) ** 2))


def _lines(model: keras.Model, longer: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int) -> Panel:
    ends = np.array([[0.0], [1.0]], np.float32)
    return Panel(
        title="The line is still turning",
        x_label="x",
        y_label="y",
        curves=(
            Curve(ends[:, 0], model(ends).numpy()[:, 0], f"{epochs} epochs"),
            Curve(ends[:, 0], longer(ends).numpy()[:, 0], f"{max(LONG, epochs)} epochs"),
            Curve(x[:, 0], y[:, 0], "data", "points"),
            Curve(np.array([1.0]), np.array([ARTICLE_PREDICTION]), "printed in the article", "points"),
        ),
    )


def _loss(losses: np.ndarray) -> Panel:
    epochs = np.arange(1, len(losses) + 1)
    return Panel(
        title="The loss looks finished",
        x_label="epoch",
        y_label="mean squared error",
        curves=(
            Curve(epochs, losses, "training loss"),
            Curve(epochs[[0, -1]], np.array([NOISE**2, NOISE**2]), "variance of the noise"),
        ),
    )


DEMO = Demo(
    name="line_fit",
    article="1",
    idea="one neuron learns a line, and 200 epochs are not enough",
    data="100 made points",
    parameters=2,
    # Means over 300 seeds; the tolerances are three deviations, as it depends on the seed.
    expected=(
        Expected("prediction at 1", 0.883, 0.363, "computed"),
        Expected("error", 0.021, 0.039, "computed"),
        Expected("prediction at 1 after 1000 epochs", 0.999, 0.054, "computed"),
        Expected("error after 1000 epochs", 0.0098, 0.0045, "computed"),
    ),
    run=Program(compute, steps=200),
)
