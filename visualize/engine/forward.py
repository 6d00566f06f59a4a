"""The forward pass: call a model once while it is traced, and note what every layer computes.

Hooks sit on the *calls* of the layers, not on `layer.output`, so it makes no difference whether the model was built by add(),
reloaded from disk, nested or subclassed. Python runs while TensorFlow traces; each later call is one compiled graph, and
nothing stays behind on the model.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.limits import check_tensor
from visualize._utils.text import first_line
from visualize.engine.integer_inputs import float_casts, looks_up
from visualize.engine.logits import behind_scores, score_at, scores_behind
from visualize.engine.other_weights import stateless
from visualize.engine.precision import lowered
from visualize.engine.relu_gradients import (
    as_one_relu,
    backpropagating,
    checked_modifier,
    find_relus,
    is_composed_relu,
    overridable_relus,
)
from visualize.errors import InputError
from visualize.models.layers import has_channels_first, layers_by_path, listed, operations_by_path

CallKey = tuple[int, str]  # the number of a call in `ForwardPass.calls`, and the path of its layer


@dataclass(frozen=True, eq=False)
class LayerCall:
    """One call of one layer, as tensors of the graph being traced."""

    path: str
    layer: keras.Layer
    inputs: tuple[tf.Tensor, ...]
    outputs: tuple[tf.Tensor, ...]
    training: bool = False  # the model itself asked for training mode, as for dropout that is to stay on


@dataclass(frozen=True, eq=False)
class OperationCall:
    """One call of an operation that is no layer, such as the sum `a + b`."""

    path: str
    operation: keras.Operation
    outputs: tuple[tf.Tensor, ...]
    before: int  # the number of the first call of a layer that ended later


class TrainingLayers(NamedTuple):
    """Paths of layers that make what a model returns depend on more than the image, most of them in training mode.

    Attributes:
        normalizing: they normalize by the statistics of the batch.
        random: they draw at random.
        mixing: they compute something else of the whole batch, such as a mean.
    """

    normalizing: tuple[str, ...]
    random: tuple[str, ...]
    mixing: tuple[str, ...] = ()

    def remarks(self) -> list[str]:
        """What a reader of a result must know."""
        alone = "(training=True): images were run one by one."
        remarks = [f"{listed(self.normalizing)} normalize by the statistics of the batch {alone}"] if self.normalizing else []
        if self.mixing:
            remarks.append(f"{listed(self.mixing)} compute something of the whole batch: images were run one by one.")
        drawn = f"{listed(self.random)} draw at random, as in training: this is the result of one draw."
        return [*remarks, *([drawn] if self.random else [])]


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """One call of a model on the graph being traced.

    Attributes:
        images: the explained input, (batch, height, width, channels).
        output: the chosen output, or the output of the chosen layer; everything that the model returned where it has several
            outputs and none was chosen.
        logits: the same before its softmax or sigmoid, in its own shape; the output itself where there is none.
        scores: (batch, classes), see `engine.logits`; None where several outputs leave it open.
        probabilities: (batch, classes), the output that belongs to each score.
        score_kind: what the scores are: "logit", "output", "mean logit" and the like, or "activation of PATH" for a layer.
        calls: every call of a layer, in the order in which they ended.
        modifier: how its ReLUs propagate gradients back.
        channels_first: whether feature maps are (batch, channels, height, width).
        output_names: the names of all outputs of the model.
        integers: the images as whole numbers, as the model takes them; None where it takes floats.
        operations: every call of an operation that is no layer.
        unmodified: paths of layers that hold relatives of ReLUs, noted while gradients are taken with a modifier.
    """

    images: tf.Tensor
    output: Any
    logits: Any
    scores: tf.Tensor | None
    probabilities: tf.Tensor | None
    score_kind: str
    calls: tuple[LayerCall, ...]
    modifier: str | None
    channels_first: bool
    output_names: tuple[str, ...]
    integers: tf.Tensor | None = None
    operations: tuple[OperationCall, ...] = ()
    unmodified: dict[str, None] = field(default_factory=dict)

    def score(self, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The score of each image for its target, (batch,), and the targets; target -1 is the model's own prediction."""
        if self.scores is None:
            raise ValueError("The model has no scores of classes.")
        chosen = tf.where(targets < 0, tf.argmax(self.scores, axis=-1, output_type=tf.int32), targets)
        return score_at(self.scores, chosen), chosen

    def with_modifier(self, modifier: str) -> ForwardPass:
        """The same forward pass, whose ReLUs propagate gradients back in another way."""
        return replace(self, modifier=modifier)

    def gradient(self, score: tf.Tensor, tensor: tf.Tensor, name: str) -> tf.Tensor:
        """The gradient d score / d tensor of each image, in the shape of the tensor; raises what `gradients` raises."""
        return self.gradients(score, (tensor,), name)[0]

    def gradients(self, score: tf.Tensor, tensors: Sequence[tf.Tensor], name: str) -> list[tf.Tensor]:
        """The gradient d score / d tensor of each image for each of some tensors, in their shapes.

        Raises:
            InputError: the score does not depend on the tensor, or only through an operation without a gradient; or there is
                a modifier, and no ReLU between the tensor and the score for it to modify.
        """
        relus = frozenset().union(*(self._modified_relus(score, tensor, name) for tensor in tensors))
        with backpropagating(self.modifier, relus):
            gradients = tf.gradients(score, list(tensors))
            if self.integers is not None:
                gradients = [
                    self._gradient_at_casts(score, tensor) if gradient is None else gradient
                    for tensor, gradient in zip(tensors, gradients, strict=True)
                ]
        existing = [tf.convert_to_tensor(gradient) for gradient in gradients if gradient is not None]
        if len(existing) < len(gradients):
            looked_up = (
                "whole numbers that the model looks up (tokens)"
                if self.holds_tokens
                else "a cast to integers, argmax, rounding"
            )
            raise InputError(
                f"The score has no gradient with respect to {name}: it does not depend on it, or only through an operation "
                f"that has none ({looked_up}). {'' if name == 'the image' else 'Choose another layer; '}"
                f"{'O' if name == 'the image' else 'o'}cclusion needs no gradient."
            )
        return existing

    @property
    def holds_tokens(self) -> bool:
        """Whether the images are whole numbers that the model looks up, and never uses as numbers."""
        return self.integers is not None and not self._casts and looks_up(self.integers)

    @functools.cached_property
    def _casts(self) -> list[tuple[tf.Tensor, tf.Tensor]]:
        return [] if self.integers is None else float_casts(self.integers)

    def _gradient_at_casts(self, score: tf.Tensor, tensor: tf.Tensor) -> tf.Tensor | None:
        """The gradient of a tensor before the integer images, as if they had not been rounded; None where there is none."""
        gradients = tf.gradients(score, [cast for _, cast in self._casts])
        at_casts = [
            (floats, gradient) for (floats, _), gradient in zip(self._casts, gradients, strict=True) if gradient is not None
        ]
        if not at_casts:
            return None
        images, upstream = zip(*((floats, tf.cast(gradient, floats.dtype)) for floats, gradient in at_casts), strict=True)
        return tf.gradients(list(images), [tensor], list(upstream))[0]

    def _modified_relus(self, score: tf.Tensor, tensor: tf.Tensor, name: str) -> frozenset[tf.Operation]:
        """The ReLUs between a tensor and the score that the modifier changes; relatives of theirs are noted as unmodified.

        Raises:
            InputError: there is a modifier, and no ReLU for it to modify.
        """
        if self.modifier is None:
            return frozenset()
        relus = find_relus(reachable(tensor.consumers(), _consumers) & reachable([score.op], _producers))
        relatives = [self._layer_of(scope) for scope in relus.others]
        if not relus.activations:
            parts = f"{listed(relatives)} hold ReLUs as parts of other functions, which are not modified"
            raise InputError(
                f"The modifier {self.modifier!r} must have a ReLU to change. Received: no ReLU stands between {name} and the "
                f"score, so it would change nothing{f' ({parts})' if relatives else ''}."
            )
        self.unmodified.update(dict.fromkeys(relatives))
        return relus.activations

    def _layer_of(self, scope: str) -> str:
        """The path of the innermost layer within whose scope an operation was built; else the name of the model around it."""
        paths = [
            call.path
            for call in self.calls
            if any(tensor.op.name.startswith(f"{scope}/") for tensor in call.outputs)
            and any(part.startswith(call.layer.name) for part in scope.split("/"))  # and not of a layer beside the operation
        ]
        return min(paths, key=lambda path: -path.count("/")) if paths else scope.rpartition("/")[2]

    def layer(self, path: str) -> keras.Layer | keras.Operation:
        """The layer, or the operation that is none, of a path that the model calls."""
        operations = (call.operation for call in self.operations if call.path == path)
        return next((call.layer for call in self.calls if call.path == path), None) or next(operations)

    def layer_output(self, path: str) -> tf.Tensor:
        """The output of a layer; of several calls that of the last one between the images and the output, or of all frames.

        Raises:
            InputError: the model never calls the layer.
        """
        if frames := self.frames(path):
            return tf.stack(frames, axis=1)
        outputs = [call.outputs[0] for call in (*self.calls, *self.operations) if call.path == path]
        if not outputs:
            raise InputError(f"`layer` must be a layer that the model calls. Received: {path!r}, which it never calls.")
        between = [tensor for tensor in outputs if self.is_between(tensor)]
        return (between or outputs)[-1]

    def frames(self, path: str) -> tuple[tf.Tensor, ...]:
        """The outputs of a layer within a TimeDistributed layer, which calls it once for each frame; () for any other."""
        wrappers = [call for call in self.calls if path.startswith(f"{call.path}/") and _is_frame_by_frame(call.layer)]
        count = wrappers[0].inputs[0].shape[1] if len(wrappers) == 1 else None
        outputs = [call.outputs[0] for call in self.calls if call.path == path]
        return tuple(outputs) if len(outputs) == count else ()

    def with_channels_last(self, path: str, tensor: tf.Tensor) -> tf.Tensor:
        """The output of a layer with its channels behind the spatial axes."""
        if tensor.shape.rank is None or tensor.shape.rank < 3 or not self.has_channels_first(self.layer(path)):
            return tensor
        return tf.transpose(tensor, [0, *range(2, tensor.shape.rank), 1])

    def has_channels_first(self, layer: keras.Layer | keras.Operation) -> bool:
        """Whether the feature maps of a layer are (batch, channels, height, width)."""
        data_format = getattr(layer, "data_format", None)
        return self.channels_first if data_format is None else data_format == "channels_first"

    def hides_scores(self, tensor: tf.Tensor) -> bool:
        """Whether a tensor was made of the scores by the output's activation: the scores cannot be told from it alone."""
        return tf.is_tensor(self.output) and tensor.op in behind_scores(self.output)

    def is_between(self, tensor: tf.Tensor) -> bool:
        """Whether a tensor stands between the explained images and the output."""
        return tensor.op in self._downstream and tensor.op in self._upstream

    @property
    def needs_one_by_one(self) -> bool:
        """Whether images must be run alone, as some layers make what they return depend on the batch, or draw at random."""
        return any(self.training_layers)

    @property
    def training_layers(self) -> TrainingLayers:
        """The layers that the model itself runs in training mode, where that makes a map depend on more than its image."""
        return self._training_layers(self._upstream)

    def training_layers_before(self, tensor: tf.Tensor) -> TrainingLayers:
        """The same of the layers that a tensor depends on, such as the output of a layer in the middle of the model."""
        return self._training_layers(reachable([tensor.op], _producers))

    def _training_layers(self, upstream: set[tf.Operation]) -> TrainingLayers:
        calls = [call for call in self.calls if call.training and any(output.op in upstream for output in call.outputs)]
        normalizing = [call.path for call in calls if _normalizes_by_batch(call.layer)]
        random = [call.path for call in calls if hasattr(call.layer, "seed_generator")]
        random = random or self._layers_around([op for op in upstream if "Random" in op.type])
        mixing = self._layers_around([op for op in upstream if _reduces_batch(op)])
        return TrainingLayers(
            tuple(dict.fromkeys(normalizing)),
            tuple(dict.fromkeys(random)),
            tuple(path for path in dict.fromkeys(mixing) if path not in normalizing),
        )

    def _layers_around(self, operations: list[tf.Operation]) -> list[str]:
        """The innermost layers in which the model has these operations, whatever mode they were called in."""
        made_before = reachable([self.images.op], _producers) if operations else set()  # as the noise of SmoothGrad is
        paths = []
        for operation in operations:
            if operation not in made_before:
                paths.append(self.layer_holding(operation))
        return sorted(paths)

    def layer_holding(self, operation: tf.Operation) -> str:
        """The path of the innermost layer that an operation belongs to; "the model" where it belongs to none."""
        inside = [call.path for call in self.calls if _is_between(operation, call.inputs, call.outputs)]
        return max(inside, key=len, default="the model")

    @functools.cached_property
    def _downstream(self) -> set[tf.Operation]:
        return reachable([self.images.op], _consumers)

    @functools.cached_property
    def _upstream(self) -> set[tf.Operation]:
        return reachable([tensor.op for tensor in keras.tree.flatten(self.output)], _producers)


