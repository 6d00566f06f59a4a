"""DeepLIFT by operation: the multiplier of each operation between an image and its reference, in one table.

Shrikumar, Greenside & Kundaje (2017), arXiv:1704.02685, section 3. A multiplier is the change of the score by a change of a
tensor, both from the reference to the image. Linear operations pass multipliers on as gradients; an activation multiplies them
by the change of its output over the change of its input (the rescale rule, section 3.5.1). The rules of products, maxima and
softmax keep what the paper calls summation-to-delta: multipliers times changes add up to the change of the output.

The images are the first half of the batch, and their references the other half.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from visualize._utils.lazy import tf
from visualize.engine.operations import (
    REARRANGING,
    Signals,
    UnknownOperationError,
    by_chain_rule,
    handed_back,
    in_float32,
    in_shape_of,
    operations_between,
    run_again,
)
from visualize.engine.relevance_sums import LINEAR

SMALL_CHANGE = 1e-4  # of an input, as a part of it: below, the gradient at the image takes the place of the quotient


def multipliers(images: tf.Tensor, score: tf.Tensor) -> tf.Tensor | None:
    """The multiplier of each pixel and channel, (batch, height, width, channels); None where none arrives at the images.

    Args:
        images: (2 x batch, height, width, channels), on the graph being traced: the images, then their references.
        score: (2 x batch,).

    Raises:
        UnknownOperationError: an operation between the two has no rule.
    """
    operations = operations_between(images, score)
    network = _Network(images, frozenset(operations))
    arrived = handed_back(operations, images, score, tf.ones_like(in_float32(score)), network.handed_back)
    return None if arrived is None else _halves(arrived)[0]


@dataclass(frozen=True, eq=False)
class _Network:
    """The operations between the images and the score."""

    images: tf.Tensor
    between: frozenset[tf.Operation]

    def handed_back(self, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
        """What an operation hands back of the multipliers of its outputs."""
        numbers = self.dependent(operation)
        if operation.type in BY_NUMBER:
            rule = BY_NUMBER[operation.type][min(len(numbers), 2) - 1]
        elif operation.type in TABLE:
            rule = TABLE[operation.type]
        else:
            raise UnknownOperationError(operation)
        yield from rule(self, operation, arrived)

    def depends(self, tensor: tf.Tensor) -> bool:
        """Whether a tensor depends on the images."""
        return tensor is self.images or tensor.op in self.between

    def dependent(self, operation: tf.Operation) -> list[int]:
        """The numbers of the inputs of an operation that depend on the images."""
        return [number for number, tensor in enumerate(operation.inputs) if self.depends(tensor)]


def _halves(tensor: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """What belongs to the images, and what to their references."""
    first, second = tf.split(in_float32(tensor), 2)
    return first, second


def _sum_of_both(tensor: tf.Tensor) -> tf.Tensor:
    first, second = _halves(tensor)
    return first + second


def _of_both(first: tf.Tensor) -> tf.Tensor:
    return tf.concat([first, first], axis=0)


def _linear(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """As the chain rule has it."""
    inputs = [tf.cast(tensor, tf.float32) if network.depends(tensor) else tensor for tensor in operation.inputs]
    for tensor, multiplier in by_chain_rule(operation, arrived, inputs):
        if network.depends(tensor):
            yield tensor, multiplier


def _each(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """Casts, and what hands on its inputs."""
    for number, multiplier in arrived.items():
        if network.depends(operation.inputs[number]):
            yield operation.inputs[number], multiplier


def _activation(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """The rescale rule."""
    tensor = operation.inputs[network.dependent(operation)[0]]
    (inputs, reference), (outputs, reference_outputs) = _halves(tensor), _halves(operation.outputs[0])
    change = inputs - reference
    is_small = tf.abs(change) <= SMALL_CHANGE * (tf.abs(inputs) + tf.abs(reference))
    quotient = (outputs - reference_outputs) / tf.where(is_small, tf.ones_like(change), change)
    gradient = next(part for each, part in by_chain_rule(operation, {0: tf.ones_like(arrived[0])}) if each is tensor)
    yield tensor, arrived[0] * _of_both(tf.where(is_small, _halves(gradient)[0], quotient))


def _product(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """Each factor by the mean of the other: d(ab) = da mean(b) + db mean(a)."""
    means = [_of_both(_sum_of_both(tensor) / 2) for tensor in operation.inputs]
    free = [tf.identity(mean) for mean in means]
    (outputs,) = run_again(operation, free)
    yield from zip(operation.inputs, tf.gradients(outputs, free, arrived[0]), strict=True)


def _quotient(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """The rule of a product, for a times 1 / b, whose multiplier is -1 / (b b0)."""
    above, below = (in_float32(tensor) for tensor in operation.inputs)
    reciprocals = 1 / _halves(below)[0], 1 / _halves(below)[1]
    if network.depends(operation.inputs[0]):
        mean = _of_both((reciprocals[0] + reciprocals[1]) / 2)
        yield operation.inputs[0], in_shape_of(above, arrived[0] * mean)
        above = _of_both(_sum_of_both(above) / 2)
    multiplier = -above * _of_both(reciprocals[0] * reciprocals[1])
    yield operation.inputs[1], in_shape_of(below, arrived[0] * multiplier)


def _divided(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """By the numerator alone, or by both."""
    rule = _quotient if network.depends(operation.inputs[1]) else _linear
    yield from rule(network, operation, arrived)


def _squared_difference(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """(a - b)^2, whose multiplier by a - b is the sum of the two differences."""
    first, second = (in_float32(tensor) for tensor in operation.inputs)
    multiplier = arrived[0] * _of_both(_sum_of_both(first - second))
    for number, values in enumerate((multiplier, -multiplier)):
        if network.depends(operation.inputs[number]):
            yield operation.inputs[number], in_shape_of(in_float32(operation.inputs[number]), values)


def _extreme(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """The change of a maximum to its winners: to that of the image as far as it rose, to that of the reference as it fell."""
    outputs, reference_outputs = _halves(operation.outputs[0])
    between = (tf.minimum if operation.type in ("Min", "Minimum") else tf.maximum)(outputs, reference_outputs)
    changes = arrived[0] * tf.concat([between - reference_outputs, outputs - between], axis=0)
    for tensor, contributions in by_chain_rule(operation, {0: changes}):
        if network.depends(tensor):
            change = _halves(tensor)[0] - _halves(tensor)[1]
            yield tensor, _of_both(tf.math.divide_no_nan(_sum_of_both(contributions), change))


def _softmax(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """As exponentials over their sum: the rescale rule, then that of quotients."""
    logits, reference = _halves(operation.inputs[0])
    highest = tf.reduce_max(tf.maximum(logits, reference), axis=-1, keepdims=True)  # which both are shifted by, to no effect
    powers = [tf.exp(each - highest) for each in (logits, reference)]
    totals = [tf.reduce_sum(each, axis=-1, keepdims=True) for each in powers]
    multiplier = _halves(arrived[0])[0]
    of_power = multiplier * (1 / totals[0] + 1 / totals[1]) / 2
    of_total = -multiplier * (powers[0] + powers[1]) / 2 / (totals[0] * totals[1])
    of_power += tf.reduce_sum(of_total, axis=-1, keepdims=True)
    change = logits - reference
    is_small = tf.abs(change) <= SMALL_CHANGE
    slope = tf.where(is_small, powers[0], (powers[0] - powers[1]) / tf.where(is_small, tf.ones_like(change), change))
    yield operation.inputs[0], _of_both(of_power * slope)


Rule = Callable[[_Network, "tf.Operation", Mapping[int, "tf.Tensor"]], Signals]

ACTIVATIONS = {"Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "Erfc", "Exp"}
ACTIVATIONS |= {"Log", "Log1p", "Expm1", "Sqrt", "Rsqrt", "Square", "Abs", "Pow", "Reciprocal", "Inv"}
CARRYING = {"Cast", "Round", "EnsureShape", "CheckNumerics", "StopGradient", "PreventGradient", "IdentityN"}

TABLE: dict[str, Rule] = {
    **dict.fromkeys(sorted(REARRANGING | {"AddV2", "Add", "Sub", "AddN", "BiasAdd", "Neg"}), _linear),
    **dict.fromkeys(sorted(CARRYING), _each),
    **dict.fromkeys(sorted(ACTIVATIONS), _activation),
    **dict.fromkeys(("MaxPool", "MaxPool3D", "Max", "Min"), _extreme),
    "RealDiv": _divided,
    "SquaredDifference": _squared_difference,
    "Softmax": _softmax,
}
BY_NUMBER: dict[str, tuple[Rule, Rule]] = {  # the rule of one input that depends on the images, and that of two
    **dict.fromkeys(sorted(LINEAR | {"Mul"}), (_linear, _product)),
    **dict.fromkeys(("Maximum", "Minimum"), (_activation, _extreme)),
}
