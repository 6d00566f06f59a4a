"""The precision to compute in: float32, bfloat16, or the one in which this machine is fast.

bfloat16 is float32 with 8 bits of significand instead of 24. A processor with instructions for it multiplies twice as many
numbers at a time or more; one without them is slower than in float32, because it converts back and forth.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visualize._utils.validation import checked_word
from visualize.errors import InputError

if TYPE_CHECKING:
    import keras
    import tensorflow as tf
else:
    from visualize._utils.lazy import keras, tf

PRECISIONS = ("float32", "bfloat16", "auto")
AMPERE = (8, 0)  # compute capability of the first NVIDIA GPUs whose tensor cores multiply bfloat16
FLAGS = {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16"}  # of a CPU that multiplies bfloat16; the faster one first


@dataclass(frozen=True)
class Support:
    """Whether a machine is fast in bfloat16, and why."""

    bfloat16: bool
    reason: str  # "this CPU has AVX512-BF16"


@dataclass(frozen=True)
class Precision:
    """What to compute in, float32 or bfloat16, and why."""

    name: str
    reason: str

    def __str__(self):
        return f"Precision: {self.name} ({self.reason})."


def check_precision(precision: str) -> None:
    """Refuse an unknown precision; imports no TensorFlow.

    Raises:
        InputError: it is not one of PRECISIONS.
    """
    checked_word("precision", precision, PRECISIONS)


def settled(precision: str) -> str:
    """The precision to compute in, "float32" or "bfloat16"; "auto" is bfloat16 where this machine is fast in it.

    Raises:
        InputError: an unknown precision.
    """
    return resolve(precision).name


def resolve(precision: str) -> Precision:
    """As `settled`, with the reason.

    Raises:
        InputError: an unknown precision.
    """
    check_precision(precision)
    return Precision("float32", "as asked") if precision == "float32" else choose(precision, this_machine())


def choose(precision: str, machine: Support) -> Precision:
    """For "auto" what the machine is fast in; else `precision`, with a warning where the machine is slow in it."""
    if precision == "auto":
        return Precision("bfloat16" if machine.bfloat16 else "float32", machine.reason)
    slow = precision == "bfloat16" and not machine.bfloat16
    return Precision(precision, f"as asked, but slow: {machine.reason}" if slow else "as asked")


def support(*, machine: str, processor: str, gpus: Sequence[Mapping[str, Any]], environment: Mapping[str, str]) -> Support:
    """Whether TensorFlow is fast in bfloat16 on a machine.

    Args:
        machine: the architecture, as `platform.machine()` names it.
        processor: the text of /proc/cpuinfo; empty where there is none.
        gpus: the details of each GPU, as TensorFlow gives them. It computes on the first of them, not on the CPU.
        environment: variables of the process, of which TF_ENABLE_ONEDNN_OPTS counts.

    Returns:
        Support, whose reason completes a sentence of `Precision`.
    """
    if gpus:
        capability = gpus[0].get("compute_capability")
        if capability is None:
            return Support(False, "this GPU does not say whether it has bfloat16")
        has = tuple(capability) >= AMPERE
        verb = "has" if has else "lacks"
        return Support(has, f"this GPU of compute capability {capability[0]}.{capability[1]} {verb} bfloat16")
    if machine.lower() not in ("x86_64", "amd64"):
        # Arm has the instructions too, but nothing here could measure whether TensorFlow gains by them.
        return Support(False, f"only x86 CPUs are known to be fast in bfloat16, and this one is {machine}")
    if not processor:
        return Support(False, "no /proc/cpuinfo says what this CPU has")
    flags = {flag for line in processor.splitlines() if line.startswith("flags") for flag in line.partition(":")[2].split()}
    names = [name for flag, name in FLAGS.items() if flag in flags]
    if not names:
        return Support(False, "this CPU has neither AVX512-BF16 nor AMX")
    if environment.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return Support(False, f"this CPU has {names[0]}, but TF_ENABLE_ONEDNN_OPTS=0 keeps TensorFlow from it")
    return Support(True, f"this CPU has {names[0]}")


def this_machine() -> Support:
    """Whether this process is fast in bfloat16."""
    return support(machine=platform.machine(), processor=_processor(), gpus=_gpus(), environment=os.environ)


@contextlib.contextmanager
def lowered(model: keras.Model, precision: str) -> Iterator[None]:
    """Within this context, layers that compute in float32 compute in bfloat16, but for the last one with weights.

    The last one gives the scores, and scores of three digits would give poor differences. Weights stay as they are: each
    layer casts them while it runs, as under Keras' policy "mixed_bfloat16".

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
    lowered_policy = _policy_of_this_thread()
    try:
        for layer, _ in before:
            layer.dtype_policy = lowered_policy
        yield
    finally:
        for layer, policy in before:
            layer.dtype_policy = policy


def _policy_of_this_thread() -> keras.DTypePolicy:
    """The policy mixed_bfloat16 for the thread that calls this, and float32 for others, which may run the model meanwhile."""
    thread = threading.get_ident()
    plain = keras.dtype_policies.DTypePolicy("float32")

    class Policy(keras.dtype_policies.DTypePolicy):
        @property
        def compute_dtype(self):
            return super().compute_dtype if threading.get_ident() == thread else plain.compute_dtype

        @property
        def name(self):
            return super().name if threading.get_ident() == thread else plain.name

    return Policy("mixed_bfloat16")


@functools.cache
def _processor() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _gpus() -> list[Mapping[str, Any]]:
    return [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.get_visible_devices("GPU")]
