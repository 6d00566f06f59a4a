"""Probe: watch a model while it is traced, read scores and slopes off its graph.

The only file that runs a model or differentiates. A method hands over a Python function of tensors; inside it, `look` calls
the model once and notes what every layer produced. Because the taps sit on the *calls*, not on `layer.output`, it makes no
difference whether the model was built by add(), reloaded from disk, nested or subclassed. Python runs while TensorFlow traces;
each later call is one compiled graph, and nothing stays behind on the model.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from visualize import models
from visualize.errors import InputError
from visualize.lazy import keras, tf
from visualize.precision import lowered
from visualize.resizing import resized

MODIFIERS = ("guided", "relu")
ACTIVATIONS = ("Softmax", "LogSoftmax", "Sigmoid")  # of an output, behind which the logits are
RELUS = ("Relu", "Relu6")  # the operations that they modify

_passing: contextvars.ContextVar[str | None] = contextvars.ContextVar("passing", default=None)  # the modifier at work


@dataclass(frozen=True, eq=False)
class Call:
    """One call of one layer, as tensors of the graph being traced."""

    path: str
    layer: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    training: bool = False  # the model itself asked for training, as for dropout that is to stay on


@dataclass(frozen=True, eq=False)
class Look:
    """One call of the model on the graph being traced.

    Attributes:
        images: the explained input, (batch, height, width, channels).
        output: the output that was chosen, or what the chosen layer made; all that the model returned, where there are several
            outputs and none was.
        answers: the logits of the output, in its shape: what a function of the user's own is given. The output itself where
            there is nothing to look behind.
        scores: (batch, classes) float32. Logits where the graph shows the softmax or sigmoid that made the output from
            them; one sigmoid unit counts as two classes of score -logit and +logit. Of an image output, (batch, height, width,
            classes), the mean over the region. None where several outputs leave it open.
        probabilities: (batch, classes), the output that belongs to each score.
        score_kind: "logit", or "output" where there was nothing to look behind, "activation of PATH" for a layer; of an image
            output "mean logit" and so on.
        calls: every layer's calls, in the order in which they ended.
        modifier: how its ReLUs pass gradients back.
        channels_first: whether the layers have the channels of their maps first.
        outputs: the names of all outputs.
    """

    images: Any
    output: Any
    answers: Any
    scores: Any | None
    probabilities: Any | None
    score_kind: str
    calls: tuple[Call, ...]
    modifier: str | None
    channels_first: bool
    outputs: tuple[str, ...]

    def score(self, targets: Any) -> tuple[Any, Any]:
        """Each image's score for its target, (batch,), and the targets; target -1 is the model's own choice."""
        chosen = tf.where(targets < 0, tf.argmax(self.scores, axis=-1, output_type=tf.int32), targets)
        return picked(self.scores, chosen), chosen

    def modified(self, modifier: str) -> Look:
        """The same look, whose ReLUs pass gradients back in another way."""
        return replace(self, modifier=modifier)

    def gradient(self, score: Any, tensor: Any, name: str) -> Any:
        """Each image's d score / d tensor, in the shape of the tensor.

        Raises:
            InputError: the score does not depend on the tensor, or only through something without a gradient; or there is a
                modifier, and no ReLU between the tensor and the score for it to modify.
        """
        token = _passing.set(self.modifier)
        try:
            (slope,) = tf.gradients(score, [tensor])
        finally:
            _passing.reset(token)
        if slope is None:
            raise InputError(
                f"The score has no gradient with respect to {name}: it does not depend on it, or only through an operation "
                "that has none (a cast to integers, argmax, rounding). Choose another layer; occlusion needs no gradient."
            )
        between = _reached(tensor.consumers(), _consumers) & _reached([score.op], _producers)
        if self.modifier is not None and not any(operation.type in RELUS for operation in between):
            raise InputError(
                f"`modifier` must be None here: no ReLU stands between {name} and the score, so it would change nothing. "
                f"Received: {self.modifier!r}."
            )
        return tf.convert_to_tensor(slope)

    def layer(self, path: str) -> Any:
        """What a layer produced, in float32 or finer: of several calls the last between the images and the output.

        Raises:
            InputError: the model never calls it.
        """
        ends = [call.outputs[0] for call in self.calls if call.path == path]
        if not ends:
            raise InputError(f"`layer` must be a layer that the model calls. Received: {path!r}, which it never does.")
        within = [tensor for tensor in ends if self.within(tensor)]
        return (within or ends)[-1]

    def facts(self) -> list[models.LayerFact]:
        """Every layer once, in the order of the calls: of several calls the last between the images and the output."""
        containers = {call.path.rsplit("/", 1)[0] for call in self.calls if "/" in call.path}
        last: dict[str, Call] = {}
        for call in self.calls:
            if call.path not in last or self.within(call.outputs[0]) or not self.within(last[call.path].outputs[0]):
                last[call.path] = call
        made: set[int] = set()
        facts = []
        for call in sorted(last.values(), key=self.calls.index):
            tensor = call.outputs[0] if len(call.outputs) == 1 else None
            shape = tuple(tensor.shape.as_list()) if tensor is not None and tensor.shape.rank is not None else ()
            fresh = tensor is not None and id(tensor) not in made  # dropout hands on the tensor that it was given
            made.update(id(output) for output in call.outputs)
            kind = type(call.layer).__name__
            facts.append(
                models.LayerFact(
                    path=call.path,
                    kind=kind,
                    shape=shape,
                    parameters=call.layer.count_params(),
                    has_kernels=models.has_kernels(call.layer),
                    convolution=kind in models.CONVOLUTIONS or isinstance(call.layer, _convolution_classes()),
                    places=self._places(call.layer, shape),
                    within=fresh and self.within(tensor) and tensor.op not in self._ends,
                    leaf=call.path not in containers,
                )
            )
        return facts

    def with_channels_last(self, path: str, tensor: Any) -> Any:
        """What a layer produced, its channels behind its places."""
        layer = next(call.layer for call in self.calls if call.path == path)
        if tensor.shape.rank is None or tensor.shape.rank < 3 or not self.has_channels_first(layer):
            return tensor
        return tf.transpose(tensor, [0, *range(2, tensor.shape.rank), 1])

    def has_channels_first(self, layer: Any) -> bool:
        """Whether the maps of a layer are (batch, channels, height, width)."""
        own = getattr(layer, "data_format", None)
        return self.channels_first if own is None else own == "channels_first"

    def _places(self, layer: Any, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The axes of a map that are places of the image; none where it has other axes than the image."""
        if len(shape) != self.images.shape.rank:
            return ()
        return shape[2:] if self.has_channels_first(layer) else shape[1:-1]

    def within(self, tensor: Any) -> bool:
        """Whether a tensor stands between the explained images and the output."""
        return tensor.op in self._downstream and tensor.op in self._upstream

    @functools.cached_property
    def _ends(self) -> set[Any]:
        """The operations that make the output of the scores, and the scores: an image output's map cannot explain itself."""
        found, todo = set(), [tensor.op for tensor in keras.tree.flatten(self.output)]
        while todo:
            operation = todo.pop()
            found.add(operation)
            if operation.type in ("Identity", "Cast", *ACTIVATIONS):
                todo.append(operation.inputs[0].op)
        return found

    @functools.cached_property
    def _downstream(self) -> set[Any]:
        return _reached([self.images.op], _consumers)

    @functools.cached_property
    def _upstream(self) -> set[Any]:
        return _reached([tensor.op for tensor in keras.tree.flatten(self.output)], _producers)


