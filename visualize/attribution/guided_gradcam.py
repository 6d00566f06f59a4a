"""Guided Grad-CAM: the fine lines of guided backpropagation, where Grad-CAM sees evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from visualize._utils.lazy import tf
from visualize.attribution.layer_maps import averaged, gradient_weights, named_layers, slopes_of, strengths
from visualize.attribution.questions import ask
from visualize.attribution.request import View, explain, highest_of_channels
from visualize.results import Attribution

__all__ = ["guided_gradcam"]


def guided_gradcam(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    layer: str | Sequence[str] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by guided saliency times Grad-CAM, pixel by pixel.

    Selvaraju et al. (2017), arXiv:1610.02391, section 3.2.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        layer: path of a layer whose output is a map; by default the last map of the last convolution's size. Of several
            layers the maps are averaged, each divided by its largest value.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware has it, to three digits, and "auto"
            takes it there.

    Returns:
        Attribution whose values are, at each pixel, `saliency(..., modifier="guided")` times `gradcam(...)`, never negative,
        in score per unit of pixel times score.

    Raises:
        InputError: `layer` is no layer of the model, has no map of more than one place, or does not lead to the score;
            `target` is not a class of the model; the model has no ReLU between image and score.

    Example:
        visualize guided_gradcam model.keras cat.png
    """
    question = ask(model, images, target, explained, precision)
    paths = named_layers(model, layer)

    def product(view: View) -> dict[str, Any]:
        cam = averaged(view, question, paths, lambda maps: strengths(maps.values, gradient_weights(slopes_of(view, maps))))
        slopes = view.seen.modified("guided").gradient(view.score, view.images, "the image")
        lines = highest_of_channels(tf.abs(slopes))
        return {"values": cam * tf.cast(lines, cam.dtype)}

    settings = {"unit": "score per unit of pixel x score"}
    options = {"key": (paths,), "modifier": None, "batch_size": batch_size, "settings": settings}
    return explain(question, product, method="guided_gradcam", **options)