def forward_pass(
    model: keras.Model,
    inputs: Any,
    images: tf.Tensor,
    *,
    modifier: str | None = None,
    replaced_layer: tuple[str, tf.Tensor] | None = None,
    known_outputs: Mapping[CallKey, tf.Tensor] | None = None,
    output: str | None = None,
    layer: str | None = None,
    region: tf.Tensor | None = None,
    precision: str = "float32",
) -> ForwardPass:
    """Call a model once on the graph being traced, and note the outputs of its layers.

    Args:
        model: Keras model.
        inputs: what the model is called on: a tensor, or a list or dict of tensors.
        images: the tensor from which the explained one of `inputs` is made, (batch, height, width, channels).
        modifier: None, "guided" or "relu": how its ReLUs propagate gradients back, see `engine.relu_gradients`.
        replaced_layer: (path, tensor): what a layer returns instead of its own output, at each of its calls.
        known_outputs: outputs of calls that are known beforehand, by the number of the call in `ForwardPass.calls` and its
            layer. The tensor is returned, and what nothing else depends on is never computed.
        output: name of the output to explain, of a model that has several.
        layer: path of a layer whose units are explained, as if the model ended there.
        region: (batch, height, width), the weight of each position in the mean of an image output.
        precision: "float32", or "bfloat16" for layers that compute in float32.

    Raises:
        InputError: `modifier` or `output` is unknown, the output has no spatial positions for `region` to choose from, or a
            layer needs too much memory for a single image.
    """
    checked_modifier(modifier)
    hooks = Hooks(tf.compat.v1.get_default_graph(), replaced_layer, known_outputs or {})
    with overridable_relus(hooks.graph), lowered(model, precision):
        returned = _called(model, inputs, images, hooks)
    _check_sizes(hooks)
    outputs = _named_outputs(model, returned)
    chosen = _chosen_output(returned, outputs, output)
    channels_first = has_channels_first(model)
    scores = scores_behind(chosen, region if layer is None else None, channels_first)
    integers = next((tensor for tensor in keras.tree.flatten(inputs) if _is_whole_numbers_of(tensor, images)), None)
    calls, operations = tuple(hooks.calls), tuple(hooks.operations)
    whole = ForwardPass(images, chosen, *scores, calls, modifier, channels_first, tuple(outputs), integers, operations)
    return whole if layer is None else _ending_at(whole, layer, region)


