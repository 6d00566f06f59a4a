"""Cost: how many passes of the model the methods of a comparison take for each image, and about how long they take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from visualize._utils.lazy import keras
from visualize._utils.validation import parameters_of
from visualize.attribution.comparison import name_of
from visualize.attribution.patches import Patches
from visualize.attribution.request import class_scores, prepare
from visualize.attribution.smoothgrad import SAMPLES
from visualize.results import Attribution
from visualize.targets import Target

GRADIENT = 3  # passes that the gradient of one image takes, about
FEWEST_STEPS = 50  # of integrated gradients, which takes more until they add up
LONG = 10  # seconds of a comparison, from which on its cost is said beforehand
TIMED_COPIES = 8  # of an image, whose scores are timed

Method = Callable[..., Attribution]


def passes(methods: Sequence[Method], size: Sequence[int]) -> dict[str, int]:
    """How many passes of the model each method takes for one image, at least; a gradient counts as three.

    Occlusion may take less time than its passes, where it recomputes windows alone. Methods that are not known count as one
    gradient.

    Args:
        methods: such as `visualize.rise`, or partial ones.
        size: spatial shape of the image.
    """
    return {name_of(method): _passes_of(method, size) for method in methods}


def cost_sentence(counts: Mapping[str, int], maps: int, seconds: float) -> str:
    """What a user should know before a long comparison begins; "" for a short one.

    Args:
        counts: what `passes` returned.
        maps: how many each method makes.
        seconds: of one pass.
    """
    total = sum(counts.values()) * maps
    if total * seconds < LONG:
        return ""
    most = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda pair: -pair[1])[:3])
    return f"about {total:,} passes of the model ({most} for each map): {total * seconds:,.0f} seconds or more."


def seconds_per_pass(
    model: keras.Model, images: np.ndarray, *, input_name: str | None = None, output: str | None = None
) -> float:
    """How long one pass of the model takes for one image, measured on a few copies of the first.

    Args:
        model: Keras model.
        images: (batch, ...), in the model's range.
        input_name: of the input that they are for, of several.
        output: name of the output whose scores are computed, of several.

    Raises:
        InputError: the model has no scores.
    """
    copies = prepare(model, np.repeat(images[:1], TIMED_COPIES, axis=0), Target(output=output), input_name)
    class_scores(copies)  # traced
    started = time.perf_counter()
    class_scores(copies)
    return (time.perf_counter() - started) / TIMED_COPIES


def _passes_of(method: Method, size: Sequence[int]) -> int:
    parameters = parameters_of("methods", method)
    chosen: Mapping[str, object] = {name: parameter.default for name, parameter in parameters.items()}
    match name_of(method), chosen:
        case "rise", {"masks": int(masks)}:
            return masks
        case "occlusion", {"patch": patch, "stride": stride}:
            return int(np.prod(Patches.over(size, patch, stride).grid))  # pyright: ignore[reportArgumentType]
        case _, {"samples": samples}:
            return GRADIENT * (samples if isinstance(samples, int) else SAMPLES)
        case "integrated_gradients", {"steps": steps}:
            return GRADIENT * (steps if isinstance(steps, int) else FEWEST_STEPS)
    return GRADIENT
