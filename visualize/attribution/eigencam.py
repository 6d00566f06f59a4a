"""Eigen-CAM: what a layer's maps have in common, whatever the class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from visualize._utils.lazy import tf
from visualize.attribution.layer_maps import averaged, named_layers
from visualize.attribution.questions import ask
from visualize.attribution.request import View, explain
from visualize.results import Attribution
from visualize.targets import Target

__all__ = ["eigencam"]


def eigencam(
    model: Any,
    images: Any,
    *,
    layer: str | Sequence[str] | None = None,
    output: str | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Show the first principal component of a layer's maps.

    Muhammad & Yeasin (2020), arXiv:2008.00299, section III. It asks for no class and takes no gradient.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        output: name of the output whose choice is reported, for a model of several.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.

    Returns:
        Attribution whose values are the maps, (places, channels), times their first right singular vector, signed, in units of
        the activation, resized bilinearly to the image; of its two signs the one that makes the sum positive. Its scores and
        targets are the model's own choice.

    Raises:
        InputError: `layer` is no layer of the model, or has no map of more than one place.

    Example:
        visualize eigencam model.keras cat.png
    """
    question = ask(model, images, Target(output=output), explained, precision)
    paths = named_layers(model, layer)

    def component(maps: Any) -> Any:
        places = tf.reshape(maps, [tf.shape(maps)[0], -1, maps.shape[-1]])  # (batch, places, channels)
        count = maps.shape[1:-1].num_elements()
        if count is not None and count < maps.shape[-1]:  # the smaller of the two products of the maps with themselves
            sizes, left = tf.linalg.eigh(tf.matmul(places, places, transpose_b=True))  # ascending
            first = left[:, :, -1:] * tf.sqrt(tf.maximum(sizes[:, None, -1:], 0))  # (batch, places, 1)
        else:
            _, right = tf.linalg.eigh(tf.matmul(places, places, transpose_a=True))
            first = tf.matmul(places, right[:, :, -1:])
        first *= tf.where(tf.reduce_sum(first, axis=1, keepdims=True) < 0, -1.0, 1.0)
        return tf.reshape(first, tf.shape(maps)[:-1])

    def cam(view: View) -> dict[str, Any]:
        return {"values": averaged(view, question, paths, lambda maps: component(maps.values))}

    options = {"key": (paths,), "modifier": None, "batch_size": batch_size, "settings": {"unit": "activation"}}
    return explain(question, cam, method="eigencam", **options)