def look(
    model: Any,
    inputs: Any,
    images: Any,
    *,
    modifier: str | None = None,
    instead: tuple[str, Any] | None = None,
    known: Mapping[tuple[int, str], Any] | None = None,
    output: str | None = None,
    layer: str | None = None,
    region: Any | None = None,
    precision: str = "float32",
) -> Look:
    """Call a model once on the graph being traced, and note what each layer made.

    Args:
        model: Keras model.
        inputs: what the model is called on: a tensor, or a list or dict of tensors.
        images: the tensor from which the explained one of `inputs` is made, (batch, height, width, channels).
        modifier: "guided" (Springenberg et al. 2014, arXiv:1412.6806) lets a ReLU pass a gradient back only where gradient
            and activation are positive; "relu" (Zeiler & Fergus 2013, arXiv:1311.2901) where the gradient is.
        instead: (path, tensor): what a layer is to hand on instead of what it makes, at each of its calls.
        known: (number, path) -> tensor: what a call is known to make, by its place in `Look.calls` and its layer. The tensor
            is handed on, and what nobody else asks for is never computed.
        output: name of the output that is asked about, of a model that has several.
        layer: path of the layer whose units are asked about, as if the model ended there.
        region: (batch, height, width), how much each place of the image counts in the mean of an image output.
        precision: "float32", or "bfloat16" for layers that compute in float32.

    Raises:
        InputError: `modifier` or `output` is unknown, or the output has no places for a `region` to choose from.
    """
    if modifier not in (None, *MODIFIERS):
        raise InputError(f"`modifier` must be None, 'guided' or 'relu'. Received: {modifier!r}.")
    graph = tf.compat.v1.get_default_graph()
    calls: list[Call] = []
    with _modifiable(graph), lowered(model, precision), _watched(model, graph, calls, instead, known or {}):
        try:
            with _inlined():
                outputs = model(inputs, training=False)
        except tf.errors.OperatorNotAllowedInGraphError:  # it has a tf.function that only AutoGraph can trace
            calls.clear()
            outputs = model(inputs, training=False)
        except ValueError as error:
            if isinstance(error, InputError) or None not in _declared_shape(model):
                raise
            first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
            shape = tuple(images.shape[1:])
            raise InputError(f"The model must take images of shape {shape}. Received from Keras: {first}") from error
    named = _named_outputs(model, outputs)
    chosen = _chosen(outputs, named, output)
    first = models.channels_first(model)
    scores = _scores(chosen, region if layer is None else None, first)
    whole = Look(images, chosen, *scores, tuple(calls), modifier, first, tuple(named))
    return whole if layer is None else _ending_at(whole, layer, models.layers(model)[layer], region)