def _check_sizes(hooks: Hooks) -> None:
    """Refuse to run what was traced if a tensor takes too much memory for a single image: first the outputs of layers."""
    named = [(call.path, tensor) for call in hooks.calls for tensor in call.outputs]
    made = [(tensor.op.name, tensor) for operation in hooks.graph.get_operations() for tensor in operation.outputs]
    for name, tensor in (*named, *made):
        if tensor.shape.rank:  # the first axis is that of the batch, or of a weight, which is in memory already
            check_tensor(f"The output of {name!r}", tensor.shape.as_list()[1:], tensor.dtype.size)


def call_layer(layer: keras.Layer, tensors: Sequence[tf.Tensor]) -> Any:
    """The output of a single layer for these tensors, in inference mode."""
    return layer(tensors[0] if len(tensors) == 1 else list(tensors))


def gradient_of(value: tf.Tensor, tensor: tf.Tensor) -> tf.Tensor:
    """The gradient d value / d tensor on the graph being traced, where it is known to exist."""
    return tf.gradients(value, [tensor])[0]


# Hooks ----------------------------------------------------------------------------------------------------------------------


class Hooks:
    """Note what each layer returns while a model is called, or return something else in its place.

    Only the thread that traces meets the hooks: another one that calls the model meanwhile gets the layers as they are.

    Args:
        graph: the graph being traced.
        replaced_layer: (path, tensor), see `forward_pass`.
        known_outputs: (number, path) -> tensor, see `forward_pass`.

    Attributes:
        calls: the calls so far.
        operations: those of operations that are no layers.
        failed: path of the innermost layer that raised; None while none did.
    """

    def __init__(self, graph: tf.Graph, replaced_layer: tuple[str, Any] | None, known_outputs: Mapping[CallKey, Any]):
        self.graph = graph
        self.calls: list[LayerCall] = []
        self.operations: list[OperationCall] = []
        self.failed: str | None = None
        self._replaced_layer = replaced_layer
        self._known_outputs = known_outputs
        self._thread = threading.get_ident()

    @contextlib.contextmanager
    def on(self, model: keras.Model, *, inline: bool) -> Iterator[None]:
        """Set a hook on the `call` of each layer; take it off again, whatever happens.

        Args:
            model: Keras model.
            inline: run the model's own `@tf.function`s as plain Python, so that their operations are on our graph.
        """
        self.calls.clear()
        self.operations.clear()
        self.failed = None
        before: list[tuple[dict[str, Any], str, Any]] = []
        try:
            for path, layer in {**layers_by_path(model), "": model}.items():
                attributes: dict[str, Any] = layer.__dict__
                hooked = _calls_of(layer) if path else ()
                own_functions = _functions_of(layer) if inline else ()
                for name in dict.fromkeys((*hooked, *own_functions)):
                    original = getattr(layer, name)
                    before.append((attributes, name, attributes.get(name)))
                    traced = _as_python(original) if inline else original
                    attributes[name] = self._for_this_thread(
                        original, self._hook(path, layer, traced) if name in hooked else traced
                    )
            for path, operation in operations_by_path(model).items():
                attributes, original = operation.__dict__, operation.call
                before.append((attributes, "call", attributes.get("call")))
                attributes["call"] = self._for_this_thread(original, self._operation_hook(path, operation, original))
            yield
        finally:
            for attributes, name, own in reversed(before):
                if own is None:
                    del attributes[name]
                else:
                    attributes[name] = own

    def _for_this_thread(self, original: Callable, traced: Callable) -> Callable:
        @functools.wraps(original)
        def call(*args, **kwargs):
            return (traced if threading.get_ident() == self._thread else original)(*args, **kwargs)

        return call

    def _hook(self, path: str, layer: keras.Layer, original: Callable) -> Callable:
        function = as_one_relu(original) if is_composed_relu(layer) else original

        def call(*args, **kwargs):
            try:
                outputs = self._returned(path, function(*args, **kwargs))
            except Exception:
                self.failed = self.failed or path
                raise
            self._note(path, layer, (args, kwargs), outputs, training=bool(kwargs.get("training")))
            return outputs

        return call

    def _operation_hook(self, path: str, operation: keras.Operation, original: Callable) -> Callable:
        def call(*args, **kwargs):
            outputs = original(*args, **kwargs)
            if self._replaced_layer is not None and self._replaced_layer[0] == path:
                outputs = tf.cast(self._replaced_layer[1], outputs.dtype)
            tensors = _tensors_in(outputs)
            if tensors and all(tensor.graph is self.graph for tensor in tensors):
                self.operations.append(OperationCall(path, operation, tensors, before=len(self.calls)))
            return outputs

        return call

    def _returned(self, path: str, outputs: Any) -> Any:
        """The outputs of a call, or what stands in their place."""
        if self._replaced_layer is not None and self._replaced_layer[0] == path:
            output = self._replaced_layer[1]
            if output.shape.rank == outputs.shape.rank + 1:  # of all frames, of which this call returns one
                output = output[:, sum(call.path == path for call in self.calls)]
            return tf.cast(output, outputs.dtype)
        if (len(self.calls), path) in self._known_outputs:
            return tf.cast(self._known_outputs[len(self.calls), path], outputs.dtype)
        return outputs

    def _note(self, path: str, layer: keras.Layer, arguments: Any, outputs: Any, *, training: bool) -> None:
        tensors = _tensors_in(outputs)
        if tensors and all(tensor.graph is self.graph for tensor in tensors):  # not within a loop or branch of its own graph
            self.calls.append(LayerCall(path, layer, _tensors_in(arguments), tensors, training))


