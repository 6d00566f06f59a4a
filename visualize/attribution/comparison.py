"""Comparison: several methods on the same images, or one method on two classes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from visualize._utils.lazy import keras
from visualize._utils.validation import parameters_of, received, renamed_keywords
from visualize.attribution.gradcam import gradcam, guided_gradcam, layercam
from visualize.attribution.gradients import integrated_gradients, saliency
from visualize.attribution.occlusion import occlusion
from visualize.attribution.request import class_scores, prepare
from visualize.attribution.rise import rise
from visualize.attribution.smoothgrad import smoothgrad
from visualize.errors import InputError
from visualize.results import Attribution
from visualize.targets import Target, class_indices, split_target

# RISE with a quarter of its masks: the whole comparison takes half as long; see docs/methods.md for what that costs.
FEWER_MASKS = functools.partial(rise, masks=512)
COMPARED = (saliency, smoothgrad, integrated_gradients, guided_gradcam, gradcam, layercam, occlusion, FEWER_MASKS)


@renamed_keywords(explained="input_name")
def compare(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    methods: Sequence[Callable[..., Attribution]] | None = None,
    **options: Any,
) -> list[Attribution]:
    """Explain the same images by several methods, to be drawn as one figure: one row per image, one column per method.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        methods: such as `visualize.gradcam`, or `functools.partial(visualize.occlusion, patch=8)`; by default eight, or those
            of them that this model allows: `settings["left_out"]` lists the others, with the reasons. By default RISE has 512
            masks, of 2,000.
        options: for every method that takes them, such as `input_name`, `batch_size` or `precision`.

    Returns:
        One Attribution per method. `draw(results, scale="shared")` draws the maps of each method on one scale, so that images
        can be compared too.

    Raises:
        InputError: a method that was named cannot be applied, none can, or no method takes one of the options.
    """
    if not isinstance(methods, list | tuple | None):
        value = f"{name_of(methods)} alone" if callable(methods) else received(methods)
        raise InputError(f"`methods` must be a list of functions such as visualize.gradcam. Received: {value}.")
    chosen = COMPARED if methods is None else tuple(methods)
    if not chosen:
        raise InputError("`methods` must hold at least one method. Received: none.")
    _check_options("methods", chosen, options)
    attributions, left_out = [], {}
    for method in chosen:
        parameters = parameters_of("methods", method)
        own = {name: value for name, value in options.items() if name in parameters}
        arguments = (model, images, target) if "target" in parameters else (model, images)
        if "target" not in parameters and isinstance(target, Target):
            own["output"] = target.output
        try:
            attributions.append(_attribution("methods", method, arguments, own))
        except InputError as error:
            if methods is not None or (method is chosen[-1] and not attributions):
                raise
            left_out[name_of(method)] = str(error)
    return [
        replace(
            attribution,
            settings=attribution.settings.with_values(left_out=left_out),
        )
        for attribution in attributions
    ]


def compare_models(
    models: Mapping[str, keras.Model],
    images: Mapping[str, Any],
    target: Any = None,
    *,
    methods: Sequence[Callable[..., Attribution]] | None = None,
    **options: Any,
) -> list[Attribution]:
    """Explain the same pictures to several models, to be drawn as one figure: one row per picture and model.

    Args:
        models: Keras models, by the names that tell them apart.
        images: the pictures as each model takes them, in its size and range, by the same names.
        target: class to explain, by its name or its number in every model; by default each model's own prediction.
        methods: such as `visualize.gradcam`; by default those of `compare` that every model allows: `settings["left_out"]`
            lists the others, with the model and its reason.
        options: for every method that takes them.

    Returns:
        For each model one Attribution per method; `settings.model` has its name. `draw` of them all is one figure, in which
        each map has its own scale: the scores of two models, and so their maps, have no common unit.

    Raises:
        InputError: fewer than two models, another number of pictures for one of them, or what `compare` raises; the message
            begins with the name of the model.

    Example:
        visualize compare small.keras large.keras cat.png --method gradcam --method saliency
    """
    if not isinstance(models, Mapping) or len(models) < 2:
        raise InputError(f"`models` must be at least two models by their names. Received: {received(models)}.")
    if not isinstance(images, Mapping) or set(images) != set(models):
        raise InputError(f"`images` must have the pictures of {', '.join(map(repr, models))}. Received: {received(images)}.")
    results: dict[str, list[Attribution]] = {}
    for name, model in models.items():
        try:
            results[name] = compare(model, images[name], target, methods=methods, **options)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
    counts = {name: len(own[0].values) for name, own in results.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"`images` must be the same pictures for all models. Received: {counts}.")
    return _of_common_methods(results)


def _of_common_methods(results: Mapping[str, Sequence[Attribution]]) -> list[Attribution]:
    """The results of the methods that every model allows, with the names of the models, and what was left out."""
    left_out: dict[str, str] = {}
    for name, own in results.items():
        for method, reason in (own[0].settings.left_out or {}).items():
            left_out.setdefault(method, f"{name}: {reason}")
    kept = [
        replace(
            each,
            settings=each.settings.with_values(model=name, left_out=left_out),
            display=replace(each.display, shared_scale=False),
        )
        for name, own in results.items()
        for each in own
        if each.method not in left_out
    ]
    if not kept:
        reasons = " ".join(f"{method}: {reason}" for method, reason in left_out.items())
        raise InputError(f"No method is allowed by every model. {reasons}")
    return kept


@renamed_keywords(explained="input_name")
def contrast(
    model: keras.Model,
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
        target: the first class; one for all images or one per image; by default the model's own prediction.
        against: the second class; by default the likeliest besides the first.
        method: the one that explains both; it takes a target: `visualize.gradcam`, `visualize.occlusion`, ...
        options: of the method.

    Returns:
        Attribution whose values are method(target) - method(against), signed: above zero speaks for the first class, below
        for the second. Its scores are the differences of the two. For input x gradient, integrated gradients, HiResCAM,
        occlusion and RISE, which are linear in the score, the values are the explanation of that difference.
        `arrays["against"]` has the second class of each image.

    Raises:
        InputError: the two classes of an image are the same, or the method takes no target.
    """
    if "target" not in parameters_of("method", method):
        raise InputError(f"`method` must explain a class. Received: {name_of(method)}, which takes no target.")
    _check_options("method", (method,), options)
    target = target if isinstance(target, Target) else Target(target)
    request = prepare(model, images, replace(target, classes=None), options.get("input_name"))
    scores = class_scores(request)["scores"]
    if scores.shape[1] == 1:
        raise InputError("The model must tell at least two classes apart. Received: one number, to which there is no second.")
    first = _attribution("method", method, (model, images, target), options)
    if (first.targets < 0).any():
        raise InputError("`target` must be a class here. Received: a function.")
    if against is None:
        others = np.where(np.arange(scores.shape[1]) == first.targets[:, None], -np.inf, scores)
        against = others.argmax(axis=1)
    classes, function = split_target(against)
    if function is not None:
        raise InputError("`against` must be a class. Received: a function.")
    images_count, class_count = scores.shape
    against = class_indices(classes, images_count, class_count, request.class_names, name="against").tolist()
    second = _attribution("method", method, (model, images, replace(target, classes=against)), options)
    same = np.flatnonzero(first.targets == second.targets)
    if len(same):
        raise InputError(f"`against` must be another class than `target`. Received: {first.targets[same[0]]} for both.")
    arrays = {"predicted": first.arrays["predicted"]} if "predicted" in first.arrays else {}
    return replace(
        first,
        values=first.values - second.values,
        scores=first.scores - second.scores,
        method="contrast",
        settings=first.settings.with_values(method=first.method, signed=True),
        arrays={**arrays, "against": second.targets},
    )


def name_of(method: Callable) -> str:
    """The name of a method, also of a partial one."""
    return getattr(getattr(method, "func", method), "__name__", type(method).__name__)


def _attribution(name: str, method: Callable, arguments: Sequence[Any], options: Mapping[str, Any]) -> Attribution:
    """What a method returns, if it is one that explains images."""
    expected = f"`{name}` must explain images, as visualize.gradcam does, with an Attribution. Received: {name_of(method)}"
    try:
        inspect.signature(method).bind(*arguments, **options)
    except TypeError as error:
        raise InputError(f"{expected}, which does not take them ({error}).") from None
    result = method(*arguments, **options)
    if not isinstance(result, Attribution):
        raise InputError(f"{expected}, which returns a {type(result).__name__}.")
    return result


def _check_options(argument: str, methods: Sequence[Callable], options: Mapping[str, Any]) -> None:
    known = {name for method in methods for name in parameters_of(argument, method)}
    unknown = [name for name in options if name not in known]
    if unknown:
        raise InputError(f"`{unknown[0]}` is no option of {', '.join(map(name_of, methods))}.")
