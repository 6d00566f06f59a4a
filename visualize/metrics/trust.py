"""Trust: how far the maps of several methods can be believed, for one model and some images."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from visualize._utils.lazy import keras
from visualize._utils.validation import checked_count, checked_path, parameters_of
from visualize.attribution.comparison import COMPARED, name_of
from visualize.attribution.rise import rise
from visualize.errors import InputError
from visualize.metrics.judgment import judgment
from visualize.metrics.kept_measures import kept_path, read_measures, write_measures
from visualize.metrics.measured_method import MeasuredMethod, Subject, TrustOptions, label_of, measure
from visualize.models.layers import card_of, origin_of
from visualize.results import Attribution, Trust

RISE_MASKS = 500  # of the default: each of the six maps that a method is measured by needs so many forward passes
Progress = Callable[[str], AbstractContextManager[None]]  # shows the progress of a computation of this name


def trust(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    methods: Sequence[Callable[..., Attribution]] | None = None,
    steps: int = 20,
    samples: int = 2,
    seed: int = 0,
    out: str | Path | None = None,
    progress: Progress = lambda name: contextlib.nullcontext(),
    **options: Any,
) -> Trust:
    """Measure how far the maps of several methods can be believed, and say which one to believe, or none.

    Each method is measured on the same images: deletion and insertion (Petsiuk et al. 2018, arXiv:1806.07421) beside random
    pixels, random blocks, the distance to the center and edges; whether the map of the class tells more of it than the map
    of another class, one in the middle of the model's ranking; whether the map changes when the head of the model is random,
    and when all weights are (Adebayo et al. 2018, arXiv:1810.03292); how much slight noise changes it (Yeh et al. 2019,
    arXiv:1901.09392); and the area that holds 90 % of it. Intervals are bootstrapped over the images.

    A method is believed if it is better than random pixels and blocks in deletion or in insertion and worse in neither, if
    its map belongs to its class, and if it changes with the weights. The answer is for this model and these images alone.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on; at least six, and better 32.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        methods: such as `visualize.gradcam`, or `functools.partial(visualize.occlusion, patch=8)`; by default the eight of
            `compare`, with 500 masks for RISE, or those of them that the model allows.
        steps: in how many steps deletion and insertion hide or show all pixels.
        samples: noisy copies of each image, for the change under slight noise.
        seed: of everything that is drawn at random.
        out: folder in which the numbers of each finished method are kept; a method whose numbers are there, for the same
            model, settings and images, is not measured again. By default nothing is kept.
        progress: a context for the computation of each method, which is called with its name.
        options: for every method that takes them, such as `input_name`, `batch_size` or `precision`.

    Returns:
        Trust, with a row for each method and baseline, a sentence for each method, and the answer. `draw` makes a figure of
        it; `settings["left_out"]` has the methods that the model does not allow, with the reasons.

    Raises:
        InputError: a method that was named cannot be applied or was named twice, none can be applied, or none takes one of the
            options.

    Example:
        visualize trust model.keras --data mnist:test --index 0-31 --out trust
    """
    measured_by = TrustOptions(
        steps=checked_count("steps", steps, 2),
        samples=checked_count("samples", samples, 1),
        seed=checked_count("seed", seed, 0),
    )
    chosen = _checked_methods(methods, options)
    folder = None if out is None else checked_path("out", out)
    subject = Subject.of(model, images, target, options)
    measures, left_out, before = [], {}, None
    for method in chosen:
        path = None if folder is None else kept_path(folder, subject, method, measured_by)
        kept = None if path is None else read_measures(path)
        if kept is None:
            try:
                with progress(label_of(method)):
                    before = measure(subject, method, measured_by, before)
            except InputError as error:
                if methods is not None or (method is chosen[-1] and not measures):
                    raise
                left_out[name_of(method)] = str(error)
                continue
            kept = before.method
            if path is not None:
                write_measures(path, kept)
        measures.append(kept)
    return judgment(measures, _settings(subject, measured_by, measures, left_out))


def default_methods() -> tuple[Callable[..., Attribution], ...]:
    """The methods of `compare`, with fewer masks for RISE."""
    return tuple(functools.partial(rise, masks=RISE_MASKS) if name_of(method) == "rise" else method for method in COMPARED)


def _checked_methods(
    methods: Sequence[Callable[..., Attribution]] | None, options: dict[str, Any]
) -> tuple[Callable[..., Attribution], ...]:
    if methods is not None and (not isinstance(methods, list | tuple) or not methods):
        raise InputError("`methods` must be a list of at least one function such as visualize.gradcam. Received: none.")
    chosen = default_methods() if methods is None else tuple(methods)
    known = {name for method in chosen for name in parameters_of("methods", method)}
    labels = [label_of(method) for method in chosen]
    if repeated := [label for label in dict.fromkeys(labels) if labels.count(label) > 1]:
        raise InputError(f"`methods` must name each method once. Received: {repeated[0]} {labels.count(repeated[0])} times.")
    for name in options:
        if name not in known:
            raise InputError(f"`{name}` is no option of {', '.join(map(name_of, chosen))}.")
    return chosen


def _settings(
    subject: Subject, options: TrustOptions, measures: Sequence[MeasuredMethod], left_out: dict[str, str]
) -> dict[str, Any]:
    """How it was measured, plain JSON values."""
    classes, origin = subject.target.classes, origin_of(subject.model)
    return {
        "model": origin.path.name if origin else subject.model.name,
        "images": len(measures[0].scores),
        "targets": classes if isinstance(classes, list) else None,
        "other_classes": None if subject.other is None else subject.other.classes,
        "class_names": list(card_of(subject.model).class_names),
        "steps": options.steps,
        "samples": options.samples,
        "seed": options.seed,
        "left_out": left_out,
    }
