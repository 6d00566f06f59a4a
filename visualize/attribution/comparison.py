"""Comparison: several methods on the same images, or one method on two classes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from visualize._utils.validation import parameters_of, received
from visualize.attribution.gradcam import gradcam, layercam
from visualize.attribution.gradients import integrated_gradients, saliency
from visualize.attribution.guided_gradcam import guided_gradcam
from visualize.attribution.occlusion import occlusion
from visualize.attribution.questions import ask
from visualize.attribution.request import scores_of_classes
from visualize.attribution.rise import rise
from visualize.attribution.smoothgrad import smoothgrad
from visualize.errors import InputError
from visualize.results import Attribution
from visualize.targets import Target, indices, split_target

COMPARED = (saliency, smoothgrad, integrated_gradients, guided_gradcam, gradcam, layercam, occlusion, rise)


def compare(
    model: Any,
    images: Any,
    target: Any = None,
    *,
    methods: Sequence[Callable[..., Attribution]] | None = None,
    **options: Any,
) -> list[Attribution]:
    """Explain the same images by several methods, to be drawn as one figure: a row an image, a column a method.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all or one per image; by default the model's own choice.
        methods: such as `visualize.gradcam`, or `functools.partial(visualize.occlusion, patch=8)`; by default eight, or those
            of them that this model allows: `settings["left_out"]` tells the others, with the reason.
        options: for every method that takes them, such as `explained`, `batch_size` or `precision`.

    Returns:
        One Attribution a method. In a figure the maps of one method share one scale, so that images can be compared too.

    Raises:
        InputError: a method that was named cannot be applied, none can, or no method takes one of the options.
    """
    if not isinstance(methods, list | tuple | None):
        given = f"{name_of(methods)} alone" if callable(methods) else received(methods)
        raise InputError(f"`methods` must be a list of functions such as visualize.gradcam. Received: {given}.")
    chosen = COMPARED if methods is None else tuple(methods)
    if not chosen:
        raise InputError("`methods` must hold at least one method. Received: none.")
    _check_options("methods", chosen, options)
    found, left_out = [], {}
    for method in chosen:
        taken = parameters_of("methods", method)
        own = {name: value for name, value in options.items() if name in taken}
        arguments = (model, images, target) if "target" in taken else (model, images)
        if "target" not in taken and isinstance(target, Target):
            own["output"] = target.output
        try:
            found.append(_explained("methods", method, arguments, own))
        except InputError as error:
            if methods is not None or (method is chosen[-1] and not found):
                raise
            left_out[name_of(method)] = str(error)
    shared = {"scale": "shared", "left_out": left_out}
    return [replace(one, settings={**one.settings, **shared}) for one in found]


def contrast(
    model: Any,
    images: Any,
    target: Any = None,
    against: Any = None,
    *,
    method: Callable[..., Attribution] = integrated_gradients,
    **options: Any,
) -> Attribution:
    """Explain why one class rather than another: the evidence for the first minus the evidence for the second.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: the first class; one for all or one per image; by default the model's own choice.
        against: the second; by default the one that the model finds likeliest beside the first.
        method: that explains both, with a target: `visualize.gradcam`, `visualize.occlusion`, ...
        options: of the method.

    Returns:
        Attribution whose values are method(target) - method(against), signed: above zero speaks for the first class, below
        for the second. Its scores are the differences of the two. Of input x gradient, integrated gradients, HiResCAM,
        occlusion and RISE, which are linear in the score, they are the explanation of that difference. `arrays["against"]`
        has the second class of each image.

    Raises:
        InputError: the two classes of an image are one, or the method takes no target.
    """
    if "target" not in parameters_of("method", method):
        raise InputError(f"`method` must explain a class. Received: {name_of(method)}, which asks for none.")
    _check_options("method", (method,), options)
    asked = target if isinstance(target, Target) else Target(target)
    question = ask(model, images, replace(asked, classes=None), options.get("explained"))
    scores = scores_of_classes(question)
    if scores.shape[1] == 1:
        raise InputError("The model must tell at least two classes apart. Received: one number, to which there is no second.")
    one = _explained("method", method, (model, images, target), options)
    if (one.targets < 0).any():
        raise InputError("`target` must be a class here. Received: a function.")
    if against is None:
        others = np.where(np.arange(scores.shape[1]) == one.targets[:, None], -np.inf, scores)
        against = others.argmax(axis=1)
    plain, function = split_target(against)
    if function is not None:
        raise InputError("`against` must be a class. Received: a function.")
    against = indices(plain, *scores.shape, question.names, name="against").tolist()
    other = _explained("method", method, (model, images, replace(asked, classes=against)), options)
    same = np.flatnonzero(one.targets == other.targets)
    if len(same):
        raise InputError(f"`against` must be another class than `target`. Received: {one.targets[same[0]]} for both.")
    return replace(
        one,
        values=one.values - other.values,
        scores=one.scores - other.scores,
        method="contrast",
        settings={**one.settings, "method": one.method, "signed": True},
        arrays={**{name: one.arrays[name] for name in ("predicted",) if name in one.arrays}, "against": other.targets},
    )


def name_of(method: Callable) -> str:
    """What a method is called, a partial one too."""
    return getattr(getattr(method, "func", method), "__name__", type(method).__name__)


def _explained(name: str, method: Callable, arguments: Sequence[Any], options: Mapping[str, Any]) -> Attribution:
    """What a method says, if it is one that explains images."""
    wanted = f"`{name}` must explain images, as visualize.gradcam does, with an Attribution. Received: {name_of(method)}"
    try:
        inspect.signature(method).bind(*arguments, **options)
    except TypeError as error:
        raise InputError(f"{wanted}, which does not take them ({error}).") from None
    found = method(*arguments, **options)
    if not isinstance(found, Attribution):
        raise InputError(f"{wanted}, which returns a {type(found).__name__}.")
    return found


def _check_options(argument: str, methods: Sequence[Callable], options: Mapping[str, Any]) -> None:
    known = {name for method in methods for name in parameters_of(argument, method)}
    unknown = [name for name in options if name not in known]
    if unknown:
        raise InputError(f"`{unknown[0]}` is no option of {', '.join(map(name_of, methods))}.")
