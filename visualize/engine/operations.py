"""Operations of a traced graph: run one again on other inputs, and go back through all of them with a rule for each.

A model's trace is a list of operations, however it was built: by add(), nested, subclassed or reloaded. Methods that hand
something else back than gradients need no clone of the model and no change of it, only a rule for each type of operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from visualize._utils.lazy import tf

Signals = Iterable[tuple["tf.Tensor", "tf.Tensor"]]  # tensors, and what is handed back to each
Rule = Callable[["tf.Operation", "tf.Tensor"], Signals]  # an operation, and what was handed back to its output

REARRANGING = {  # every element of the output is one of the input, or a constant
    *("Reshape", "Squeeze", "ExpandDims", "Transpose", "Identity", "StridedSlice", "Slice", "GatherV2", "ReverseV2"),
    *("ConcatV2", "Pack", "Unpack", "Split", "SplitV", "Pad", "PadV2", "MirrorPad", "BroadcastTo", "Tile", "SelectV2"),
    *("SpaceToBatchND", "BatchToSpaceND", "SpaceToDepth", "DepthToSpace", "Roll"),
}
CARRYING = {"Identity", "Cast", "Round", "EnsureShape", "CheckNumerics", "PreventGradient", "StopGradient", "IdentityN"}
AXIS_NAMES = ("dim", "reduction_indices", "split_dim", "squeeze_dims")  # of arguments that `tf.raw_ops` calls `axis`
ONLY_SHAPES = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"}


class UnknownOperationError(Exception):
    """There is no rule for an operation."""

    def __init__(self, operation: tf.Operation):
        super().__init__(operation.type)
        self.operation = operation


def operations_between(start: tf.Tensor, end: tf.Tensor) -> list[tf.Operation]:
    """The operations through which the elements of `end` depend on those of `start`, in the order in which they run.

    A dependence on the shape of `start` alone, or on a comparison, is none.
    """
    downstream, waiting = set(), [start]
    while waiting:
        for operation in waiting.pop().consumers():
            if operation not in downstream and _depends_on_values(operation):
                downstream.add(operation)
                waiting.extend(operation.outputs)
    upstream, pending = set(), [end.op]
    while pending:
        operation = pending.pop()
        if operation in downstream and operation not in upstream:
            upstream.add(operation)
            pending.extend(tensor.op for tensor in operation.inputs)
    return [operation for operation in end.graph.get_operations() if operation in upstream]


def handed_back(
    operations: Sequence[tf.Operation],
    start: tf.Tensor,
    end: tf.Tensor,
    signal: tf.Tensor,
    rule: Callable[[tf.Operation, Mapping[int, tf.Tensor]], Signals],
) -> tf.Tensor | None:
    """Hand a signal back from `end` to `start`, and add up what arrives at a tensor from the operations that read it.

    Args:
        operations: those between the two, in the order in which they run.
        start: the tensor whose signal is returned.
        end: the tensor that the walk begins with.
        signal: of `end`, in its shape.
        rule: what an operation hands back, of what was handed back to its outputs, by their numbers.

    Returns:
        What arrived at `start`, in its shape; None where nothing did.
    """
    signals: dict[object, tf.Tensor] = {end.ref(): signal}
    for operation in reversed(operations):
        numbered = enumerate(tensor.ref() for tensor in operation.outputs)
        arrived = {number: signals[reference] for number, reference in numbered if reference in signals}
        if not arrived:
            continue
        for tensor, part in rule(operation, arrived):
            before = signals.get(tensor.ref())
            signals[tensor.ref()] = part if before is None else before + part
    return signals.get(start.ref())


def run_again(operation: tf.Operation, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The outputs of the same operation on other inputs; its attributes stay, but for the types of its inputs."""
    waiting, inferred, arguments = list(inputs), set(), {}
    for argument in operation.op_def.input_arg:
        if argument.number_attr or argument.type_list_attr:
            count = operation.get_attr(argument.number_attr or argument.type_list_attr)
            count = count if isinstance(count, int) else len(count)
            arguments[argument.name], waiting = waiting[:count], waiting[count:]
        else:
            arguments[argument.name] = waiting.pop(0)
        inferred |= {argument.type_attr, argument.number_attr, argument.type_list_attr}
    for attribute in operation.op_def.attr:
        if attribute.name not in inferred:
            arguments[attribute.name] = operation.get_attr(attribute.name)
    named = {"axis" if name in AXIS_NAMES else name: value for name, value in arguments.items()}
    outputs = getattr(tf.raw_ops, operation.type)(**named)
    return [outputs] if tf.is_tensor(outputs) else list(outputs)


def by_chain_rule(operation: tf.Operation, signals: Mapping[int, tf.Tensor], inputs: Sequence[tf.Tensor] = ()) -> Signals:
    """What the chain rule hands back to the inputs of an operation, each with its signal, at other inputs if there are any."""
    free = [tf.identity(in_float32(tensor)) for tensor in inputs or operation.inputs]
    outputs = run_again(operation, free)
    floats = [number for number, tensor in enumerate(free) if tensor.dtype.is_floating]
    gradients = tf.gradients(
        [outputs[number] for number in signals],
        [free[number] for number in floats],
        grad_ys=[tf.cast(signal, outputs[number].dtype) for number, signal in signals.items()],
    )
    for number, gradient in zip(floats, gradients, strict=True):
        if gradient is not None:
            yield operation.inputs[number], tf.convert_to_tensor(gradient)


def in_float32(tensor: tf.Tensor) -> tf.Tensor:
    """A tensor of floats of another precision as float32; any other as it is."""
    return tf.cast(tensor, tf.float32) if tensor.dtype.is_floating else tensor


def in_shape_of(tensor: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Values of a shape that a tensor was broadcast to, summed over the axes along which it was repeated."""
    free = tf.zeros_like(tensor, values.dtype)
    (summed,) = tf.gradients(free + tf.zeros_like(values), [free], [values])
    return summed


def _depends_on_values(operation: tf.Operation) -> bool:
    """Whether the outputs of an operation are numbers made of the numbers of its inputs."""
    if operation.type in ONLY_SHAPES or not operation.outputs:
        return False
    carries_integers = operation.type in CARRYING | REARRANGING
    return carries_integers or any(tensor.dtype.is_floating for tensor in operation.outputs)
