"""A request: a model, its input and a target, checked; and a method's answer to it, batch by batch."""

from __future__ import annotations

import abc
import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize.engine.compile import Program, check_closed, compiled
from visualize.engine.forward import ForwardPass, forward_pass
from visualize.engine.logits import score_at
from visualize.engine.precision import settled
from visualize.engine.relu_gradients import checked_modifier
from visualize.engine.shapes import tile_batch
from visualize.errors import InputError
from visualize.models.inputs import Inputs, InputSignature, checked_batch_size, inputs_of
from visualize.models.layers import card_of, find_layer, layer_paths, listed
from visualize.results import Attribution
from visualize.settings import AttributionSettings
from visualize.targets import OWN_PREDICTION, Target, check_class_names, class_indices, region_weights, split_target

# Names of tensors beside the inputs of a model, which Keras does not let have a slash.
REGION, TARGETS, COPIES_AT_ONCE, NUMBER = "request/region", "request/targets", "request/copies_at_once", "request/number/"
_at_layer: contextvars.ContextVar[bool] = contextvars.ContextVar("at_layer", default=False)


@dataclass(frozen=True)
class ScoreSpec:
    """How a model is called, and which of its scores is meant: what two graphs of one method differ in.

    Attributes:
        signature: how the model is called.
        function: the user's own function of the scores, or None.
        output: name of the output; None where the model has only one.
        layer: path of the layer whose units are explained; None for the model's output.
        precision: in which the layers compute, "float32" (or as they were built) or "bfloat16".
    """

    signature: InputSignature
    function: Callable | None
    output: str | None
    layer: str | None
    precision: str

    @property
    def user_functions(self) -> tuple[Callable, ...]:
        """The user's own functions, which have their programs traced at every call."""
        return () if self.function is None else (self.function,)

    def forward(self, model: keras.Model, tensors: Mapping[str, tf.Tensor], **options: Any) -> ForwardPass:
        """Call the model on a batch of each input, by name, on the graph being traced.

        Args:
            model: Keras model.
            tensors: the inputs and, if there is one, the region.
            options: more options of `engine.forward.forward_pass`.
        """
        images = tensors[self.signature.input_name]
        chosen = {"output": self.output, "layer": self.layer, "precision": self.precision, "region": tensors.get(REGION)}
        return forward_pass(model, self.signature.pack(tensors), images, **chosen, **options)

    def score(self, forward: ForwardPass, targets: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The score of each image, (batch,), and what to report: score, target, and the model's prediction with probability.

        Raises:
            InputError: there is no function, and the model does not return one row of scores per image; or the function
                does not return one score per image.
        """
        report = {}
        if forward.scores is not None:
            report["predicted"] = tf.argmax(forward.scores, axis=-1, output_type=tf.int32)
        if self.function is not None:
            score, report["target"] = _own_score(self.function, forward), targets
        elif forward.scores is None or forward.probabilities is None:
            raise _no_scores(forward)
        else:
            score, report["target"] = forward.score(targets)
            report["probability"] = score_at(forward.probabilities, report["target"])
        report["score"] = tf.cast(score, tf.float32)
        return score, report

    def notes(self, forward: ForwardPass) -> dict[str, Any]:
        """The number of classes, what the score is ("logit", "output", or the user's function of it), and remarks."""
        kind = forward.score_kind
        if self.function is not None:
            kind = f"{getattr(self.function, '__name__', type(self.function).__name__)} of the {kind}"
        notes = {"classes": None if forward.scores is None else forward.scores.shape[-1], "score": kind}
        remarks = forward.training_layers.remarks()
        return {**notes, "remarks": remarks} if remarks else notes


@dataclass(frozen=True, eq=False)
class Request:
    """A model, its input and a target, checked.

    Attributes:
        model: Keras model.
        inputs: the arrays that it is called on.
        target: class, name, one for each image, or None; None too where there is a function.
        region: the weight of each position of an image output, (batch, height, width); None for equal weights.
        spec: how the model is called, and which score is meant.
        class_names: empty where nothing states them.
        input_range: values of a black and a white pixel; None where nothing states them.
    """

    model: keras.Model
    inputs: Inputs
    target: Any
    region: np.ndarray | None
    spec: ScoreSpec
    class_names: tuple[str, ...]
    input_range: tuple[float, float] | None

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What passes through a graph batch by batch, but for the targets."""
        return {**self.inputs.arrays, **({} if self.region is None else {REGION: self.region})}

    @property
    def tensor_specs(self) -> dict[str, tf.TensorSpec]:
        """A tensor specification for each of the arrays and for the targets, for any batch size."""
        specs = self.inputs.specs()
        if self.region is not None:
            specs[REGION] = tf.TensorSpec([None, *self.inputs.size], tf.float32)
        return {**specs, TARGETS: tf.TensorSpec([None], tf.int32)}

    def rows(self, rows: np.ndarray) -> Request:
        """The same request for some of its images."""
        arrays = {name: array[rows] for name, array in self.inputs.arrays.items()}
        region = None if self.region is None else self.region[rows]
        target = [self.target[row] for row in rows] if isinstance(self.target, list | tuple | np.ndarray) else self.target
        return replace(self, inputs=replace(self.inputs, arrays=arrays), region=region, target=target)

    def targets(self, notes: Mapping[str, Any]) -> np.ndarray:
        """The class of each image, (batch,) int32, or `targets.OWN_PREDICTION`; by the notes of a graph.

        Raises:
            InputError: no such class, or another number of targets than of images.
        """
        if self.spec.function is not None:
            return np.full(len(self.inputs.images), OWN_PREDICTION, "int32")
        check_class_names(self.class_names, notes["classes"])
        return class_indices(self.target, len(self.inputs.images), notes["classes"], self.class_names)

    def attribution(
        self,
        values: np.ndarray,
        report: Mapping[str, np.ndarray],
        method: str,
        settings: Mapping[str, Any],
        **arrays: np.ndarray,
    ) -> Attribution:
        """The result, with what `ScoreSpec.score` reported."""
        general = {
            "input_name": self.inputs.input_name,
            "output": self.spec.output,
            "target_layer": self.spec.layer,
            "region": "whole" if self.region is None else "chosen",
            "precision": self.spec.precision,
            "class_names": list(self.class_names),
            "input_range": self.input_range,
        }
        arrays.update({name: report[name] for name in ("predicted", "probability") if name in report})
        record = AttributionSettings.of({**settings, **general})
        return Attribution(values, self.inputs.images, report["target"], report["score"], method, record, arrays)


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch of a request on the graph being traced: what a method's equations read.

    Attributes:
        model: Keras model.
        tensors: its inputs and, if there is one, the region, by name.
        spec: which score is meant.
        modifier: how ReLUs propagate gradients back.
        copies_at_once: at most so many copies of images are to be computed side by side, () int32.
        numbers: whole numbers that `explain` was called with, () int32 each: another value of them needs no other graph.
        forward: the forward pass of the images as they are.
        score: the score of each image, (batch,).
        targets: the class of each image, (batch,); where it was left to the model, its own prediction.
        report: what `ScoreSpec.score` reported of them.
        notes: plain Python values that a method finds out while it is traced, for the settings of the result.
        at_layer: whether a class activation map keeps the positions of its layer.
    """

    model: keras.Model
    tensors: Mapping[str, tf.Tensor]
    spec: ScoreSpec
    modifier: str | None
    copies_at_once: tf.Tensor
    numbers: Mapping[str, tf.Tensor]
    forward: ForwardPass
    score: tf.Tensor
    targets: tf.Tensor
    report: Mapping[str, tf.Tensor]
    notes: dict[str, Any]
    at_layer: bool = False

    @classmethod
    def run(
        cls,
        model: keras.Model,
        tensors: Mapping[str, tf.Tensor],
        spec: ScoreSpec,
        modifier: str | None,
        targets: tf.Tensor,
        copies_at_once: tf.Tensor,
        numbers: Mapping[str, tf.Tensor],
    ) -> Batch:
        """Call the model on the images as they are."""
        forward = spec.forward(model, tensors, modifier=modifier)
        score, report = spec.score(forward, targets)
        notes = spec.notes(forward)
        return cls(model, tensors, spec, modifier, copies_at_once, numbers, forward, score, report["target"], report, notes)

    @property
    def images(self) -> tf.Tensor:
        """The explained images, (batch, height, width, channels)."""
        return self.forward.images

    def remark(self, sentence: str) -> None:
        """Note what a reader of the result must know, for `settings.remarks`."""
        self.notes.setdefault("remarks", []).append(sentence)

    def rerun(self, images: tf.Tensor, copies: tf.Tensor | int = 1, **options: Any) -> tuple[ForwardPass, tf.Tensor]:
        """Call the model on changed copies of the images.

        Args:
            images: (copies x batch, ...), the whole batch once for each copy.
            copies: how many.
            options: more options of `engine.forward.forward_pass`.

        Returns:
            The forward pass, and the score of each copy for the target of its image.

        Raises:
            InputError: the images are tokens, which cannot be changed a little.
        """
        if self.forward.holds_tokens and "replaced_layer" not in options:
            raise InputError(
                f"The numbers of {self.spec.signature.input_name!r} are tokens, which the model looks up, and cannot be "
                "changed a little. Use `occlusion` with the `fill` that stands for a hidden token."
            )
        others = {name: tensor for name, tensor in self.tensors.items() if name != self.spec.signature.input_name}
        others = {name: tile_batch(tensor, copies) for name, tensor in others.items()}
        tensors = {**others, self.spec.signature.input_name: images}
        forward = self.spec.forward(self.model, tensors, modifier=self.modifier, **options)
        forward = replace(forward, unmodified=self.forward.unmodified)
        return forward, self.spec.score(forward, tile_batch(self.targets, copies))[0]


@dataclass(frozen=True, kw_only=True)
class Method(abc.ABC):
    """The parameters of a method and its equations. The fields are the key of its compiled graph, and part of the settings.

    A subclass is a frozen dataclass with a field for everything that `maps` reads; fields are hashable.

    Attributes:
        name: of the function that users call.
        unit: of the values.
        signed: whether values can be below zero.
        coarse: whether the values are those of something larger than pixels.
        modifier: how ReLUs propagate gradients back: None, "guided" or "relu".
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    signed: ClassVar[bool] = False
    coarse: ClassVar[bool] = False

    modifier: str | None = None

    def __post_init__(self):
        checked_modifier(self.modifier)

    @abc.abstractmethod
    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Called while TensorFlow traces: `values`, (batch, height, width), and more arrays of each image, (batch, ...)."""

    @property
    def stops_by_itself(self) -> bool:
        """Whether each image decides how much is computed; it is then explained alone, as many copies of it at a time."""
        return False

    def settings(self) -> dict[str, Any]:
        """The parameters as the result states them: plain JSON values."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def prepare(
    model: keras.Model, images: Any, target: Any, input_name: str | None = None, precision: str = "float32"
) -> Request:
    """Check what a caller passes, as far as that is possible before the model is traced.

    Raises:
        InputError: what `inputs_of` raises, an unknown precision, a layer that the model does not have, or a region that does
            not fit the images.
    """
    inputs = inputs_of(model, images, input_name)
    card = card_of(model)
    target = target if isinstance(target, Target) else Target(target)
    classes, function = split_target(target.classes)
    region = region_weights(target.region, len(inputs.images), inputs.size)
    if function is not None and region is not None:
        raise InputError(
            "`region` must be left out where the target is a function, which receives every position. Received: both."
        )
    if target.output is not None and target.layer is not None:
        raise InputError("`output` must be left out where `layer` says whose units are meant. Received: both.")
    layer = None if target.layer is None else find_layer(target.layer, layer_paths(model))
    class_names = card.class_names if target.output is None and layer is None else ()  # of a model's only output
    spec = ScoreSpec(inputs.signature, function, target.output, layer, settled(precision))
    return Request(model, inputs, classes, region, spec, class_names, card.input_range)


@contextlib.contextmanager
def at_layer_resolution() -> Iterator[None]:
    """Within this context the class activation map of one layer keeps the layer's positions and is not resized to the image.

    Other methods are as ever.
    """
    token = _at_layer.set(True)
    try:
        yield
    finally:
        _at_layer.reset(token)


def explain(
    request: Request, method: Method, batch_size: int | None = None, *, numbers: Mapping[str, int] | None = None
) -> Attribution:
    """One map for each image of a request.

    Args:
        request: what `prepare` returned.
        method: its parameters and equations.
        batch_size: images, or copies of images, at a time; None for as many as suit their size.
        numbers: whole numbers that the equations read as `batch.numbers`; they are inputs of the graph, not part of its key.
    """
    check_closed(method, "maps")
    size = checked_batch_size(batch_size, request.inputs)
    numbers = {NUMBER + name: number for name, number in (numbers or {}).items()}
    specs = {**request.tensor_specs, **dict.fromkeys((COPIES_AT_ONCE, *numbers), tf.TensorSpec([], tf.int32))}
    graph = compiled(request.model, _Explanation(method, request.spec, _at_layer.get()), specs)
    size = 1 if graph.notes["one_by_one"] else size
    constants = {name: np.int32(number) for name, number in {COPIES_AT_ONCE: size, **numbers}.items()}
    arrays = {**request.arrays, TARGETS: request.targets(graph.notes)}
    results = graph.run_batches(arrays, batch_size=1 if method.stops_by_itself else size, constants=constants)
    notes = dict(graph.notes)
    own = {name: results[name] for name in notes.pop("arrays") if name != "values"}
    notes.pop("one_by_one")
    coarse = {"coarse": True} if method.coarse else {}
    settings = {"unit": method.unit, "signed": method.signed, **coarse, **method.settings(), **notes}
    return request.attribution(results["values"], results, method.name, settings, **own)


def class_scores(request: Request) -> dict[str, Any]:
    """What a model predicts: `scores` and `probabilities` of every class, (batch, classes), and the `targets`.

    `kind` tells what the scores are, as in `ScoreSpec.notes`.

    Raises:
        InputError: the model has several outputs, and none was named; or no such class.
    """
    graph = compiled(request.model, _ClassScores(replace(request.spec, function=None)), request.tensor_specs)
    arrays = {**request.arrays, TARGETS: request.targets(graph.notes)}
    batch_size = 1 if graph.notes["one_by_one"] else checked_batch_size(None, request.inputs)
    results = graph.run_batches(arrays, batch_size=batch_size)
    return {**results, "kind": graph.notes["score"]}


def maximum_of_channels(values: tf.Tensor) -> tf.Tensor:
    """The highest value among the channels of each pixel, (batch, height, width)."""
    return tf.reduce_max(values, axis=-1)


def sum_of_channels(values: tf.Tensor) -> tf.Tensor:
    """The sum over the channels of each pixel, (batch, height, width)."""
    return tf.reduce_sum(values, axis=-1)


@dataclass(frozen=True)
class _Explanation(Program):
    """The graph of a method: images and targets in, maps and scores out."""

    method: Method
    spec: ScoreSpec
    at_layer: bool

    @property
    def user_functions(self) -> tuple[Callable, ...]:
        return self.spec.user_functions

    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        inputs = dict(tensors)
        targets, copies_at_once = inputs.pop(TARGETS), inputs.pop(COPIES_AT_ONCE)
        numbers = {name.removeprefix(NUMBER): inputs.pop(name) for name in list(inputs) if name.startswith(NUMBER)}
        batch = Batch.run(model, inputs, self.spec, self.method.modifier, targets, copies_at_once, numbers)
        batch = replace(batch, at_layer=self.at_layer)
        arrays = {name: tf.cast(tensor, tf.float32) for name, tensor in self.method.maps(batch).items()}
        if batch.forward.unmodified:
            layers = list(batch.forward.unmodified)
            batch.remark(f"the modifier left {listed(layers)} unchanged: they hold ReLUs as parts of other functions.")
        one_by_one = batch.forward.needs_one_by_one
        return {**batch.report, **arrays}, {**batch.notes, "arrays": sorted(arrays), "one_by_one": one_by_one}


@dataclass(frozen=True)
class _ClassScores(Program):
    """The graph of a model's predictions."""

    spec: ScoreSpec

    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        inputs = dict(tensors)
        targets = inputs.pop(TARGETS)
        forward = self.spec.forward(model, inputs)
        _, report = self.spec.score(forward, targets)  # refuses a model without classes
        results = {"scores": forward.scores, "probabilities": forward.probabilities, "targets": report["target"]}
        return results, {**self.spec.notes(forward), "one_by_one": forward.needs_one_by_one}


def _own_score(function: Callable, forward: ForwardPass) -> tf.Tensor:
    """What the user's function makes of the scores, (batch,)."""
    score = function(forward.logits)
    if score is None:
        raise InputError("`target`, a function, must return one score for each image, (batch,). Received: None.")
    score = tf.cast(tf.stack(score) if isinstance(score, list | tuple) else score, tf.float32)
    if score.shape.rank != 1:
        raise InputError(
            f"`target`, a function, must return one score for each image, (batch,). Received: shape {score.shape}."
        )
    return score


def _no_scores(forward: ForwardPass) -> InputError:
    if len(forward.output_names) > 1:
        return InputError(
            f"`output` must name one of the model's outputs, {listed(forward.output_names)}: Target(3, output=...), on the "
            "command line --output. Received: None."
        )
    return InputError(
        "The model must return numbers for each image, (batch, classes) or (batch, height, width, classes). "
        f"Received: {forward.output}. Give a function as `target` that makes one score for each image of it."
    )
