"""Class activation maps without gradients: maps weighted by their effect on the score, or by what they have in common."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import renamed_keywords
from visualize.attribution.layer_maps import (
    LayerMaps,
    LayerPaths,
    cam_of_layers,
    named_layers,
    per_channel,
    spatial_axes,
    weighted_sum,
)
from visualize.attribution.perturbation import scores_of_copies
from visualize.attribution.request import Batch, Method, explain, prepare
from visualize.engine.resize import resize
from visualize.engine.shapes import channels_of, sizes, tile_batch
from visualize.results import Attribution
from visualize.targets import Target

__all__ = ["ablationcam", "eigencam", "scorecam"]


@renamed_keywords(explained="input_name")
def scorecam(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each weighted by the score of the image masked by it.

    Wang et al. (2019), arXiv:1910.01279, algorithm 1. One forward pass per channel; memory does not grow with their number.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: masked copies at a time; by default as many as suit the size of the images.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are relu(sum over channels of weight x map), never negative, in units of the activation,
        resized bilinearly to the image. weight = softmax over channels of the score of image x mask, where mask is the map
        resized to the image and then scaled to 0..1, as in the paper; the mask of a constant map is 0.

    Raises:
        InputError: `layer` is no layer of the model, or has no map of more than one position; `target` is not a class.

    Cost:
        1 forward pass for each channel of the layer.

    Needs:
        Scores, and a layer with maps.

    Misleads:
        As coarse as the layer's maps. Where one channel raises the score most, it is nearly alone in the map, which then
        hardly tells classes apart.

    Example:
        visualize scorecam model.keras cat.png
    """
    request = prepare(model, images, target, input_name, precision)
    return explain(request, ScoreCAM(layer=named_layers(model, layer)), batch_size)


@dataclass(frozen=True, kw_only=True)
class _GradientFreeCAM(Method, abc.ABC):
    """A map for each image out of the feature maps of a layer."""

    unit = "activation"
    coarse = True

    layer: LayerPaths

    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        return {"values": cam_of_layers(batch, self.layer, lambda maps: self.cam(batch, maps))}

    @abc.abstractmethod
    def cam(self, batch: Batch, maps: LayerMaps) -> tf.Tensor:
        """The value at each position of the maps, (batch, height, width)."""


@dataclass(frozen=True, kw_only=True)
class ScoreCAM(_GradientFreeCAM):
    """Algorithm 1 of Score-CAM."""

    name = "scorecam"

    def cam(self, batch: Batch, maps: LayerMaps) -> tf.Tensor:
        values, axes = maps.values, spatial_axes(maps.values)
        channels_first = tf.transpose(values, [values.shape.rank - 1, 0, *axes])  # (channels, batch, height, width)

        def score_of_masked(numbers, copies):
            chosen = tf.reshape(tf.gather(channels_first, numbers), [-1, *values.shape[1:-1], 1])  # (k x batch, ..., 1)
            resized = resize(chosen, sizes(batch.images, 1, -1))
            lowest = tf.reduce_min(resized, axis=axes, keepdims=True)
            span = tf.reduce_max(resized, axis=axes, keepdims=True) - lowest
            masks = tf.math.divide_no_nan(resized - lowest, span)
            images = tile_batch(batch.images, copies)
            return batch.rerun(images * tf.cast(masks, images.dtype), copies)[1]

        scores = scores_of_copies(batch, channels_of(values), score_of_masked)  # (channels, batch)
        weights = tf.nn.softmax(tf.transpose(scores), axis=-1)  # (batch, channels)
        return weighted_sum(values, per_channel(weights, values))


