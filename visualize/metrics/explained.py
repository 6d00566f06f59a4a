"""Explained: the model, the images and the score of an attribution, as a request that can be computed again."""

from __future__ import annotations

from typing import Any

import numpy as np

from visualize._utils.lazy import keras
from visualize._utils.validation import received
from visualize.attribution.request import Request, prepare
from visualize.errors import InputError
from visualize.models.input_graph import reshaped_vector
from visualize.models.inputs import channels_of, input_shapes
from visualize.results import Attribution
from visualize.targets import OWN_PREDICTION, Target


def request_of(model: keras.Model, attribution: Attribution, images: Any = None, target: Any = None) -> Request:
    """The request that an attribution answers.

    Args:
        model: that was explained.
        attribution: its maps.
        images: what the model was called on; only needed where it has several inputs, as the attribution holds one of them.
        target: what was explained; only needed for a function of the scores or a region of the output.

    Raises:
        InputError: there is no such request, or `images` or `target` are missing or not those of the attribution.
    """
    if not isinstance(attribution, Attribution):
        raise InputError(f"`attribution` must be the result of a method such as gradcam. Received: {received(attribution)}.")
    values, explained, settings = attribution.values, attribution.images, attribution.settings
    if values.shape != explained.shape[:-1] or not np.isfinite(values).all():
        others = "" if np.isfinite(values).all() else ", with values that are not finite"
        raise InputError(
            f"`attribution` must have a finite value for each pixel of its images, {explained.shape}. "
            f"Received: shape {values.shape}{others}."
        )
    declared = input_shapes(model)
    if images is None:
        if len(declared) > 1:
            names = ", ".join(map(repr, declared))
            raise InputError(f"`images` must be given for a model of several inputs: {names}. Received: None.")
        images = _as_taken(model, next(iter(declared.items()), ("images", None)), explained)
    name = settings.input_name if len(declared) > 1 else None
    request = prepare(model, images, _target(attribution, target), name, settings.precision or "float32")
    if not np.array_equal(request.inputs.images, explained):
        raise InputError("`images` must be those that the attribution explains. Received: others.")
    return request


def _target(attribution: Attribution, target: Any) -> Any:
    """The target that was explained: what the caller says, else as far as the attribution tells."""
    settings, classes = attribution.settings, attribution.targets
    if target is None:
        if (classes == OWN_PREDICTION).any():
            raise InputError("`target` must be the function of the scores that was explained. Received: None.")
        if settings.region == "chosen":
            raise InputError("`target` must state the region that was explained, Target(..., region=...). Received: None.")
        return Target(classes.tolist(), output=settings.output, layer=settings.target_layer)
    return target


def _as_taken(model: keras.Model, declared: tuple[str, tuple[int | None, ...] | None], images: np.ndarray) -> np.ndarray:
    """Images with their channels last as the model takes them."""
    name, shape = declared
    picture = reshaped_vector(model, name)
    rank = len(picture or shape or images.shape[1:])
    taken = np.asarray(channels_of(model, rank, name).from_last(images))
    return taken.reshape(len(taken), -1) if picture is not None else taken
