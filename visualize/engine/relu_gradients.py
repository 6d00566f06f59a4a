"""Modifiers: how a ReLU passes gradients back."""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Iterator
from typing import Any

from visualize._utils.lazy import tf
from visualize._utils.validation import checked_word

MODIFIERS = ("guided", "relu")
RELUS = ("Relu", "Relu6")  # the operations that they modify

_passing: contextvars.ContextVar[str | None] = contextvars.ContextVar("passing", default=None)  # the modifier at work


def modifiable(graph: Any) -> contextlib.AbstractContextManager:
    """ReLUs made within this context ask, whenever a gradient is taken, how they are to pass it back."""
    _register_gradients()
    return graph.gradient_override_map({name: f"Visualize_{name}" for name in RELUS})


def checked_modifier(modifier: str | None) -> str | None:
    """None or one of `MODIFIERS`.

    Raises:
        InputError: it is neither.
    """
    return checked_word("modifier", modifier, (None, *MODIFIERS))


@contextlib.contextmanager
def passing(modifier: str | None) -> Iterator[None]:
    """Gradients taken within this context are passed back by those ReLUs as the modifier has it.

    "guided" (Springenberg et al. 2014, arXiv:1412.6806) lets a gradient pass only where gradient and activation are positive;
    "relu" (Zeiler & Fergus 2013, arXiv:1311.2901) where the gradient is; None where the activation is, as the chain rule does.
    """
    token = _passing.set(modifier)
    try:
        yield
    finally:
        _passing.reset(token)


@functools.cache
def _register_gradients() -> None:
    """Register once a process what a ReLU passes back."""

    @tf.RegisterGradient("Visualize_Relu")
    def relu(operation, slope):
        return passed(slope, tf.raw_ops.ReluGrad(gradients=slope, features=operation.outputs[0]))

    @tf.RegisterGradient("Visualize_Relu6")
    def relu6(operation, slope):
        return passed(slope, tf.raw_ops.Relu6Grad(gradients=slope, features=operation.outputs[0]))

    def passed(slope, active):
        """Of a slope, and the same where the ReLU is active, what the modifier at work lets pass."""
        modifier = _passing.get()
        if modifier is None:
            return active
        return tf.nn.relu(slope if modifier == "relu" else active)
