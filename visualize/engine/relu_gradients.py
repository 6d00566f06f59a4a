"""ReLU gradients: how a ReLU propagates gradients back."""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Iterator

from visualize._utils.lazy import tf
from visualize._utils.validation import checked_word

MODIFIERS = ("guided", "relu")
RELUS = ("Relu", "Relu6")  # the operations that they modify

_modifier: contextvars.ContextVar[str | None] = contextvars.ContextVar("modifier", default=None)  # the one in force


def overridable_relus(graph: tf.Graph) -> contextlib.AbstractContextManager:
    """ReLUs built within this context look up, whenever a gradient is taken, how they are to propagate it back."""
    _register_gradients()
    return graph.gradient_override_map({name: f"Visualize_{name}" for name in RELUS})


def checked_modifier(modifier: str | None) -> str | None:
    """None or one of `MODIFIERS`.

    Raises:
        InputError: it is neither.
    """
    return checked_word("modifier", modifier, (None, *MODIFIERS))


@contextlib.contextmanager
def backpropagating(modifier: str | None) -> Iterator[None]:
    """Gradients taken within this context pass those ReLUs as the modifier has it.

    "guided" (Springenberg et al. 2014, arXiv:1412.6806) lets a gradient pass only where gradient and activation are positive;
    "relu" (Zeiler & Fergus 2013, arXiv:1311.2901) where the gradient is; None where the activation is, as the chain rule does.
    """
    token = _modifier.set(modifier)
    try:
        yield
    finally:
        _modifier.reset(token)


@functools.cache
def _register_gradients() -> None:
    """Register once per process what a ReLU propagates back."""

    @tf.RegisterGradient("Visualize_Relu")
    def relu(operation, gradient):
        return modified(gradient, tf.raw_ops.ReluGrad(gradients=gradient, features=operation.outputs[0]))

    @tf.RegisterGradient("Visualize_Relu6")
    def relu6(operation, gradient):
        return modified(gradient, tf.raw_ops.Relu6Grad(gradients=gradient, features=operation.outputs[0]))

    def modified(gradient, active_gradient):
        """What the modifier in force lets pass, of a gradient and of the same where the ReLU is active."""
        modifier = _modifier.get()
        if modifier is None:
            return active_gradient
        return tf.nn.relu(gradient if modifier == "relu" else active_gradient)
