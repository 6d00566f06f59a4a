"""Randomization: whether a map changes when the model no longer knows anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_count
from visualize.attribution.gradients import saliency
from visualize.attribution.request import TARGETS, ScoreSpec, prepare
from visualize.engine.compile import Program, compiled
from visualize.engine.other_weights import OtherWeights
from visualize.errors import InputError
from visualize.metrics.explanations import Explanations
from visualize.metrics.ranks import rank_correlation
from visualize.models.layers import layers_by_path
from visualize.results import Attribution

BINS = 100  # of the histogram whose entropy is the complexity of a map


@dataclass(frozen=True, eq=False)
class Randomization:
    """What became of maps when the weights of the model were shuffled, from the top down.

    Attributes:
        layers: paths of the layers with weights, the last executed first; "" stands for weights of the model itself.
        shuffled: (steps,) how many of them were shuffled at each step.
        correlations: (steps, batch) rank correlation of the map with the original's, -1 to 1. Near 1 the map does not depend
            on what these layers learned; near 0 it does.
        magnitude_correlations: (steps, batch) the same of |map|, which stays high where the picture shines through.
        complexity_rise: (batch,) how much more complex the map is when all layers are shuffled, as a share of its own.
    """

    layers: tuple[str, ...]
    shuffled: np.ndarray
    correlations: np.ndarray
    magnitude_correlations: np.ndarray
    complexity_rise: np.ndarray


def randomization(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    method: Callable[..., Attribution] = saliency,
    steps: int | None = 4,
    seed: int = 0,
    **options: Any,
) -> Randomization:
    """How much the map of a method changes when the weights of the model are shuffled, layer by layer from the top.

    Cascading randomization of Adebayo et al. (2018), arXiv:1810.03292, by rank correlations with and without
    signs; and the efficient test of Hedström et al. (2024), arXiv:2405.02383, which compares the complexity of
    the map, the entropy of its histogram, before and after all weights are random. A map that stays the same shows the image
    and not what was learned.

    Each weight keeps its values in another order, so that the outputs keep their scale. Values that belong to one channel,
    such as the four vectors of a BatchNormalization, stay together. The model itself is not changed, not even meanwhile.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        method: such as `visualize.gradcam`, or `functools.partial(visualize.occlusion, patch=8)`.
        steps: how many steps from the top layer alone to all of them; None for one step per layer.
        seed: of the order of the values.
        options: of the method.

    Returns:
        Correlations for each step and image, and the rise of complexity. The layers are shuffled in the reverse of the order
        in which the model executes them.

    Raises:
        InputError: the method cannot be applied, `steps` is no whole number from 1, or the model has no weights to shuffle.
    """
    steps, seed = None if steps is None else checked_count("steps", steps, 1), checked_count("seed", seed, 0)
    return randomized(Explanations.of(model, images, target, method, options), steps, seed)


def randomized(explanations: Explanations, steps: int | None, seed: int) -> Randomization:
    """What `randomization` returns, for maps that are there already.

    Raises:
        InputError: the model has no weights to shuffle.
    """
    layers = _layers_from_the_top(explanations)
    if not layers:
        raise InputError("The model must have weights that differ from one another. Received: none.")
    counts = _steps(len(layers), steps)
    shuffles = [shuffled_weights(weights, (seed, number)) for number, weights in enumerate(layers.values())]
    other, maps = OtherWeights(explanations.model), []
    for count in counts:
        other.assign({key: value for values in shuffles[:count] for key, value in values.items()})
        with other.in_use():
            maps.append(explanations.again().values)
    return _changes(explanations.original.values, np.array(maps), tuple(layers), np.array(counts))


def shuffled_weights(weights: Sequence[keras.Variable], seed: Sequence[int]) -> dict[int, np.ndarray]:
    """The weights of one layer with their values in another order, by the `id` of each.

    Vectors of one length are reordered alike, since their values belong to the same channels.
    """
    generator = np.random.default_rng(list(seed))
    orders: dict[int, np.ndarray] = {}
    shuffled = {}
    for weight in weights:
        value = np.asarray(keras.ops.convert_to_numpy(weight))
        if value.ndim == 1:
            order = orders.setdefault(len(value), generator.permutation(len(value)))
        else:
            order = generator.permutation(value.size)
        shuffled[id(weight)] = value.reshape(-1)[order].reshape(value.shape)
    return shuffled


def _changes(original: np.ndarray, maps: np.ndarray, layers: tuple[str, ...], counts: np.ndarray) -> Randomization:
    """What became of the original's maps, (batch, height, width), at each step, (steps, batch, height, width)."""
    signed = np.array([rank_correlation(values, original) for values in maps])
    magnitudes = np.array([rank_correlation(np.abs(values), np.abs(original)) for values in maps])
    before, after = _histogram_entropy(original), _histogram_entropy(maps[-1])
    return Randomization(layers, counts, signed, magnitudes, (after - before) / np.where(before > 0, before, 1))


def _layers_from_the_top(explanations: Explanations) -> dict[str, list[keras.Variable]]:
    """The weights that each layer holds itself, by its path; the layer that is executed last first.

    Weights of which all values are equal are not among them: in another order they are the same.
    """
    model, images = explanations.model, explanations.images
    request = prepare(model, images, explanations.target, explanations.options.get("input_name"))
    graph = compiled(model, _ExecutionOrder(replace(request.spec, function=None)), request.tensor_specs)
    layers, claimed, own = layers_by_path(model), set(), {}
    for path in (*graph.notes["order"], ""):  # a layer ends before the one that contains it; what none of them holds
        weights = [each for each in (layers[path] if path else model).weights if id(each) not in claimed]
        claimed.update(map(id, weights))
        varying = [each for each in weights if _varies(each)]
        if varying:
            own[path] = varying
    bottom = {"": own.pop("")} if "" in own else {}
    return {**dict(reversed(own.items())), **bottom}


def _varies(weight: keras.Variable) -> bool:
    value = np.asarray(keras.ops.convert_to_numpy(weight))
    return value.size > 1 and bool((value != value.reshape(-1)[0]).any())


def _steps(layers: int, steps: int | None) -> list[int]:
    """How many layers are shuffled at each step, from 1 to all."""
    if steps == 1:
        return [layers]
    return sorted({round(count) for count in np.linspace(1, layers, layers if steps is None else steps)})


def _histogram_entropy(maps: np.ndarray) -> np.ndarray:
    """The entropy of the histogram of each map, (batch,), in nats; 0 for a map of one value."""
    entropies = []
    for values in maps.reshape(len(maps), -1).astype("float64"):
        counts, _ = np.histogram(values, bins=BINS)
        shares = counts[counts > 0] / values.size
        entropies.append(float(-(shares * np.log(shares)).sum()))
    return np.maximum(0.0, entropies)


@dataclass(frozen=True)
class _ExecutionOrder(Program):
    """The order in which a model executes its layers."""

    spec: ScoreSpec

    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        inputs = dict(tensors)
        targets = inputs.pop(TARGETS)
        forward = self.spec.forward(model, inputs)
        order = list(dict.fromkeys(call.path for call in forward.calls))
        return {"targets": targets}, {"order": order}
