"""Robustness: how much a map changes when its image hardly does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras
from visualize._utils.validation import checked_count, checked_number
from visualize.attribution.gradients import saliency
from visualize.errors import InputError
from visualize.metrics.explanations import Explanations, check_changeable
from visualize.models.input_range import range_of
from visualize.results import Attribution

RADIUS = 0.02  # of the default, as a share of the input range
AT_ONCE = 64  # noisy copies of images that one call of the method receives: the maps of that many are in memory


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """How much maps change within a small neighborhood of their images, as a share of their own size.

    Attributes:
        maximum: (batch,) the largest change among the neighbors.
        average: (batch,) their mean.
    """

    maximum: np.ndarray
    average: np.ndarray


def sensitivity(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    method: Callable[..., Attribution] = saliency,
    radius: float = RADIUS,
    samples: int = 10,
    seed: int = 0,
    **options: Any,
) -> Sensitivity:
    """How much the map of a method changes when noise that can hardly be seen is added to the image.

    Max-sensitivity of Yeh et al. (2019), arXiv:1901.09392, and the mean in the place of the
    maximum: ||map(noisy image) - map(image)|| / ||map(image)||, over copies with uniform noise. The class that is explained
    is that of the image. Low is stable, and 0 for a map that does not look at the image at all: stability alone is no merit.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        method: such as `visualize.gradcam`, or `functools.partial(visualize.occlusion, patch=8)`.
        radius: largest noise at a pixel, as a share of the input range.
        samples: noisy copies of each image.
        seed: of the noise, which is the same for every image.
        options: of the method.

    Returns:
        The maximum and the average. The change of a map of zeros counts as 0 if it stays so, else as 1.

    Raises:
        InputError: the method cannot be applied, `radius` or `samples` is out of range, or the images are tokens.
    """
    samples, radius = checked_count("samples", samples, 1), checked_number("radius", radius)
    if not radius > 0:
        raise InputError(f"`radius` must be above 0. Received: {radius}.")
    seed = checked_count("seed", seed, 0)
    return sensitivity_around(Explanations.of(model, images, target, method, options), radius, samples, seed)


def sensitivity_around(explanations: Explanations, radius: float, samples: int, seed: int) -> Sensitivity:
    """What `sensitivity` returns, for maps that are there already.

    Raises:
        InputError: the images are tokens.
    """
    check_changeable(explanations.inputs)
    generator = np.random.default_rng(seed)
    pictures, maps = explanations.inputs.images, explanations.original.values
    (low, high), _ = range_of(explanations.model, explanations.inputs.input_name)
    changes = []
    for copies in _pieces(samples, max(1, AT_ONCE // len(pictures))):
        noise = generator.uniform(-1, 1, (copies, 1, *pictures.shape[1:])) * radius * (high - low)
        noisy = (pictures + noise).astype("float32").reshape(-1, *pictures.shape[1:])  # (copies x batch, ...)
        changes.append(_relative_changes(explanations.of_copies(noisy, copies), maps))
    joined = np.concatenate(changes)  # (samples, batch)
    return Sensitivity(joined.max(axis=0), joined.mean(axis=0))


def _relative_changes(changed: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """||changed - map|| / ||map||, (copies, batch)."""
    differences = np.linalg.norm((changed.astype("float64") - maps).reshape(*changed.shape[:2], -1), axis=2)
    sizes = np.linalg.norm(maps.astype("float64").reshape(len(maps), -1), axis=1)
    return np.where(sizes > 0, differences / np.where(sizes > 0, sizes, 1), differences > 0)


def _pieces(count: int, most: int) -> list[int]:
    """`count` in pieces of `most`, and what is left."""
    return [min(most, count - start) for start in range(0, count, most)]