def _is_frame_by_frame(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.TimeDistributed)


def _normalizes_by_batch(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization) and layer.trainable


def _reduces_batch(operation: tf.Operation) -> bool:
    """Whether an operation makes one number of those of all images, such as the mean over the batch."""
    if operation.type not in ("Mean", "Sum", "Max", "Min", "Prod") or not operation.inputs[0].shape.rank:
        return False
    axes, rank = tf.get_static_value(operation.inputs[1]), operation.inputs[0].shape.rank
    return axes is not None and operation.inputs[0].shape[0] is None and 0 in np.atleast_1d(axes) % rank


def _calls_of(layer: keras.Layer) -> tuple[str, ...]:
    """The methods that compute a layer."""
    return ("call", "quantized_call") if getattr(layer, "quantization_mode", None) else ("call",)


def _functions_of(layer: keras.Layer) -> list[str]:
    """The attributes of a layer that are a `tf.function`."""
    homes = [vars(layer), *(vars(kind) for kind in type(layer).__mro__ if not kind.__module__.startswith("keras."))]
    return [
        name for home in homes for name, value in home.items() if isinstance(value, tf.types.experimental.PolymorphicFunction)
    ]


def _as_python(function: Callable) -> Callable:
    return getattr(function, "python_function", function)


def _is_whole_numbers_of(tensor: Any, images: tf.Tensor) -> bool:
    """Whether a tensor is the images, rounded."""
    return (
        tf.is_tensor(tensor)
        and (tensor.dtype.is_integer or tensor.dtype.is_bool)
        and images.op in reachable([tensor.op], _producers)
    )


