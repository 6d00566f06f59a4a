"""ReLU gradients: how the ReLUs of a network propagate gradients back.

A modifier changes the activation of ReLU layers and `activation="relu"`, with `max_value`, `negative_slope` and `threshold`.
Not every Relu operation of a graph is such an activation: hard_sigmoid is relu6(x + 3) / 6, a gate, and PReLU is relu(x) -
alpha relu(-x). Those keep the chain rule, and are reported.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_word

MODIFIERS = ("guided", "relu")
RELUS = ("Relu", "Relu6")  # the operations that they modify
PASS_THROUGH = ("Identity", "Cast")
MARK = "visualize_relu"  # in the name of an operation that stands for a whole ReLU layer


@dataclass(frozen=True)
class Backpropagation:
    """How gradients are propagated while they are taken."""

    modifier: str | None
    relus: frozenset[tf.Operation]


@dataclass(frozen=True)
class Relus:
    """The ReLU operations among some others.

    Attributes:
        activations: those that are activations of the network, which a modifier changes.
        others: names of the layers, or operations, that hold compositions of ReLUs or relatives, which no modifier changes.
    """

    activations: frozenset[tf.Operation]
    others: tuple[str, ...]


CHAIN_RULE = Backpropagation(None, frozenset())
_backpropagation: contextvars.ContextVar[Backpropagation] = contextvars.ContextVar("backpropagation", default=CHAIN_RULE)


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
def backpropagating(modifier: str | None, relus: Iterable[tf.Operation] = ()) -> Iterator[None]:
    """Gradients taken within this context pass these ReLUs as the modifier has it.

    "guided" (Springenberg et al. 2014, arXiv:1412.6806) lets a gradient pass only where gradient and activation are positive;
    "relu" (Zeiler & Fergus 2013, arXiv:1311.2901) where the gradient is; None where the activation is, as the chain rule does.
    """
    token = _backpropagation.set(Backpropagation(modifier, frozenset(relus)))
    try:
        yield
    finally:
        _backpropagation.reset(token)


def find_relus(operations: Iterable[tf.Operation]) -> Relus:
    """Tell the activations among some operations from gates, halves of PReLUs and other relatives."""
    activations, others, layers = set(), {}, set()
    for operation in operations:
        scope = operation.name.rpartition("/")[0] or operation.name
        if operation.type == "IdentityN" and MARK in operation.name:
            activations.add(operation)
            layers.add(scope)
        elif operation.type in RELUS and not (_is_gate(operation) or _is_half_of_prelu(operation)):
            activations.add(operation)
        elif operation.type in (*RELUS, "LeakyRelu") or _is_maximum_with_zero(operation):
            others[scope] = None
    parts = {operation for operation in activations if operation.type in RELUS and _within(operation.name, layers)}
    return Relus(frozenset(activations - parts), tuple(scope for scope in others if not _within(scope, layers)))


def is_composed_relu(layer: keras.Layer) -> bool:
    """Whether a layer is a ReLU that is built of several operations: with a slope, a threshold, or an odd maximum."""
    if not isinstance(layer, keras.layers.ReLU):
        return False
    return bool(layer.negative_slope) or bool(layer.threshold) or layer.max_value not in (None, 6)


def as_one_relu(activation: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    """The same activation, whose gradient a modifier changes as a whole."""

    @tf.custom_gradient
    def marked(inputs: tf.Tensor) -> Any:
        outputs = activation(inputs)

        def gradient(upstream):
            modifier = _backpropagation.get().modifier
            with backpropagating(None):
                (plain,) = tf.gradients(outputs, [inputs], [upstream])
            if modifier is None:
                return plain
            if modifier == "relu":
                return tf.nn.relu(upstream)
            return tf.where(outputs > 0, tf.nn.relu(plain), tf.zeros_like(plain))

        return outputs, gradient

    def call(inputs: tf.Tensor) -> tf.Tensor:
        with tf.name_scope(MARK):
            return marked(inputs)

    return call


@functools.cache
def _register_gradients() -> None:
    """Register once per process what a ReLU propagates back."""

    @tf.RegisterGradient("Visualize_Relu")
    def relu(operation, gradient):
        return modified(operation, gradient, tf.raw_ops.ReluGrad(gradients=gradient, features=operation.outputs[0]))

    @tf.RegisterGradient("Visualize_Relu6")
    def relu6(operation, gradient):
        return modified(operation, gradient, tf.raw_ops.Relu6Grad(gradients=gradient, features=operation.outputs[0]))

    def modified(operation, gradient, active_gradient):
        """What the modifier in force lets pass, of a gradient and of the same where the ReLU is active."""
        how = _backpropagation.get()
        if how.modifier is None or operation not in how.relus:
            return active_gradient
        return tf.nn.relu(gradient if how.modifier == "relu" else active_gradient)


# Compositions of ReLUs -------------------------------------------------------------------------------------------------------


def _is_gate(operation: tf.Operation) -> bool:
    """Whether it is the relu6 of a hard sigmoid, relu6(x + 3) / 6, wherever the division by 6 stands."""
    if operation.type != "Relu6":
        return False
    shift = _maker(operation.inputs[0])
    return shift.type in ("AddV2", "Add", "BiasAdd") and any(_is_constant(value, 3) for value in shift.inputs)


def _is_half_of_prelu(operation: tf.Operation) -> bool:
    """Whether it is one of the two ReLUs of relu(x) - alpha relu(-x)."""
    if operation.type != "Relu":
        return False
    before = _maker(operation.inputs[0])
    source = before.inputs[0] if before.type == "Neg" else operation.inputs[0]
    positives = [user for user in _users(source) if user.type == "Relu"]
    negatives = [relu for neg in _users(source) if neg.type == "Neg" for relu in _users(neg.outputs[0]) if relu.type == "Relu"]
    scaled = {user for relu in negatives for user in _users(relu.outputs[0]) if user.type == "Mul"}
    sums = {user for product in scaled for user in _users(product.outputs[0]) if user.type in ("AddV2", "Sub")}
    joined = any(user in sums for relu in positives for user in _users(relu.outputs[0]))
    return joined and operation in (*positives, *negatives)


def _is_maximum_with_zero(operation: tf.Operation) -> bool:
    return operation.type == "Maximum" and any(_is_constant(value, 0) for value in operation.inputs)


def _maker(tensor: tf.Tensor) -> tf.Operation:
    operation = tensor.op
    while operation.type in PASS_THROUGH:
        operation = operation.inputs[0].op
    return operation


def _users(tensor: tf.Tensor) -> list[tf.Operation]:
    """The operations that read a tensor, also behind identities and casts."""
    users = []
    for user in tensor.consumers():
        users += _users(user.outputs[0]) if user.type in PASS_THROUGH else [user]
    return users


def _is_constant(tensor: tf.Tensor, number: float) -> bool:
    value = tf.get_static_value(tensor)
    return value is not None and np.size(value) == 1 and abs(float(np.reshape(value, ())) - number) < 1e-2 * max(1.0, number)


def _within(name: str, scopes: set[str]) -> bool:
    return any(name == scope or name.startswith(f"{scope}/") for scope in scopes)