@renamed_keywords(explained="input_name")
def ablationcam(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each weighted by how far the score falls without it.

    Desai & Ramaswamy (2020), Ablation-CAM, WACV, equations 3 and 4. One forward pass from the layer on per channel; memory
    does not grow with their number.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: copies at a time; by default as many as suit the size of the images.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are relu(sum over channels of weight x map), never negative, in units of the activation,
        resized bilinearly to the image; weight = (score - score without the channel) / |score|. Where one Dense layer follows
        the mean of the maps, they are CAM times what each channel adds to the score.

    Raises:
        InputError: `layer` is no layer of the model, or has no map of more than one position; `target` is not a class.

    Cost:
        1 forward pass from the layer on for each of its channels.

    Needs:
        Scores, and a layer with maps.

    Misleads:
        As coarse as the layer's maps. Each map has one weight for all places, so places may be marked that the score does not
        use.

    Example:
        visualize ablationcam model.keras cat.png
    """
    request = prepare(model, images, target, input_name, precision)
    return explain(request, AblationCAM(layer=named_layers(model, layer)), batch_size)


@dataclass(frozen=True, kw_only=True)
class AblationCAM(_GradientFreeCAM):
    """Equations 3 and 4 of Ablation-CAM."""

    name = "ablationcam"

    def cam(self, batch: Batch, maps: LayerMaps) -> tf.Tensor:
        values = maps.values

        def score_of_ablated(numbers, copies):
            keep = per_channel(1 - tf.one_hot(numbers, values.shape[-1]), values)[:, None]  # (k, 1, 1, 1, channels)
            ablated = tf.reshape(values[None] * keep, [-1, *values.shape[1:]])
            return batch.rerun(tile_batch(batch.images, copies), copies, replaced_layer=(maps.path, maps.as_output(ablated)))[
                1
            ]

        scores = scores_of_copies(batch, channels_of(values), score_of_ablated)
        score = tf.cast(batch.score, tf.float32)
        drops = tf.math.divide_no_nan(score - scores, tf.abs(score))  # (channels, batch)
        return weighted_sum(values, per_channel(tf.transpose(drops), values))


@renamed_keywords(explained="input_name")
def eigencam(
    model: keras.Model,
    images: Any,
    *,
    layer: str | Sequence[str] | None = None,
    output: str | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Show the first principal component of a layer's maps.

    Muhammad & Yeasin (2020), arXiv:2008.00299, section III. It needs neither a class nor a gradient.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        output: name of the output whose prediction is reported, for a model of several.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are the maps, (positions, channels), times their first right singular vector, signed, in units
        of the activation, resized bilinearly to the image; of its two signs the one that makes the sum positive. Its scores
        and targets are the model's own prediction.

    Raises:
        InputError: `layer` is no layer of the model, or has no map of more than one position.

    Cost:
        1 forward pass to the layer.

    Needs:
        A layer with maps.

    Misleads:
        It shows what the layer sees most of and hardly tells classes apart: it is not told which one is asked for.

    Example:
        visualize eigencam model.keras cat.png
    """
    request = prepare(model, images, Target(output=output), input_name, precision)
    return explain(request, EigenCAM(layer=named_layers(model, layer)), batch_size)


@dataclass(frozen=True, kw_only=True)
class EigenCAM(_GradientFreeCAM):
    """Section III of Eigen-CAM."""

    name = "eigencam"

    def cam(self, batch: Batch, maps: LayerMaps) -> tf.Tensor:
        shape = maps.values.shape
        rows = tf.reshape(maps.values, [tf.shape(maps.values)[0], -1, shape[-1]])  # (batch, positions, channels)
        positions = shape[1:-1].num_elements()
        if positions is not None and positions < shape[-1]:  # the smaller of the two products of the maps with themselves
            eigenvalues, left = tf.linalg.eigh(tf.matmul(rows, rows, transpose_b=True))  # ascending
            component = left[:, :, -1:] * tf.sqrt(tf.maximum(eigenvalues[:, None, -1:], 0))  # (batch, positions, 1)
        else:
            _, right = tf.linalg.eigh(tf.matmul(rows, rows, transpose_a=True))
            component = tf.matmul(rows, right[:, :, -1:])
        component *= tf.where(tf.reduce_sum(component, axis=1, keepdims=True) < 0, -1.0, 1.0)
        return tf.reshape(component, tf.shape(maps.values)[:-1])
