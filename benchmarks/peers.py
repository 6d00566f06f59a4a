"""Peers: the same work by tf-keras-vis and by Xplique, each called as its documentation shows.

A contender is a function that takes a fresh model and returns the call to be timed: what can be made once, an explainer and
its modified model, is made outside of it. Both get a functional model that returns logits, the same target for every image,
the same layer, as many samples, steps, masks and patches as we take, and the batch size at which the bare passes are
fastest.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.workloads import TARGET
from visualize.results import Attribution

Contender = Callable[[keras.Model], Callable[[], object]]


def keras_vis(kind: str, images: np.ndarray, *, modifier: Any = None, **options: Any) -> Contender:
    """A class of tf-keras-vis on some images; maps stay as they are, not brought to 0..1."""

    def prepare(model: keras.Model) -> Callable[[], object]:
        explainer = _class_of(kind)(model, model_modifier=modifier)
        score = _score(len(images))
        return lambda: explainer(score, images, **options)

    return prepare


def guided() -> Any:
    """What makes tf-keras-vis' saliency guided: a modifier of the activations of a cloned model."""
    from tf_keras_vis.utils.model_modifiers import GuidedBackpropagation

    return GuidedBackpropagation()


def keras_vis_maximize(shape: tuple[int, ...], units: int, steps: int) -> Contender:
    """Activation maximization by tf-keras-vis with what we do at each step: shift, total variation, norm, RMSprop, clip."""
    from tf_keras_vis.activation_maximization import input_modifiers, regularizers
    from tf_keras_vis.utils.scores import CategoricalScore

    def prepare(model: keras.Model) -> Callable[[], object]:
        explainer = _class_of("ActivationMaximization")(model)

        def call() -> object:
            return explainer(
                CategoricalScore(list(range(units))),
                tf.fill((units, *shape), 0.5),
                input_range=(0.0, 1.0),
                input_modifiers=[input_modifiers.Jitter(1)],
                regularizers=[regularizers.TotalVariation2D(1.0), regularizers.Norm(1.0, p=6)],
                steps=steps,
                optimizer=keras.optimizers.RMSprop(0.02, 0.95),
            )

        return call

    return prepare


def xplique(kind: str, images: np.ndarray, **options: Any) -> Contender:
    """An attribution of Xplique on some images; its targets are rows of zeros with one 1."""
    import xplique.attributions  # pyright: ignore[reportMissingImports] installed by `make bench` alone

    def prepare(model: keras.Model) -> Callable[[], object]:
        explainer = getattr(xplique.attributions, kind)(model, **options)
        targets = np.eye(model.output_shape[-1], dtype="float32")[[TARGET] * len(images)]
        return lambda: np.asarray(explainer(images, targets))

    return prepare


def xplique_metric(kind: str, attribution: Attribution, *, subsets: np.ndarray | None = None, **options: Any) -> Contender:
    """A metric of Xplique on the maps of an attribution; the model and the images are given to it when it is made.

    Args:
        kind: "Deletion", "Insertion" or "MuFidelity".
        attribution: images and maps.
        subsets: of cells to hide, (samples, cells) bool; by default it draws its own.
        options: of the metric.
    """
    import xplique.metrics  # pyright: ignore[reportMissingImports] installed by `make bench` alone

    def prepare(model: keras.Model) -> Callable[[], object]:
        targets = np.eye(model.output_shape[-1], dtype="float32")[attribution.targets]

        def call() -> object:
            metric = getattr(xplique.metrics, kind)(model, attribution.images, targets, **options)
            if subsets is not None:
                metric._perturb_samples = lambda inputs, count: _hidden(inputs, subsets[:count], options)
            return metric(attribution.values)

        return call

    return prepare


def _hidden(inputs: tf.Tensor, subsets: np.ndarray, options: dict[str, Any]) -> tuple[tf.Tensor, tf.Tensor]:
    """What Xplique's µFidelity makes of images and its subsets: copies, one after the other, and masks of what is shown."""
    cells = options["grid_size"]
    masks = tf.image.resize(1.0 - subsets.reshape(-1, cells, cells, 1), inputs.shape[1:-1], method="nearest")
    masks = tf.repeat(tf.cast(masks, tf.float32)[None], len(inputs), axis=0)
    copies = inputs[:, None] * masks + (1.0 - masks) * options["baseline_mode"]
    return tf.reshape(copies, [-1, *inputs.shape[1:]]), masks


def xplique_maximize(units: int, steps: int) -> Contender:
    """Feature visualization by Xplique on plain pixels, with a shift, total variation and a norm."""
    from xplique.features_visualizations import (  # pyright: ignore[reportMissingImports] installed by `make bench` alone
        Objective,
        l2_reg,
        optimize,
        random_jitter,
        total_variation_reg,
    )

    def prepare(model: keras.Model) -> Callable[[], object]:
        objective = Objective.neuron(model, -1, list(range(units)))

        def call() -> object:
            return optimize(
                objective,
                optimizer=keras.optimizers.RMSprop(0.02, 0.95),
                nb_steps=steps,
                use_fft=False,
                regularizers=[total_variation_reg(1.0), l2_reg(1.0)],
                image_normalizer="clip",
                transformations=random_jitter(1),
                custom_shape=None,
            )

        return call

    return prepare


def _class_of(kind: str) -> Any:
    from tf_keras_vis import activation_maximization, gradcam, gradcam_plus_plus, layercam, saliency, scorecam

    modules = (activation_maximization, gradcam_plus_plus, gradcam, layercam, saliency, scorecam)
    return next(getattr(module, kind) for module in modules if hasattr(module, kind))


def _score(count: int) -> Any:
    from tf_keras_vis.utils.scores import CategoricalScore

    return CategoricalScore([TARGET] * count)


warnings.filterwarnings("ignore", category=DeprecationWarning)  # tf-keras-vis' imports from SciPy
warnings.filterwarnings("ignore", "The structure of `inputs`")  # it calls every model on a list
