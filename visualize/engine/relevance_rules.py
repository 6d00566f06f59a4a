"""Relevance by operation: what each operation of a network hands back of the relevance of its output, in one table.

Layer-wise relevance propagation: Bach et al. (2015), doi:10.1371/journal.pone.0130140. The rules of sums are those of
`engine.relevance_sums`; the rules of attention are those of Achtibat et al. (2024), arXiv:2402.05602, section 3. Activations
hand on all of their relevance, maxima hand it to the winner, and of two factors a gate gets nothing.
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
from visualize.engine.relevance_sums import (
    AFFINE,
    CONVOLUTIONS,
    DENSE,
    LINEAR,
    SHAPING,
    Composite,
    Linear,
    Parts,
    handed_to_inputs,
    rates,
    term,
    with_input,
)


def relevance(images: tf.Tensor, score: tf.Tensor, composite: Composite) -> tf.Tensor | None:
    """The relevance of each pixel and channel, (batch, height, width, channels); None where none arrives at the images.

    Args:
        images: (batch, height, width, channels), on the graph being traced.
        score: (batch,), the relevance that is handed back.
        composite: which rule holds where.

    Raises:
        UnknownOperationError: an operation between the two has no rule.
    """
    operations = operations_between(images, score)
    numbers = [number for number, operation in enumerate(operations) if operation.type in CONVOLUTIONS]
    upper = operations[numbers[len(numbers) // 2] :] if numbers else operations
    network = _Network(images, frozenset(operations), frozenset(upper), composite)
    return handed_back(operations, images, score, in_float32(score), network.handed_back)


@dataclass(frozen=True, eq=False)
class _Network:
    """The operations between the images and the score.

    Attributes:
        images: where relevance is handed back to.
        between: the operations that depend on the images, and that the score depends on.
        upper: those of them from the middle of the convolutions on.
        composite: which rule holds where.
    """

    images: tf.Tensor
    between: frozenset[tf.Operation]
    upper: frozenset[tf.Operation]
    composite: Composite

    def handed_back(self, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
        """What an operation hands back of the relevance of its outputs."""
        linear = self._linear_ending_at(operation)
        if linear is not None:
            tensor = linear.operation.inputs[linear.number]
            limits = None if self.composite.pixels == "rule" else self.range_of_pixels(tensor)
            yield tensor, handed_to_inputs(linear, arrived[0], self.rule_of(linear.operation), self.composite, limits)
        elif operation.type in TABLE:
            yield from TABLE[operation.type](self, operation, arrived)
        else:
            raise UnknownOperationError(operation)

    def rule_of(self, operation: tf.Operation) -> str:
        """The rule of a sum."""
        if operation.type in DENSE:
            return self.composite.dense
        return self.composite.upper if operation in self.upper else self.composite.lower

    def depends(self, tensor: tf.Tensor) -> bool:
        """Whether a tensor depends on the images."""
        return tensor is self.images or tensor.op in self.between

    def dependent(self, operation: tf.Operation) -> list[int]:
        """The numbers of the inputs of an operation that depend on the images."""
        return [number for number, tensor in enumerate(operation.inputs) if self.depends(tensor)]

    def _linear_ending_at(self, operation: tf.Operation) -> Linear | None:
        """The linear operation whose outputs come to this one through constants that are added and multiplied alone."""
        output, chain = operation.outputs[0], []
        while operation.type not in LINEAR or len(self.dependent(operation)) != 1:
            numbers = self.dependent(operation)
            followed = operation.type in AFFINE if chain == [] else operation.type in AFFINE | SHAPING
            if not followed or len(numbers) != 1:
                return None
            chain.insert(0, operation)
            tensor = operation.inputs[numbers[0]]
            if tensor is self.images or sum(user in self.between for user in tensor.consumers()) != 1:
                return None
            operation = tensor.op
        return Linear(operation, self.dependent(operation)[0], tuple(chain), output)

    def range_of_pixels(self, tensor: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor] | None:
        """The lowest and highest values of a tensor that the images are shifted, scaled or rearranged to; None for others."""
        path = []
        while tensor is not self.images:
            operation = tensor.op
            numbers = self.dependent(operation)
            if operation.type not in AFFINE | REARRANGING | {"Cast", "Round"} or len(numbers) != 1:
                return None
            path.insert(0, (operation, numbers[0]))
            tensor = operation.inputs[numbers[0]]
        images = in_float32(self.images)
        if self.composite.input_range is None:
            axes = list(range(1, images.shape.rank))
            ends = [reduce(images, axes, keepdims=True) for reduce in (tf.reduce_min, tf.reduce_max)]
        else:
            ends = [tf.constant(end, tf.float32) for end in self.composite.input_range]
        low, high = (end + tf.zeros_like(images) for end in ends)
        for operation, number in path:
            if operation.type not in ("Cast", "Round"):
                low, high = (with_input(operation, number, end) for end in (low, high))
        return tf.minimum(low, high), tf.maximum(low, high)


# The table ------------------------------------------------------------------------------------------------------------------


def _moved(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """Each element keeps its relevance; of several, that which was taken, as in a maximum."""
    inputs = [
        tf.cast(tensor, tf.float32) if network.depends(tensor) else tensor for tensor in operation.inputs
    ]  # a picture of whole numbers, too
    for tensor, relevance in by_chain_rule(operation, arrived, inputs):
        if network.depends(tensor):
            yield tensor, relevance


def _whole(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """The identity rule of activations: all of it."""
    yield operation.inputs[network.dependent(operation)[0]], arrived[0]


def _whole_each(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    for number, relevance in arrived.items():
        if network.depends(operation.inputs[number]):
            yield operation.inputs[number], relevance


def _added(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """By share."""
    composite, (relevance,) = network.composite, arrived.values()
    numbers = network.dependent(operation)
    if len(numbers) == 1 and composite.pixels != "rule" and network.range_of_pixels(operation.inputs[numbers[0]]) is not None:
        yield operation.inputs[numbers[0]], relevance  # pixels in another unit
        return
    zero = tf.zeros_like(relevance)
    terms = [zero + term(operation, number) for number in range(len(operation.inputs))]
    variable = [terms[number] for number in numbers]
    constant = sum((values for number, values in enumerate(terms) if number not in numbers), zero)
    above, below = (tf.add_n([sign * tf.nn.relu(sign * values) for values in variable]) for sign in (1, -1))
    of_positive, of_negative = rates(Parts(above, below, constant), relevance, network.rule_of(operation), composite)
    for number, values in zip(numbers, variable, strict=True):
        share = tf.nn.relu(values) * of_positive - tf.nn.relu(-values) * of_negative
        yield operation.inputs[number], in_shape_of(operation.inputs[number], share)


def _multiplied(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """All to the factor that depends on the images; of two, to the one that is no gate, else one half to each."""
    numbers = network.dependent(operation)
    if len(numbers) == 2:
        gates = [_gate_of(operation.inputs[number]) for number in numbers]
        numbers = [number for number, gate in zip(numbers, gates, strict=True) if gate == min(gates)]
    for number in numbers:
        yield operation.inputs[number], in_shape_of(operation.inputs[number], arrived[0] / len(numbers))


def _divided(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """All to the numerator, as of a normalization."""
    if network.depends(operation.inputs[0]):
        yield operation.inputs[0], in_shape_of(operation.inputs[0], arrived[0])
    else:
        raise UnknownOperationError(operation)


def _matrix_product(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """One half to each factor, by the epsilon rule (Achtibat et al., proposition 3.3)."""
    inputs = [tf.identity(in_float32(tensor)) for tensor in operation.inputs]
    (outputs,) = run_again(operation, inputs)
    zero = tf.zeros_like(outputs)
    rate, _ = rates(Parts(outputs, zero, zero), arrived[0] / 2, "epsilon", network.composite)
    for tensor, values, gradient in zip(operation.inputs, inputs, tf.gradients(outputs, inputs, rate), strict=True):
        yield tensor, values * gradient


def _softmax(network: _Network, operation: tf.Operation, arrived: Mapping[int, tf.Tensor]) -> Signals:
    """R_i = x_i (R_i - s_i sum_j R_j) (Achtibat et al., proposition 3.1)."""
    inputs, outputs = (in_float32(tensor) for tensor in (operation.inputs[0], operation.outputs[0]))
    total = tf.reduce_sum(arrived[0], axis=-1, keepdims=True)
    yield operation.inputs[0], inputs * (arrived[0] - outputs * total)


def _gate_of(tensor: tf.Tensor) -> int:
    """How much of a gate a factor is: 2 for a sigmoid or a normalizer, 1 for a tanh, 0 for what is none."""
    while tensor.op.type in AFFINE | SHAPING:
        tensor = max(tensor.op.inputs, key=lambda each: tf.get_static_value(each) is None)
    return {"Sigmoid": 2, "Rsqrt": 2, "Erf": 2, "Erfc": 2, "Tanh": 1, "Relu6": 2}.get(tensor.op.type, 0)


Operation = Callable[[_Network, "tf.Operation", Mapping[int, "tf.Tensor"]], Signals]

ACTIVATIONS = {"Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "Erfc", "Exp"}
ACTIVATIONS |= {"Log", "Log1p", "Expm1", "Sqrt", "Square", "Abs", "Pow", "Neg"}
CARRYING = {"Cast", "Round", "EnsureShape", "CheckNumerics", "Identity"}

TABLE: dict[str, Operation] = {
    **dict.fromkeys(sorted(REARRANGING), _moved),
    **dict.fromkeys(sorted(ACTIVATIONS | CARRYING), _whole),
    **dict.fromkeys(("MaxPool", "MaxPool3D", "Max", "Maximum", "Minimum", "Min"), _moved),
    **dict.fromkeys(("AddV2", "Add", "Sub", "AddN", "BiasAdd"), _added),
    **dict.fromkeys(("Mul",), _multiplied),
    **dict.fromkeys(("RealDiv",), _divided),
    **dict.fromkeys(("BatchMatMulV2", "Einsum", "MatMul"), _matrix_product),
    "IdentityN": _whole_each,
    "Softmax": _softmax,
}