def _tensors_in(structure: Any) -> tuple[tf.Tensor, ...]:
    return tuple(value for value in keras.tree.flatten(structure) if tf.is_tensor(value))


# Outputs --------------------------------------------------------------------------------------------------------------------


def _called(model: keras.Model, inputs: Any, images: tf.Tensor, hooks: Hooks) -> Any:
    """What the model returns in inference mode. Whatever its layers update, its variables stay as they are.

    Raises:
        InputError: one of its layers raises, or Keras refuses the size of the images.
    """
    try:
        with hooks.on(model, inline=True), _untouched():
            return model(inputs, training=False)
    except tf.errors.OperatorNotAllowedInGraphError:  # it has a tf.function that only AutoGraph can trace
        with hooks.on(model, inline=False), _untouched():
            return model(inputs, training=False)
    except InputError:
        raise
    except Exception as error:
        shape = tuple(images.shape[1:])
        if isinstance(error, ValueError) and None in _declared_shape(model):
            raise InputError(
                f"The model must take images of shape {shape}. Received from Keras: {first_line(error)}"
            ) from error
        where = f"its layer {hooks.failed!r}" if hooks.failed else "it"
        raise InputError(f"The model cannot be run on images of shape {shape}: {where} raised {first_line(error)}") from error


@contextlib.contextmanager
def _untouched() -> Iterator[None]:
    """Keep a model's variables from being updated, and its name, which may begin with a dash, from being a root scope."""
    with stateless(), tf.name_scope("explained"):
        yield


