"""Saliency: which pixels would change the score most."""

from __future__ import annotations

from typing import Any, Literal

from visualize.explanation import View, ask, explain
from visualize.lazy import tf
from visualize.results import Attribution

__all__ = ["saliency"]


def saliency(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    modifier: Literal["guided", "relu"] | None = None,
    explained: str | None = None,
    batch_size: int | None = None,
) -> Attribution:
    """Explain a class score by the size of its gradient at each pixel.

    Simonyan, Vedaldi & Zisserman (2013), arXiv:1312.6034, section 3.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all, one per image, or None for the model's own choice.
        modifier: None, "guided" (Springenberg et al. 2014, arXiv:1412.6806) or "relu" (Zeiler & Fergus 2013,
            arXiv:1311.2901): how a ReLU passes gradients back.
        explained: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.

    Returns:
        Attribution whose values are max over channels of |d score / d pixel|, never negative, in score per unit of pixel.
        On a linear model they are |weight|, whatever the image.

    Raises:
        InputError: `target` is not a class of the model, or `modifier` finds no ReLU between image and score.

    Example:
        visualize saliency model.keras cat.png dog.png --modifier guided
    """
    question = ask(model, images, target, explained)

    def slopes(view: View) -> tuple[Any, dict]:
        size = tf.abs(view.seen.gradient(view.score, view.images, "the image"))  # (batch, height, width[, channels])
        return (tf.reduce_max(size, axis=-1) if size.shape.rank == 4 else size), {}

    return explain(
        question,
        slopes,
        method="saliency",
        key=(),
        modifier=modifier,
        batch_size=batch_size,
        settings={"unit": "score per unit of pixel"},
    )
