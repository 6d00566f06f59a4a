"""Annotation: deletion and insertion of each map, kept with the map and printed beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from visualize._utils.lazy import keras
from visualize.metrics.deletion import deletion, insertion
from visualize.results import Attribution


def with_faithfulness(
    model: keras.Model, attributions: Sequence[Attribution], *, images: Any = None, target: Any = None, steps: int = 20
) -> list[Attribution]:
    """The same attributions with the deletion and the insertion of each map, which `draw` prints above it.

    Args:
        model: that was explained.
        attributions: its maps, by one or several methods.
        images: what the model was called on; only needed where it has several inputs.
        target: what was explained; only needed for a function of the scores or a region of the output.
        steps: of `metrics.deletion` and `metrics.insertion`.

    Returns:
        Attributions whose `arrays` have "deletion" and "insertion", (batch,) each, so that a record of their figure has them.

    Raises:
        InputError: what `metrics.deletion` raises.

    Example:
        visualize compare model.keras cat.png --trust
    """
    common: dict[str, Any] = {"baselines": (), "images": images, "target": target, "steps": steps}
    measured = []
    for attribution in attributions:
        own = {
            "deletion": deletion(model, attribution, **common).values,
            "insertion": insertion(model, attribution, **common).values,
        }
        measured.append(replace(attribution, arrays={**attribution.arrays, **own}))
    return measured