def _chosen_output(returned: Any, outputs: dict[str, Any], name: str | None) -> Any:
    """One output of a model by its name; everything it returned where it has several outputs and none is named."""
    if name is None:
        return next(iter(outputs.values())) if len(outputs) == 1 else returned
    if name not in outputs:
        raise InputError(f"`output` must be an output of the model: {listed(list(outputs))}. Received: {name!r}.")
    return outputs[name]


def _named_outputs(model: keras.Model, returned: Any) -> dict[str, Any]:
    """The outputs by name: the keys of a dict, else the names of the layers that make them, else their numbers."""
    if isinstance(returned, dict):
        return {str(name): output for name, output in returned.items()}
    outputs = keras.tree.flatten(returned)
    names = list(getattr(model, "output_names", None) or [])
    if len(names) != len(outputs) or len(set(names)) != len(names):
        names = [str(number) for number in range(len(outputs))]
    return dict(zip(names, outputs, strict=True))


def _ending_at(whole: ForwardPass, path: str, region: tf.Tensor | None) -> ForwardPass:
    """The forward pass as if the model ended with a layer, whose units take the place of the classes."""
    output = whole.layer_output(path)
    channels_first = whole.has_channels_first(whole.layer(path))
    logits, scores, outputs, kind = scores_behind(output, region, channels_first, sigmoid_as_two=False)
    kind = kind.replace("output", f"activation of {path}")
    return replace(whole, output=output, logits=logits, scores=scores, probabilities=outputs, score_kind=kind)


