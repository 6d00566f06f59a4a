"""Slices: a volume by the slice that says most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from visualize.results import Attribution


def sliced(attributions: Sequence[Attribution]) -> tuple[list[Attribution], np.ndarray | None]:
    """Attributions of volumes, (batch, depth, height, width), as those of one slice of each image.

    It is the slice in which the first attribution is strongest, the same in every column.

    Returns:
        The attributions, and the number of each image's slice; pictures and sequences are as they were, and None.
    """
    first = attributions[0]
    if first.values.ndim != 4:
        return list(attributions), None
    chosen = np.abs(np.nan_to_num(first.values)).max(axis=(2, 3)).argmax(axis=1)  # (batch,)
    rows = np.arange(len(chosen))
    return [replace(one, values=one.values[rows, chosen], images=one.images[rows, chosen]) for one in attributions], chosen
