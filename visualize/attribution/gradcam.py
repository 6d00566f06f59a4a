"""Class activation maps: which positions of a layer's maps speak for a class, by the gradient there."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import renamed_keywords
from visualize.attribution.layer_maps import LayerPaths, cam_of_layers, named_layers, spatial_axes, weighted_sum
from visualize.attribution.request import Batch, Method, explain, maximum_of_channels, prepare
from visualize.results import Attribution

__all__ = ["gradcam", "gradcam_plus_plus", "guided_gradcam", "hirescam", "layercam", "xgradcam"]


@renamed_keywords(explained="input_name")
def gradcam(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    modifier: Literal["guided", "relu"] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each weighted by the mean of its gradient.

    Selvaraju et al. (2017), arXiv:1610.02391, equations 1 and 2.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        modifier: "guided" or "relu": how a ReLU after the layer propagates gradients; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are relu(sum over channels of weight x map), never negative, in units of the score, resized
        bilinearly to the image. Where global average pooling and one Dense layer follow the maps, they are CAM (Zhou et al.
        2016, arXiv:1512.04150) divided by the number of positions.

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one position, or does not lead to the score;
            it is left to choose in a vision transformer; `target` is not a class of the model; `modifier` finds no ReLU
            between layer and score.

    Cost:
        1 forward pass, and a backward pass to the layer.

    Needs:
        Gradients, and a layer with maps.

    Misleads:
        As coarse as the layer's maps. Each map has one weight for all places, so places may be marked that the score does not
        use.

    Example:
        visualize gradcam model.keras cat.png --target 281 --layer base/out_relu
    """
    request = prepare(model, images, target, input_name, precision)
    return explain(request, GradCAM(modifier=modifier, layer=named_layers(model, layer)), batch_size)


