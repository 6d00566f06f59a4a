"""Defaults: the settings of an optimization that suit a parametrization and the size of the pictures.

What they were chosen by stands in docs/maximize.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGE = 64  # pixels of the shorter side, from which on a picture has parts that can be shown on their own
SMALL: Mapping[str, Any] = {"steps": 200, "step_size": 0.02, "lp_norm": 10.0, "total_variation": 60.0, "jitter": 1}
STILL: Mapping[str, Any] = {**SMALL, "rotate": 0.0, "scale": (1.0, 1.0), "noise": 0.0}
# By parametrization, for pictures of any size; and what differs for large ones.
ANY_SIZE: Mapping[str, Mapping[str, Any]] = {
    "pixel": STILL,
    "fourier": STILL,
    "maco": {**STILL, "lp_norm": 0.0, "total_variation": 0.0},
}
MOVING: Mapping[str, Any] = {"lp_norm": 0.0, "total_variation": 0.0, "jitter": 8, "scale": (1.0, 3.0)}
LARGE_ONLY: Mapping[str, Mapping[str, Any]] = {
    "pixel": {"total_variation": 150.0},
    "fourier": {**MOVING, "step_size": 0.03, "rotate": 10.0},
    "maco": {**MOVING, "step_size": 0.1, "noise": 0.02},
}


def default_parametrization(shape: tuple[int, int, int]) -> str:
    """Waves for large pictures in color, pixels for any other, of (height, width, channels)."""
    return "fourier" if _is_large(shape) and shape[-1] == 3 else "pixel"


def with_defaults(chosen: Mapping[str, Any], parametrization: str, shape: tuple[int, int, int]) -> dict[str, Any]:
    """The settings that were chosen, with defaults in place of None.

    Args:
        chosen: by name, at least all that have a default here.
        parametrization: one of `PARAMETRIZATIONS`.
        shape: (height, width, channels) of the pictures.
    """
    defaults = {**ANY_SIZE[parametrization], **(LARGE_ONLY[parametrization] if _is_large(shape) else {})}
    return {name: defaults[name] if value is None else value for name, value in chosen.items()}


def _is_large(shape: tuple[int, int, int]) -> bool:
    return min(shape[:2]) >= LARGE
