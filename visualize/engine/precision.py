"""Precision: trace a float32 model in bfloat16, and leave it as it was."""

from __future__ import annotations

import contextlib
import functools
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_word
from visualize.errors import InputError

PRECISIONS = ("float32", "bfloat16", "auto")
FLAGS = ("avx512_bf16", "amx_bf16")  # of a processor that multiplies in bfloat16
AMPERE = (8, 0)  # the first compute capability of a GPU that does


def settled(precision: str) -> str:
    """The precision to compute in, "float32" or "bfloat16"; "auto" is bfloat16 where the hardware multiplies in it.

    Raises:
        InputError: an unknown precision.
    """
    checked_word("precision", precision, PRECISIONS)
    if precision != "auto":
        return precision
    return "bfloat16" if _hardware_has_it() else "float32"


@contextlib.contextmanager
def lowered(model: Any, precision: str) -> Iterator[None]:
    """Within this context, layers that compute in float32 compute in bfloat16, but for the last one with weights.

    The last one makes the scores, and scores of three digits would make poor differences. Weights stay as they are: each layer
    casts them while it runs, as under Keras' policy "mixed_bfloat16".

    Raises:
        InputError: no layer computes in float32, so it would change nothing.
    """
    if precision == "float32":
        yield
        return
    leaves = [layer for layer in model._flatten_layers() if not layer._layers]
    last = next((layer for layer in reversed(leaves) if layer.weights), None)
    before = [(layer, layer.dtype_policy) for layer in leaves if layer.dtype_policy.name == "float32" and layer is not last]
    if not before:
        raise InputError(
            f"`precision` must be 'float32' here: no layer but the last computes in float32. Received: {precision!r}."
        )
    try:
        for layer, _ in before:
            layer.dtype_policy = keras.dtype_policies.DTypePolicy("mixed_bfloat16")
        yield
    finally:
        for layer, policy in before:
            layer.dtype_policy = policy


@functools.cache
def _hardware_has_it() -> bool:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return all(tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0)) >= AMPERE for gpu in gpus)
    facts = Path("/proc/cpuinfo")
    return platform.machine() in ("x86_64", "AMD64") and facts.exists() and any(flag in facts.read_text() for flag in FLAGS)
