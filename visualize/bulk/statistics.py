"""Statistics of a map: how its mass is spread over the image, in a few numbers."""

from __future__ import annotations

import numpy as np

AXES = {1: ("position",), 2: ("row", "column"), 3: ("depth", "row", "column")}
BORDER = 0.1  # of each side


def map_statistics(values: np.ndarray) -> dict[str, np.ndarray]:
    """How the mass of each map, its absolute values, is spread over the positions.

    Args:
        values: (batch, height, width), or with one or three spatial axes.

    Returns:
        Arrays (batch,) float32, NaN for a map that is 0 everywhere or not finite:

        - `half_area`: the smallest share of the positions that holds half of the mass, above 0 and at most .5;
        - `entropy`: of the mass as a distribution, divided by that of the uniform one: 0 for one position, 1 for an even map;
        - `center_row`, `center_column`: the center of mass, 0 at the upper or left edge and 1 at the lower or right one;
        - `border`: the share of the mass in the outer tenth along each edge, .36 for an even map of many pixels.
    """
    mass = np.abs(values.astype("float32", copy=False))
    total = mass.sum(axis=tuple(range(1, mass.ndim)), dtype="float64")
    known = np.isfinite(total) & (total > 0)
    shares = mass / np.where(known, total, np.nan).astype("float32").reshape(-1, *[1] * (mass.ndim - 1))
    rows = shares.reshape(len(shares), -1)
    statistics = {"half_area": _half_area(rows), "entropy": _entropy(rows), **_centers(shares), "border": _border(shares)}
    return {name: np.where(known, array, np.nan).astype("float32") for name, array in statistics.items()}


def _half_area(rows: np.ndarray) -> np.ndarray:
    """The share of the positions, the highest first, that holds half of the mass."""
    outside = np.cumsum(np.sort(rows, axis=1), axis=1)  # the mass of all but the highest positions
    return (outside > 0.5 + 1e-5).sum(axis=1) / rows.shape[1]  # two equal positions hold half each, to round-off


def _entropy(rows: np.ndarray) -> np.ndarray:
    """The entropy of each distribution, (batch, positions), as a fraction of the highest one."""
    logarithms = np.log(np.where(rows > 0, rows, 1))
    return -np.einsum("np,np->n", rows, logarithms) / np.log(max(2, rows.shape[1]))


def _centers(shares: np.ndarray) -> dict[str, np.ndarray]:
    """The center of mass along each spatial axis, in 0..1 from edge to edge."""
    axes, centers = range(1, shares.ndim), {}
    for axis, name in zip(axes, AXES[shares.ndim - 1], strict=True):
        along = shares.sum(axis=tuple(other for other in axes if other != axis), dtype="float64")  # (batch, length)
        centers[f"center_{name}"] = along @ ((np.arange(along.shape[1]) + 0.5) / along.shape[1])
    return centers


def _border(shares: np.ndarray) -> np.ndarray:
    """The mass outside the inner part, which ends a tenth of each side before the edges."""
    margins = [max(1, round(BORDER * length)) for length in shares.shape[1:]]
    inner = shares[(slice(None), *(slice(margin, -margin) for margin in margins))]
    return 1 - inner.sum(axis=tuple(range(1, shares.ndim)), dtype="float64")
