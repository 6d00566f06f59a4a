"""Sums of a network: how much each input contributes to a neuron, and what it is handed back of the neuron's relevance.

z is what a neuron k sums up of its inputs j, z_jk = x_j w_jk, and of its bias; R_k is its relevance. The rules are those of
Bach et al. (2015), doi:10.1371/journal.pone.0130140, and Montavon et al. (2019), doi:10.1007/978-3-030-28954-6_10, 10.2:

    epsilon   R_j = sum_k z_jk / (z_k + e sign(z_k)) R_k, where e is epsilon times the root mean square of the layer's z
    gamma     the same, where the z_jk of the sign of z_k count (1 + gamma) times: Andeol et al. (2021), arXiv:2109.00589
    zplus     the same, where only those count, which is gamma without end
    box       z_jk = x_j w_jk - l w_jk+ - h w_jk-, for pixels of the range from l to h
    flat      z_jk = 1

A bias, and any other constant that is added, has its share as an input has, and its relevance is absorbed there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from visualize._utils.lazy import tf
from visualize.engine.operations import in_float32, run_again

RULES = ("epsilon", "gamma", "zplus")
PIXEL_RULES = ("box", "flat", "rule")
DENSE = {"MatMul", "BatchMatMulV2", "Einsum"}
CONVOLUTIONS = {"Conv2D", "DepthwiseConv2dNative", "Conv3D", "Conv2DBackpropInput", "Conv3DBackpropInputV2"}
LINEAR = CONVOLUTIONS | DENSE | {"Mean", "Sum", "AvgPool", "AvgPool3D", "ResizeBilinear", "ResizeNearestNeighbor"}
ADDING = {"BiasAdd", "AddV2", "Add", "Sub"}
AFFINE = ADDING | {"Mul", "RealDiv", "Neg"}  # where one input is constant
SHAPING = {"Reshape", "Squeeze", "ExpandDims", "Transpose", "Identity", "Cast", "BatchToSpaceND"}


@dataclass(frozen=True)
class Composite:
    """Which rule holds where.

    Attributes:
        lower: of the first half of the convolutions, and of the pooling and sums of branches between them: "epsilon", "gamma"
            or "zplus".
        upper: of the other half.
        dense: of dense layers.
        pixels: of the layers that read the image: "box", "flat", or "rule" for the one of any other layer.
        epsilon: as a share of the root mean square of a layer's sums, for each image.
        gamma: by how much more contributions of the sign of the sum count.
        input_range: l and h of the box; None for the lowest and highest value of each image.
    """

    lower: str
    upper: str
    dense: str
    pixels: str
    epsilon: float
    gamma: float
    input_range: tuple[float, float] | None


class Linear(NamedTuple):
    """A linear operation with what is done to its outputs before anything else reads them: biases, batch normalization.

    Attributes:
        operation: the linear one.
        number: of its input that depends on the images.
        chain: the operations that follow, in their order.
        output: of the last of them.
    """

    operation: tf.Operation
    number: int
    chain: tuple[tf.Operation, ...]
    output: tf.Tensor


class Parts(NamedTuple):
    """A sum in parts: the contributions above zero, those below, and the constants."""

    positive: tf.Tensor
    negative: tf.Tensor
    constant: tf.Tensor


def rates(parts: Parts, relevance: tf.Tensor, rule: str, composite: Composite) -> tuple[tf.Tensor, tf.Tensor]:
    """The relevance that a contribution above zero is handed for each unit of it, and one below zero."""
    positive, negative, constant = parts
    total = positive + negative + constant
    is_positive = total >= 0
    agreeing = tf.where(is_positive, positive + tf.nn.relu(constant), negative - tf.nn.relu(-constant))
    if rule == "zplus":
        rate, others = tf.math.divide_no_nan(relevance, agreeing), tf.zeros_like(total)
    else:
        share, more = composite.epsilon, composite.gamma if rule == "gamma" else 0.0
        axes = list(range(1, total.shape.rank))
        size = tf.sqrt(tf.reduce_mean(tf.square(total), axes, keepdims=True)) if axes else 0.0  # a score stands alone
        epsilon = tf.where(is_positive, share * size, -share * size)
        others = tf.math.divide_no_nan(relevance, total + more * agreeing + epsilon)
        rate = (1 + more) * others
    return tf.where(is_positive, rate, others), tf.where(is_positive, others, rate)


def handed_to_inputs(
    linear: Linear, relevance: tf.Tensor, rule: str, composite: Composite, limits: tuple[tf.Tensor, tf.Tensor] | None
) -> tf.Tensor:
    """The relevance of each input of a linear operation, in its shape.

    Args:
        linear: the operation, with what follows it.
        relevance: of the output of the last operation of its chain.
        rule: "epsilon", "gamma" or "zplus".
        composite: the numbers of the rules, and the one of pixels.
        limits: the lowest and highest values of the inputs where they are pixels that have a rule of their own; else None.
    """
    tensor, weights = in_float32(linear.operation.inputs[linear.number]), _weights_of(linear)
    if limits is None or weights is None:
        inputs, parts = _by_sign(linear, tensor, weights, whole=rule == "epsilon")
        shares = rates(parts, relevance, rule, composite)
    else:
        inputs, parts = (
            _above_limits(linear, tensor, weights, limits) if composite.pixels == "box" else _evenly(linear, tensor, weights)
        )
        shares = tf.math.divide_no_nan(relevance, parts.positive), tf.zeros_like(relevance)
    gradients = tf.gradients([parts.positive, parts.negative], inputs, list(shares))
    return tf.add_n([part * gradient for part, gradient in zip(inputs, gradients, strict=True) if gradient is not None])


def _by_sign(linear: Linear, tensor: tf.Tensor, weights: tf.Tensor | None, *, whole: bool) -> tuple[list[tf.Tensor], Parts]:
    """The inputs, those above zero apart from those below; and the sums of z_jk = x_j w_jk by sign, or as a whole."""
    if whole:
        inputs = tf.identity(tensor)
        outputs = _sum_up(linear, inputs, weights)
        return [inputs], _followed(linear, outputs, tf.zeros_like(outputs))
    above, below = tf.identity(tf.nn.relu(tensor)), tf.identity(-tf.nn.relu(-tensor))
    if weights is None:
        return [above, below], _followed(linear, _sum_up(linear, above, None), _sum_up(linear, below, None))
    positive, negative = tf.nn.relu(weights), -tf.nn.relu(-weights)
    outputs = _sum_up(linear, above, positive), _sum_up(linear, above, negative)
    if _is_never_negative(linear.operation.inputs[linear.number]):
        return [above], _followed(linear, *outputs)
    more = _sum_up(linear, below, negative), _sum_up(linear, below, positive)
    return [above, below], _followed(linear, outputs[0] + more[0], outputs[1] + more[1])


def _above_limits(
    linear: Linear, tensor: tf.Tensor, weights: tf.Tensor, limits: tuple[tf.Tensor, tf.Tensor]
) -> tuple[list[tf.Tensor], Parts]:
    """The box rule: the sums of z_jk = x_j w_jk - l w_jk+ - h w_jk-, all above zero, and the same of the weights -w_jk."""
    inputs = [tf.identity(each) for each in (tensor, *limits)]
    pixels, low, high = inputs
    positive, negative = tf.nn.relu(weights), -tf.nn.relu(-weights)
    whole = _sum_up(linear, pixels, weights)
    above = whole - _sum_up(linear, low, positive) - _sum_up(linear, high, negative)
    below = whole - _sum_up(linear, low, negative) - _sum_up(linear, high, positive)
    return inputs, _followed(linear, above, below)


def _evenly(linear: Linear, tensor: tf.Tensor, weights: tf.Tensor) -> tuple[list[tf.Tensor], Parts]:
    """The flat rule: the sums of z_jk = 1."""
    inputs = tf.ones_like(tensor)
    outputs = _sum_up(linear, inputs, tf.ones_like(weights))
    return [inputs], _followed(linear, outputs, -outputs)


def _weights_of(linear: Linear) -> tf.Tensor | None:
    """The weights of a linear operation; None where all are alike, as in a mean."""
    others = (tensor for number, tensor in enumerate(linear.operation.inputs) if number != linear.number)
    return next((in_float32(tensor) for tensor in others if tensor.dtype.is_floating), None)


def _sum_up(linear: Linear, values: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
    """The outputs of the linear operation for other inputs and weights."""
    inputs = [weights if tensor.dtype.is_floating and weights is not None else tensor for tensor in linear.operation.inputs]
    inputs[linear.number] = values
    return run_again(linear.operation, inputs)[0]


def _followed(linear: Linear, positive: tf.Tensor, negative: tf.Tensor) -> Parts:
    """The parts of the outputs after the constants that are added and multiplied; one below zero swaps the parts."""
    constant = tf.zeros_like(positive)
    between = linear.operation
    for operation in linear.chain:
        number = next(number for number, tensor in enumerate(operation.inputs) if tensor.op is between)
        between = operation
        if operation.type in SHAPING:
            positive, negative, constant = (with_input(operation, number, part) for part in (positive, negative, constant))
            continue
        if operation.type in ADDING:
            sign = -1 if operation.type == "Sub" and number == 1 else 1
            constant = sign * constant + term(operation, 1 - number)
        else:
            factors = in_float32(operation.inputs[1 - number]) if operation.type != "Neg" else tf.constant(-1.0)
            factors = 1 / factors if operation.type == "RealDiv" else factors
            constant, sign = factors * constant, factors
        raised, lowered = tf.nn.relu(tf.cast(sign, tf.float32)), -tf.nn.relu(-tf.cast(sign, tf.float32))
        positive, negative = raised * positive + lowered * negative, raised * negative + lowered * positive
        positive, negative = (part + tf.zeros_like(constant) for part in (positive, negative))
    return Parts(positive, negative, constant)


def with_input(operation: tf.Operation, number: int, values: tf.Tensor) -> tf.Tensor:
    """The output of an operation of one output whose input of that number has other values."""
    if operation.type == "Cast":
        return values
    inputs = [in_float32(tensor) for tensor in operation.inputs]
    inputs[number] = values
    return run_again(operation, inputs)[0]


def _is_never_negative(tensor: tf.Tensor) -> bool:
    """Whether the graph shows that a tensor has no values below zero."""
    while tensor.op.type in {
        "Reshape",
        "Squeeze",
        "ExpandDims",
        "Transpose",
        "Identity",
        "Cast",
        "Pad",
        "MaxPool",
        "AvgPool",
        "Mean",
    }:
        tensor = tensor.op.inputs[0]
    return tensor.op.type in {"Relu", "Relu6", "Sigmoid", "Softmax", "Softplus"}


def term(operation: tf.Operation, number: int) -> tf.Tensor:
    """What an input adds to a sum, in a shape that broadcasts to that of the sum."""
    values = in_float32(operation.inputs[number])
    if operation.type == "BiasAdd" and number == 1 and operation.get_attr("data_format") == b"NCHW":
        return tf.reshape(values, [-1] + [1] * (len(operation.inputs[0].shape) - 2))
    return -values if operation.type == "Sub" and number == 1 else values
