"""Class activation maps: which places of a layer's maps speak for a class, by the gradient at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from visualize._utils.lazy import tf
from visualize.attribution.layer_maps import averaged, gradient_weights, named_layers, places_of, slopes_of, strengths
from visualize.attribution.questions import ask
from visualize.attribution.request import View, explain
from visualize.results import Attribution

__all__ = ["gradcam", "gradcam_plus_plus", "hirescam", "layercam", "xgradcam"]


def gradcam(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each weighted by the mean of its gradient.

    Selvaraju et al. (2017), arXiv:1610.02391, equations 1 and 2.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        modifier: "guided" or "relu": how a ReLU above the layer passes gradients back; by default as it is.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.

    Returns:
        Attribution whose values are relu(sum over channels of weight x map), never negative, in units of the score, resized
        bilinearly to the image. Where global average pooling and one Dense layer follow the maps, they are CAM (Zhou et al.
        2016, arXiv:1512.04150) divided by the number of places.

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one place, or does not lead to the score;
            `target` is not a class of the model; `modifier` finds no ReLU between layer and score.

    Example:
        visualize gradcam model.keras cat.png --target 281 --layer base/out_relu
    """

    def evidence(maps, slopes):
        return strengths(maps, gradient_weights(slopes))

    options = {"modifier": modifier, "explained": explained, "batch_size": batch_size, "precision": precision}
    return _explained("gradcam", evidence, model, images, target, layer, **options)


def gradcam_plus_plus(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each weighted by its positive gradients, place by place.

    Chattopadhyay et al. (2018), arXiv:1710.11063, equations 10 and 19, for the exponential of the score: it cancels out of the
    weights of the places and scales all channels alike, so it is never computed, and no score is too high.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        modifier: "guided" or "relu": how a ReLU above the layer passes gradients back; by default as it is.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.

    Returns:
        Attribution whose values are relu(sum over channels of weight x map), never negative, in units of the score, resized
        bilinearly to the image; weight = sum over places of alpha x relu(gradient), alpha = 1 / (2 + gradient x sum of the
        map).

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one place, or does not lead to the score;
            `target` is not a class of the model; `modifier` finds no ReLU between layer and score.

    Example:
        visualize gradcam_plus_plus model.keras cat.png
    """

    def evidence(maps, slopes):
        positive = tf.nn.relu(slopes)  # alpha = g^2 / (2 g^2 + g^3 x total): g^2 cancels out where g counts
        below = 2 + positive * tf.reduce_sum(maps, axis=places_of(maps), keepdims=True)
        weights = tf.reduce_sum(
            tf.math.divide_no_nan(positive, below), axis=places_of(maps), keepdims=True
        )  # (batch, 1, 1, channels)
        return strengths(maps, weights)

    options = {"modifier": modifier, "explained": explained, "batch_size": batch_size, "precision": precision}
    return _explained("gradcam_plus_plus", evidence, model, images, target, layer, **options)


def layercam(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each place weighted by its own positive gradient.

    Jiang et al. (2021), LayerCAM, IEEE Transactions on Image Processing 30, equations 5 and 6. Suits early layers too.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        modifier: "guided" or "relu": how a ReLU above the layer passes gradients back; by default as it is.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.

    Returns:
        Attribution whose values are relu(sum over channels of relu(gradient) x map), never negative, in units of the score,
        resized bilinearly to the image.

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one place, or does not lead to the score;
            `target` is not a class of the model; `modifier` finds no ReLU between layer and score.

    Example:
        visualize layercam model.keras cat.png --layer block_2
    """

    def evidence(maps, slopes):
        return tf.nn.relu(tf.reduce_sum(tf.nn.relu(slopes) * maps, axis=-1))

    options = {"modifier": modifier, "explained": explained, "batch_size": batch_size, "precision": precision}
    return _explained("layercam", evidence, model, images, target, layer, **options)


def hirescam(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each place weighted by its own gradient.

    Draelos & Carin (2020), arXiv:2011.08891, equation 4. It shows what the model used; Grad-CAM may show
    places that it did not.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        modifier: "guided" or "relu": how a ReLU above the layer passes gradients back; by default as it is.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.

    Returns:
        Attribution whose values are the sum over channels of gradient x map, signed, in units of the score, resized bilinearly
        to the image. Where one Dense layer follows the maps, they add up, before they are resized, to the score less its bias.

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one place, or does not lead to the score;
            `target` is not a class of the model; `modifier` finds no ReLU between layer and score.

    Example:
        visualize hirescam model.keras cat.png
    """

    def evidence(maps, slopes):
        return tf.reduce_sum(slopes * maps, axis=-1)

    options = {"modifier": modifier, "explained": explained, "batch_size": batch_size, "precision": precision}
    return _explained("hirescam", evidence, model, images, target, layer, **options)


def xgradcam(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each weighted by the mean of its gradient where it is active.

    Fu et al. (2020), arXiv:2008.02312, equation 8: the weights that lose least of the score when channels are taken away.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        modifier: "guided" or "relu": how a ReLU above the layer passes gradients back; by default as it is.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.

    Returns:
        Attribution whose values are relu(sum over channels of weight x map), never negative, in units of the score, resized
        bilinearly to the image; weight = sum over places of map x gradient / sum of the map. On maps that global average
        pooling follows it is Grad-CAM.

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one place, or does not lead to the score;
            `target` is not a class of the model; `modifier` finds no ReLU between layer and score.

    Example:
        visualize xgradcam model.keras cat.png
    """

    def evidence(maps, slopes):
        active = tf.reduce_sum(maps * slopes, axis=places_of(maps), keepdims=True)
        weights = tf.math.divide_no_nan(
            active, tf.reduce_sum(maps, axis=places_of(maps), keepdims=True)
        )  # (batch, 1, 1, channels)
        return strengths(maps, weights)

    options = {"modifier": modifier, "explained": explained, "batch_size": batch_size, "precision": precision}
    return _explained("xgradcam", evidence, model, images, target, layer, **options)


def _explained(
    method: str,
    evidence: Callable[[Any, Any], Any],
    model: Any,
    images: Any,
    target: Any,
    layer: str | Sequence[str] | None,
    *,
    modifier: str | None,
    explained: str | None,
    batch_size: int | None,
    precision: str,
) -> Attribution:
    """`evidence(maps, slopes)`, both (batch, rows, columns, channels), is the value at each place, (batch, rows, columns)."""
    question = ask(model, images, target, explained, precision)
    paths = named_layers(model, layer)

    def cam(view: View) -> dict[str, Any]:
        return {
            "values": averaged(view, question, paths, lambda maps: evidence(maps.values, slopes_of(view, maps))),
        }

    settings = {"unit": "score", "signed": method == "hirescam"}
    options = {"key": (paths,), "modifier": modifier, "batch_size": batch_size, "settings": settings}
    return explain(question, cam, method=method, **options)