@dataclass(frozen=True, kw_only=True)
class _GradientCAM(Method, abc.ABC):
    """A map for each image out of the feature maps of a layer and the gradient of the score with respect to them."""

    unit = "score"
    coarse = True

    layer: LayerPaths

    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        return {"values": cam_of_layers(batch, self.layer, lambda maps: self.cam(maps.values, maps.gradients(batch)))}

    @abc.abstractmethod
    def cam(self, maps: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
        """The value at each position, (batch, height, width), of maps and gradients, (batch, height, width, channels)."""


@dataclass(frozen=True, kw_only=True)
class GradCAM(_GradientCAM):
    """Equations 1 and 2 of Grad-CAM."""

    name = "gradcam"

    def cam(self, maps: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
        weights = tf.reduce_mean(gradients, axis=spatial_axes(maps), keepdims=True)  # (batch, 1, 1, channels)
        return weighted_sum(maps, weights)


@renamed_keywords(explained="input_name")
def gradcam_plus_plus(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    modifier: Literal["guided", "relu"] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each weighted by its positive gradients, position by position.

    Chattopadhyay et al. (2018), arXiv:1710.11063, equations 10 and 19, for the exponential of the score: it cancels out of the
    weights of the positions and scales all channels alike, so it is never computed, and no score is too high.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        modifier: "guided" or "relu": how a ReLU after the layer propagates gradients; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are relu(sum over channels of weight x map), never negative, in units of the score, resized
        bilinearly to the image; weight = sum over positions of alpha x relu(gradient), alpha = 1 / (2 + gradient x sum of the
        map).

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one position, or does not lead to the score;
            it is left to choose in a vision transformer; `target` is not a class of the model; `modifier` finds no ReLU
            between layer and score.

    Cost:
        1 forward pass, and a backward pass to the layer.

    Needs:
        Gradients, and a layer with maps.

    Misleads:
        As coarse as the layer's maps. Positive gradients alone: it hardly tells classes apart, as what speaks for another
        class is marked, too.

    Example:
        visualize gradcam_plus_plus model.keras cat.png
    """
    request = prepare(model, images, target, input_name, precision)
    return explain(request, GradCAMPlusPlus(modifier=modifier, layer=named_layers(model, layer)), batch_size)


@dataclass(frozen=True, kw_only=True)
class GradCAMPlusPlus(_GradientCAM):
    """Equations 10 and 19 of Grad-CAM++, for the exponential of the score."""

    name = "gradcam_plus_plus"

    def cam(self, maps: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
        axes = spatial_axes(maps)
        positive = tf.nn.relu(gradients)  # alpha = g^2 / (2 g^2 + g^3 x total): g^2 cancels out where g counts
        below = 2 + positive * tf.reduce_sum(maps, axis=axes, keepdims=True)
        weights = tf.reduce_sum(tf.math.divide_no_nan(positive, below), axis=axes, keepdims=True)  # (batch, 1, 1, channels)
        return weighted_sum(maps, weights)


@renamed_keywords(explained="input_name")
def layercam(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    modifier: Literal["guided", "relu"] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each position weighted by its own positive gradient.

    Jiang et al. (2021), LayerCAM, IEEE Transactions on Image Processing 30, equations 5 and 6. Suits early layers too.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        modifier: "guided" or "relu": how a ReLU after the layer propagates gradients; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are relu(sum over channels of relu(gradient) x map), never negative, in units of the score,
        resized bilinearly to the image.

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one position, or does not lead to the score;
            it is left to choose in a vision transformer; `target` is not a class of the model; `modifier` finds no ReLU
            between layer and score.

    Cost:
        1 forward pass, and a backward pass to the layer.

    Needs:
        Gradients, and a layer with maps.

    Misleads:
        As coarse as the layer's maps. Positive gradients alone: it hardly tells classes apart, as what speaks for another
        class is marked, too.

    Example:
        visualize layercam model.keras cat.png --layer block_2
    """
    request = prepare(model, images, target, input_name, precision)
    return explain(request, LayerCAM(modifier=modifier, layer=named_layers(model, layer)), batch_size)


@dataclass(frozen=True, kw_only=True)
class LayerCAM(_GradientCAM):
    """Equations 5 and 6 of LayerCAM."""

    name = "layercam"

    def cam(self, maps: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(tf.reduce_sum(tf.nn.relu(gradients) * maps, axis=-1))


@renamed_keywords(explained="input_name")
def hirescam(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    modifier: Literal["guided", "relu"] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each position weighted by its own gradient.

    Draelos & Carin (2020), arXiv:2011.08891, equation 4. It shows what the model used; Grad-CAM may show
    positions that it did not.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        modifier: "guided" or "relu": how a ReLU after the layer propagates gradients; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are the sum over channels of gradient x map, signed, in units of the score, resized bilinearly
        to the image. Where one Dense layer follows the maps, they add up, before they are resized, to the score less its bias.

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one position, or does not lead to the score;
            it is left to choose in a vision transformer; `target` is not a class of the model; `modifier` finds no ReLU
            between layer and score.

    Cost:
        1 forward pass, and a backward pass to the layer.

    Needs:
        Gradients, and a layer with maps.

    Misleads:
        As coarse as the layer's maps.

    Example:
        visualize hirescam model.keras cat.png
    """
    request = prepare(model, images, target, input_name, precision)
    return explain(request, HiResCAM(modifier=modifier, layer=named_layers(model, layer)), batch_size)


@dataclass(frozen=True, kw_only=True)
class HiResCAM(_GradientCAM):
    """Equation 4 of HiResCAM."""

    name = "hirescam"
    signed = True

    def cam(self, maps: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(gradients * maps, axis=-1)


@renamed_keywords(explained="input_name")
def xgradcam(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    modifier: Literal["guided", "relu"] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by a layer's maps, each weighted by the mean of its gradient where it is active.

    Fu et al. (2020), arXiv:2008.02312, equation 8: the weights that lose least of the score when channels are taken away.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        modifier: "guided" or "relu": how a ReLU after the layer propagates gradients; by default unchanged.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are relu(sum over channels of weight x map), never negative, in units of the score, resized
        bilinearly to the image; weight = sum over positions of map x gradient / sum of the map. On maps that global average
        pooling follows it is Grad-CAM.

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one position, or does not lead to the score;
            it is left to choose in a vision transformer; `target` is not a class of the model; `modifier` finds no ReLU
            between layer and score.

    Cost:
        1 forward pass, and a backward pass to the layer.

    Needs:
        Gradients, and a layer with maps.

    Misleads:
        As coarse as the layer's maps. Each map has one weight for all places, so places may be marked that the score does not
        use.

    Example:
        visualize xgradcam model.keras cat.png
    """
    request = prepare(model, images, target, input_name, precision)
    return explain(request, XGradCAM(modifier=modifier, layer=named_layers(model, layer)), batch_size)


@dataclass(frozen=True, kw_only=True)
class XGradCAM(_GradientCAM):
    """Equation 8 of XGrad-CAM."""

    name = "xgradcam"

    def cam(self, maps: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
        axes = spatial_axes(maps)
        active = tf.reduce_sum(maps * gradients, axis=axes, keepdims=True)
        weights = tf.math.divide_no_nan(active, tf.reduce_sum(maps, axis=axes, keepdims=True))  # (batch, 1, 1, channels)
        return weighted_sum(maps, weights)


@renamed_keywords(explained="input_name")
def guided_gradcam(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by guided saliency times Grad-CAM, pixel by pixel.

    Selvaraju et al. (2017), arXiv:1610.02391, section 3.2.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are, at each pixel, `saliency(..., modifier="guided")` times `gradcam(...)`, never negative,
        in score per unit of pixel times score.

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one position, or does not lead to the score;
            it is left to choose in a vision transformer; `target` is not a class of the model; the model has no ReLU between
            image and score.

    Cost:
        1 forward and 2 backward passes.

    Needs:
        Gradients, a layer with maps, and ReLUs.

    Misleads:
        Its fine lines are those of guided backpropagation, the edges that the network sees; only the coarse part knows the
        class.

    Example:
        visualize guided_gradcam model.keras cat.png
    """
    request = prepare(model, images, target, input_name, precision)
    return explain(request, GuidedGradCAM(layer=named_layers(model, layer)), batch_size)


@dataclass(frozen=True, kw_only=True)
class GuidedGradCAM(GradCAM):
    """Grad-CAM, of the gradients as they are, times guided saliency."""

    name = "guided_gradcam"
    unit = "score per unit of pixel x score"
    coarse = False

    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        cam = super().maps(replace(batch, at_layer=False))["values"]
        gradients = batch.forward.with_modifier("guided").gradient(batch.score, batch.images, "the image")
        guided_saliency = maximum_of_channels(tf.abs(gradients))
        return {"values": cam * tf.cast(guided_saliency, cam.dtype)}
