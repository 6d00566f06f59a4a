"""The precision that a network is trained in: float32, bfloat16, or what this machine is fast in.

bfloat16 is float32 with 8 bits of significand instead of 24. A processor with instructions for it multiplies twice as
many numbers at a time or more; one without them is slower than in float32, because it converts back and forth.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasdemos.errors import InputError

CHOICES = ("float32", "bfloat16", "auto")
AMPERE = (8, 0)  # compute capability of the first NVIDIA GPUs whose tensor cores multiply bfloat16


@dataclass(frozen=True)
class Support:
    """Whether this machine is fast in bfloat16, and by what."""

    bfloat16: bool
    reason: str  # "this CPU has AVX512-BF16"


@dataclass(frozen=True)
class Precision:
    """What a network is trained in, float32 or bfloat16, and why."""

    name: str
    reason: str

    def __str__(self):
        return f"Precision: {self.name} ({self.reason})."


def resolve(asked: str) -> Precision:
    """The precision that was asked for; for auto, bfloat16 where this machine is fast in it.

    Imports TensorFlow unless float32 is asked for.

    Raises:
        InputError: it is not one of CHOICES.
    """
    check(asked)
    return Precision("float32", "as asked") if asked == "float32" else choose(asked, _here())


def choose(asked: str, machine: Support) -> Precision:
    """For auto what the machine is fast in, else what was asked for, with a warning where the machine is slow in it."""
    if asked == "auto":
        return Precision("bfloat16" if machine.bfloat16 else "float32", machine.reason)
    slow = asked == "bfloat16" and not machine.bfloat16
    return Precision(asked, f"as asked, but slow: {machine.reason}" if slow else "as asked")


def check(asked: str) -> None:
    """Refuse what is no precision.

    Raises:
        InputError: it is none.
    """
    if asked not in CHOICES:
        raise InputError(f"`precision` must be {', '.join(CHOICES[:-1])} or {CHOICES[-1]}. Received: {asked!r}.")


def support(*, machine: str, processor: str, gpus: Sequence[Mapping[str, Any]], environment: Mapping[str, str]) -> Support:
    """Whether TensorFlow is fast in bfloat16 on a machine.

    Args:
        machine: the architecture, as `platform.machine()` names it.
        processor: the text of /proc/cpuinfo; empty where there is none.
        gpus: the details of each GPU, as TensorFlow gives them. It trains on the first of them, not on the CPU.
        environment: variables of the process, of which TF_ENABLE_ONEDNN_OPTS counts.
    """
    if gpus:
        capability = gpus[0].get("compute_capability")
        if capability is None:
            return Support(False, "this GPU does not say whether it has bfloat16")
        has = tuple(capability) >= AMPERE
        return Support(
            has, f"this GPU of compute capability {capability[0]}.{capability[1]} {'has' if has else 'lacks'} bfloat16"
        )
    if machine.lower() not in ("x86_64", "amd64"):
        # Arm has the instructions too, but nothing here could measure whether TensorFlow gains by them.
        return Support(False, f"only x86 CPUs are known to be fast in bfloat16, and this one is {machine}")
    if not processor:
        return Support(False, "no /proc/cpuinfo says what this CPU has")
    flags = {flag for line in processor.splitlines() if line.startswith("flags") for flag in line.partition(":")[2].split()}
    found = [name for flag, name in (("amx_bf16", "AMX"), ("avx512_bf16", "AVX512-BF16")) if flag in flags]
    if not found:
        return Support(False, "this CPU has neither AVX512-BF16 nor AMX")
    if environment.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return Support(False, f"this CPU has {found[0]}, but TF_ENABLE_ONEDNN_OPTS=0 keeps TensorFlow from it")
    return Support(True, f"this CPU has {found[0]}")


def _here() -> Support:
    import tensorflow as tf

    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.get_visible_devices("GPU")]
    path = Path("/proc/cpuinfo")
    processor = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return support(machine=platform.machine(), processor=processor, gpus=gpus, environment=os.environ)