def _declared_shape(model: keras.Model) -> tuple[int | None, ...]:
    """The input shape that a model declares, without the batch; None where it takes any size; () where it declares none."""
    shape = getattr(model, "input_shape", None)
    return tuple(shape[1:]) if isinstance(shape, tuple) and len(shape) > 1 and not isinstance(shape[1], tuple) else ()


# The graph ------------------------------------------------------------------------------------------------------------------


def reachable(start: list[tf.Operation], neighbors: Callable[[Any], list[tf.Operation]]) -> set[tf.Operation]:
    """Some operations, and all that are neighbors of them, directly or through others."""
    reached, waiting = set(start), list(start)
    while waiting:
        fresh = [operation for operation in neighbors(waiting.pop()) if operation not in reached]
        reached.update(fresh)
        waiting.extend(fresh)
    return reached


def _is_between(operation: tf.Operation, inputs: Iterable[tf.Tensor], outputs: Iterable[tf.Tensor]) -> bool:
    """Whether the outputs of a layer depend on an operation, and its inputs do not."""
    before, after = (reachable([tensor.op for tensor in tensors], _producers) for tensors in (inputs, outputs))
    return operation in after and operation not in before


def _consumers(operation: tf.Operation) -> list[tf.Operation]:
    return [consumer for tensor in operation.outputs for consumer in tensor.consumers()]


def _producers(operation: tf.Operation) -> list[tf.Operation]:
    return [tensor.op for tensor in operation.inputs]