def picked(scores: Any, indices: Any) -> Any:
    """One score of each row, (batch,). Its gradient traces and runs faster than that of a gather."""
    chosen = tf.one_hot(indices, scores.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    return tf.reduce_sum(tf.where(chosen, scores, tf.zeros_like(scores)), axis=-1)


def before_activation(tensor: Any, kinds: tuple[str, ...] = ACTIVATIONS) -> tuple[Any, str | None]:
    """The tensor from which an activation of these kinds made this one, and its kind; else the tensor and None."""
    operation = tensor.op
    while operation.type in ("Identity", "Cast"):
        operation = operation.inputs[0].op
    if operation.type in kinds:
        return operation.inputs[0], operation.type
    return tensor, None


def apply(layer: Any, tensors: Sequence[Any]) -> Any:
    """What one layer makes of these tensors at inference."""
    with _inlined():
        return layer(tensors[0] if len(tensors) == 1 else list(tensors))


def slope(value: Any, tensor: Any) -> Any:
    """The gradient d value / d tensor on the graph being traced, where it is known to exist."""
    return tf.gradients(value, [tensor])[0]


def _chosen(outputs: Any, named: dict[str, Any], name: str | None) -> Any:
    """One output of a model by its name; what the model returned, where there are several and none is named."""
    if name is None:
        return next(iter(named.values())) if len(named) == 1 else outputs
    if name not in named:
        raise InputError(f"`output` must be an output of the model: {models.listed(list(named))}. Received: {name!r}.")
    return named[name]


def _named_outputs(model: Any, outputs: Any) -> dict[str, Any]:
    """The outputs by name: the keys of a dict, else the names of the layers that make them, else their numbers."""
    if isinstance(outputs, dict):
        return {str(name): output for name, output in outputs.items()}
    flat = keras.tree.flatten(outputs)
    names = list(getattr(model, "output_names", None) or [])
    if len(names) != len(flat) or len(set(names)) != len(names):
        names = [str(number) for number in range(len(flat))]
    return dict(zip(names, flat, strict=True))


def _ending_at(whole: Look, path: str, layer: Any, region: Any | None) -> Look:
    """A look at the model as if it ended with a layer, whose units take the place of the classes."""
    made = whole.layer(path)
    answers, scores, outputs, kind = _scores(made, region, whole.has_channels_first(layer), as_classes=False)
    kind = kind.replace("output", f"activation of {path}")
    return replace(whole, output=made, answers=answers, scores=scores, probabilities=outputs, score_kind=kind)


def _scores(
    output: Any, region: Any | None, channels_first: bool, *, as_classes: bool = True
) -> tuple[Any, Any | None, Any | None, str]:
    """What a function is given, the scores, the probabilities and what the scores are, of one output."""
    if not tf.is_tensor(output) or output.shape.rank in (None, 0):
        return output, None, None, "output"
    answers, activation = before_activation(output)
    kind = "output" if activation is None else "logit"
    both = [tf.cast(tensor, _at_least_float32(tensor)) for tensor in (answers, output)]
    if output.shape.rank > 2:
        kind = f"mean {kind}"
        both = [tf.transpose(one, [0, *range(2, one.shape.rank), 1]) for one in both] if channels_first else both
        logits, output = (_mean(one, region) for one in both)
    elif region is not None:
        raise InputError(f"`region` needs an image output, (batch, height, width, classes). Received: {tuple(output.shape)}.")
    else:
        logits, output = (tf.reshape(one, [-1, 1] if one.shape.rank == 1 else [-1, one.shape[-1]]) for one in both)
    if as_classes and activation == "Sigmoid" and output.shape[-1] == 1:
        logits, output = tf.concat([-logits, logits], axis=-1), tf.concat([1 - output, output], axis=-1)
    return logits if both[0].shape.rank <= 2 else both[0], logits, output, kind


def _mean(values: Any, region: Any | None) -> Any:
    """The mean over the places that count, (batch, classes), of values (batch, *places, classes)."""
    axes = list(range(1, values.shape.rank - 1))
    if region is None:
        return tf.reduce_mean(values, axis=axes)
    if region.shape.rank != values.shape.rank - 1:
        raise InputError(
            f"`region` needs an output with the axes of the image, (batch, height, width, classes). Received: {values.shape}."
        )
    counts = resized(tf.cast(region, values.dtype)[..., None], values.shape[1:-1].as_list(), antialias=True)
    return tf.math.divide_no_nan(tf.reduce_sum(counts * values, axis=axes), tf.reduce_sum(counts, axis=axes))


def _at_least_float32(tensor: Any) -> Any:
    return tensor.dtype if tensor.dtype == tf.float64 else tf.float32


def _reached(start: list[Any], neighbors: Callable[[Any], list[Any]]) -> set[Any]:
    found, todo = set(start), list(start)
    while todo:
        fresh = [operation for operation in neighbors(todo.pop()) if operation not in found]
        found.update(fresh)
        todo.extend(fresh)
    return found


def _declared_shape(model: Any) -> tuple[int | None, ...]:
    """The shape that a model gives for its input, without the batch; None where it takes any size; () where it gives none."""
    shape = getattr(model, "input_shape", None)
    return tuple(shape[1:]) if isinstance(shape, tuple) and len(shape) > 1 and not isinstance(shape[1], tuple) else ()


def _consumers(operation: Any) -> list[Any]:
    return [consumer for tensor in operation.outputs for consumer in tensor.consumers()]


def _producers(operation: Any) -> list[Any]:
    return [tensor.op for tensor in operation.inputs]


def _convolution_classes() -> tuple[type, ...]:
    return tuple(getattr(keras.layers, name) for name in models.CONVOLUTIONS)


@contextlib.contextmanager
def _watched(
    model: Any, graph: Any, calls: list[Call], instead: tuple[str, Any] | None, known: Mapping[tuple[int, str], Any]
) -> Iterator[None]:
    """Set on each layer a `call` that also notes what it returned; take it off again, whatever happens."""
    watched = []
    try:
        for path, layer in models.layers(model).items():
            for name in ("call", "quantized_call") if getattr(layer, "quantization_mode", None) else ("call",):
                watched.append((layer, name, vars(layer).get(name)))
                vars(layer)[name] = _noting(path, layer, getattr(layer, name), graph, calls, instead, known)
        yield
    finally:
        for layer, name, own in reversed(watched):
            if own is None:
                del vars(layer)[name]
            else:
                vars(layer)[name] = own


def _noting(
    path: str,
    layer: Any,
    original: Callable,
    graph: Any,
    calls: list[Call],
    instead: tuple[str, Any] | None,
    known: Mapping[tuple[int, str], Any],
) -> Callable:
    @functools.wraps(original)
    def call(*args, **kwargs):
        outputs = original(*args, **kwargs)
        if instead is not None and instead[0] == path:
            outputs = tf.cast(instead[1], outputs.dtype)
        elif (len(calls), path) in known:
            outputs = tf.cast(known[len(calls), path], outputs.dtype)
        inputs = tuple(value for value in keras.tree.flatten((args, kwargs)) if tf.is_tensor(value))
        tensors = tuple(value for value in keras.tree.flatten(outputs) if tf.is_tensor(value))
        if tensors and all(tensor.graph is graph for tensor in tensors):  # not inside a loop or branch of its own graph
            calls.append(Call(path, layer, inputs, tensors, bool(kwargs.get("training"))))
        return outputs

    return call


@contextlib.contextmanager
def _inlined() -> Iterator[None]:
    """A model's own `@tf.function`s run as plain Python while we trace, so that their operations land on our graph."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _modifiable(graph: Any) -> contextlib.AbstractContextManager:
    """ReLUs made within this context ask, whenever a gradient is taken, how they are to pass it back."""
    _register_gradients()
    return graph.gradient_override_map({name: f"Visualize_{name}" for name in RELUS})


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
