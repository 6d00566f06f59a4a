"""CAM without gradients: weigh a layer's maps by what the score says when they are all there is, or are gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from visualize._utils.lazy import tf
from visualize.attribution.layer_maps import Maps, averaged, named_layers, of_channels, places_of, strengths
from visualize.attribution.perturbation import scores_of_copies
from visualize.attribution.questions import ask
from visualize.attribution.request import View, explain
from visualize.engine.resize import resized
from visualize.models.inputs import checked_batch_size
from visualize.results import Attribution

__all__ = ["ablationcam", "scorecam"]


def scorecam(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each weighted by the score of the image seen through it.

    Wang et al. (2019), arXiv:1910.01279, algorithm 1. One look for each channel; memory does not grow with their number.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: masked copies at a time; by default as many as suit the size of the images.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.

    Returns:
        Attribution whose values are relu(sum over channels of weight x map), never negative, in units of the activation,
        resized bilinearly to the image. weight = softmax over channels of the score of image x mask, where mask is the map
        resized to the image and brought to 0..1; a constant map has no mask.

    Raises:
        InputError: `layer` is no layer of the model, or has no map of more than one place; `target` is not a class.

    Example:
        visualize scorecam model.keras cat.png
    """
    question = ask(model, images, target, explained, precision)
    paths = named_layers(model, layer)
    rows = checked_batch_size(batch_size, question.inputs)

    def weighted(view: View, layer: Maps) -> Any:
        maps = layer.values
        places = places_of(maps)
        low = tf.reduce_min(maps, axis=places, keepdims=True)
        span = tf.reduce_max(maps, axis=places, keepdims=True) - low
        masks = tf.math.divide_no_nan(maps - low, span)

        def look(numbers, copies):
            chosen = tf.gather(tf.transpose(masks, [maps.shape.rank - 1, 0, *places]), numbers)  # (k, batch, rows, columns)
            chosen = resized(tf.reshape(chosen, [-1, *maps.shape[1:-1], 1]), view.images.shape[1:-1])
            images = tf.tile(view.images, [copies] + [1] * (view.images.shape.rank - 1))
            return view.again(images * tf.cast(chosen, images.dtype), copies)[1]

        scores = scores_of_copies(view, maps.shape[-1], rows, look)  # (channels, batch)
        weights = tf.nn.softmax(tf.transpose(scores), axis=-1)  # (batch, channels)
        return strengths(maps, of_channels(weights, maps))

    def cam(view: View) -> dict[str, Any]:
        return {"values": averaged(view, question, paths, lambda maps: weighted(view, maps))}

    options = {"key": (paths, rows), "modifier": None, "batch_size": batch_size, "settings": {"unit": "activation"}}
    return explain(question, cam, method="scorecam", **options)


def ablationcam(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each weighted by how far the score falls without it.

    Desai & Ramaswamy (2020), Ablation-CAM, WACV, equations 3 and 4. One look from the layer on for each channel; memory does
    not grow with their number.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: copies at a time; by default as many as suit the size of the images.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.

    Returns:
        Attribution whose values are relu(sum over channels of weight x map), never negative, in units of the activation,
        resized bilinearly to the image; weight = (score - score without the channel) / |score|. Where one Dense layer follows
        the mean of the maps, they are CAM times what each channel adds to the score.

    Raises:
        InputError: `layer` is no layer of the model, or has no map of more than one place; `target` is not a class.

    Example:
        visualize ablationcam model.keras cat.png
    """
    question = ask(model, images, target, explained, precision)
    paths = named_layers(model, layer)
    rows = checked_batch_size(batch_size, question.inputs)

    def weighted(view: View, maps: Maps) -> Any:
        scores = scores_of_copies(view, maps.values.shape[-1], rows, lambda numbers, k: _without(view, maps, numbers, k))
        score = tf.cast(view.score, tf.float32)
        falls = tf.math.divide_no_nan(score - scores, tf.abs(score))  # (channels, batch)
        weights = of_channels(tf.transpose(falls), maps.values)
        return strengths(maps.values, weights)

    def cam(view: View) -> dict[str, Any]:
        return {"values": averaged(view, question, paths, lambda maps: weighted(view, maps))}

    options = {"key": (paths, rows), "modifier": None, "batch_size": batch_size, "settings": {"unit": "activation"}}
    return explain(question, cam, method="ablationcam", **options)


def _without(view: View, maps: Maps, numbers: Any, copies: Any) -> Any:
    """The score of each image when the channels of those numbers are zero, one at a time, (k x batch,)."""
    keep = of_channels(1 - tf.one_hot(numbers, maps.values.shape[-1]), maps.values)[:, None]  # (k, 1, 1, 1, channels)
    left = tf.reshape(maps.values[None] * keep, [-1, *maps.values.shape[1:]])
    images = tf.tile(view.images, [copies] + [1] * (view.images.shape.rank - 1))
    return view.again(images, copies, instead=(maps.path, maps.as_made(left)))[1]
