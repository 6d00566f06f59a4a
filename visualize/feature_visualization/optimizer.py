"""Optimizer: the steps of activation maximization, as one compiled graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize.engine.compile import CompiledGraph, Program, compiled
from visualize.engine.forward import gradient_of
from visualize.feature_visualization.parametrizations import Parametrization
from visualize.feature_visualization.readout import BoundReadout, Readout, ReadoutSpec
from visualize.feature_visualization.regularizers import norm_and_variation, similarity_of_copies
from visualize.feature_visualization.transforms import identity_transform, transform
from visualize.models.inputs import Inputs
from visualize.tf_keras_vis import Regularizer, regularization_of_each

MEAN_DECAY, SQUARES_DECAY = 0.9, 0.999  # of Adam's running means of gradients and of their squares
EPSILON = 1e-12


@dataclass(frozen=True, eq=False)
class OptimizerState:
    """The state between two steps. `batch` counts images.

    Attributes:
        parameters: what the images are computed from, (batch, ...), see `Parametrization`.
        mean: Adam's running mean of gradients, in the shape of the parameters.
        mean_squares: Adam's running mean of squared gradients, in the same shape.
        count: steps done, (batch,).
        best: the parameters of the highest score so far, whatever their regularization.
        best_score: that score, (batch,).
        scale: the length of the first gradient of each score that is not zero, (batch,); 0 until there is one.
        score: the value of each objective at the last step, (batch,).
        saliency: how much each pixel mattered, the sum over steps of the sizes of the score's gradient, divided by its
            length at that step, (batch, height, width).
    """

    parameters: tf.Tensor
    mean: tf.Tensor
    mean_squares: tf.Tensor
    count: tf.Tensor
    best: tf.Tensor
    best_score: tf.Tensor
    scale: tf.Tensor
    score: tf.Tensor
    saliency: tf.Tensor

    @classmethod
    def before_first_step(cls, parameters: np.ndarray, size: tuple[int, int]) -> OptimizerState:
        """The state of images of that height and width that start from these parameters."""
        start = tf.constant(parameters)
        zeros, none = tf.zeros_like(start), tf.zeros(len(parameters), start.dtype)
        return cls(
            parameters=start,
            mean=zeros,
            mean_squares=zeros,
            count=none,
            best=start,
            best_score=none - np.inf,
            scale=none,
            score=none,
            saliency=tf.zeros([len(parameters), *size], start.dtype),
        )

    @classmethod
    def of(cls, tensors: Mapping[str, tf.Tensor]) -> OptimizerState:
        """The state among the tensors of a graph, by the names of the fields."""
        return cls(**{field.name: tensors[field.name] for field in dataclasses.fields(cls)})

    def tensors(self) -> dict[str, tf.Tensor]:
        """Each field by its name, in order: the variables of the loop over steps."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


@dataclass(frozen=True, kw_only=True)
class Optimizer(Program):
    """The graph that takes images through as many steps of Adam as it gets transforms.

    Adam: Kingma & Ba (2014), arXiv:1412.6980. Here it steps along the gradient of each image divided by its length, so that
    no step outweighs the others, and in parts of the input range: models that differ in their range alone get the same steps.

    Attributes:
        readout: how the model is called, and where objectives read.
        parametrization: of the images.
        step_size, lp_norm, total_variation, diversity, regularizers: as in `maximize`.
        copies: images of each unit, between which diversity is measured.
        transforms: names of the arrays that describe the transforms, see `TransformRanges.names`.
    """

    readout: ReadoutSpec
    parametrization: Parametrization
    step_size: float
    lp_norm: float
    total_variation: float
    diversity: float
    copies: int
    regularizers: tuple[Regularizer, ...]
    transforms: tuple[str, ...]

    @property
    def user_functions(self) -> tuple[Callable[..., Any], ...]:
        """Regularizers, and functions of the scores."""
        return self.regularizers + self.readout.user_functions

    @property
    def is_regularized(self) -> bool:
        """Whether anything but the score decides the steps."""
        return bool(self.lp_norm or self.total_variation or self.diversity or self.regularizers)

    def compiled(self, model: keras.Model, inputs: Inputs) -> CompiledGraph:
        """The graph for a model and the shapes of its inputs.

        It takes and returns the fields of `OptimizerState`; it also takes what `ReadoutSpec.tensor_specs` lists and
        `TransformRanges.draw` draws, and returns `images` and `best_images`, (batch, height, width, channels). Its notes are
        `counts`, how many values each source has, `score`, what they are, and `diversity_layers`.
        """
        dtype = inputs.images.dtype
        parameters = tf.TensorSpec([None, *self.parametrization.parameters(inputs.images).shape[1:]], dtype)
        specs = self.readout.tensor_specs(inputs)
        specs.update(dict.fromkeys(("parameters", "mean", "mean_squares", "best"), parameters))
        specs.update(dict.fromkeys(("count", "best_score", "scale", "score"), tf.TensorSpec([None], dtype)))
        specs["saliency"] = tf.TensorSpec([None, *self.parametrization.shape[:2]], dtype)
        for name, array in identity_transform(self.transforms).items():
            specs[name] = tf.TensorSpec([None, *array.shape[1:]], tf.as_dtype(array.dtype))
        return compiled(model, self, specs)

    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        """Build the loop over steps."""
        start = OptimizerState.of(tensors)
        readout = self.readout.bind(tensors, tf.shape(start.scale)[0])
        loop = _Loop(self, model, readout, {name: tensors[name] for name in self.transforms}, {})
        variables, steps = (0, *start.tensors().values()), tf.shape(tensors["shifts"])[0]
        _, *variables = tf.while_loop(lambda index, *_: index < steps, loop.step, variables)
        end = OptimizerState(*variables)
        images, best_images = (self.parametrization.images(parameters) for parameters in (end.parameters, end.best))
        return {**end.tensors(), "images": images, "best_images": best_images}, loop.notes


@dataclass(frozen=True, eq=False)
class _Loop:
    """The loop over steps, on the graph being traced.

    Attributes:
        optimizer: the parameters of a step.
        model: Keras model.
        readout: of the objectives.
        transforms: a row for each step, see `TransformRanges.draw`.
        notes: plain Python values that are noted while the loop is traced, see `Optimizer.compiled`.
    """

    optimizer: Optimizer
    model: keras.Model
    readout: BoundReadout
    transforms: Mapping[str, tf.Tensor]
    notes: dict[str, Any]

    def step(self, index: tf.Tensor, *variables: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """One step down the loss of each image: its regularization minus its score / scale."""
        state = OptimizerState(*variables)
        images = self.optimizer.parametrization.images(state.parameters)  # (batch, height, width, channels)
        readout = self._read(images, index)
        score = tf.cast(readout.score, images.dtype)  # (batch,)
        score_gradient, dead = self._score_gradient(readout, images)
        scale = tf.where(state.scale > 0, state.scale, _length(score_gradient))
        # The image of a dead unit is never the best, and is not regularized until its unit is active.
        candidate = tf.where(dead, tf.constant(-np.inf, score.dtype), score)
        gradient = tf.zeros_like(images)
        if self.optimizer.is_regularized:
            regularization = self._regularization(readout, images, scale)
            gradient = self.optimizer.parametrization.span * gradient_of(regularization, images)
            gradient = tf.where(_with_axes_of(images, dead), tf.zeros_like(images), gradient)
        gradient -= tf.math.divide_no_nan(score_gradient, _with_axes_of(score_gradient, scale))
        state = self._updated(state, gradient, images, candidate)
        state = dataclasses.replace(state, scale=scale, score=score, saliency=state.saliency + _sizes(score_gradient))
        return index + 1, *state.tensors().values()

    def _read(self, images: tf.Tensor, index: tf.Tensor) -> Readout:
        """The objectives of the images as the transforms of this step show them."""
        transforms = {name: array[index] for name, array in self.transforms.items()}
        shown = transform(images, transforms, self.optimizer.parametrization.span)
        readout = self.readout.read(self.model, shown)
        layers = readout.forward.training_layers_before(readout.score)
        of_batch = (*layers.normalizing, *layers.mixing)
        self.notes.update(counts=readout.counts, score=readout.kind, random=layers.random, of_batch=of_batch)
        return readout

    def _score_gradient(self, readout: Readout, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The gradient of each score, per part of the input range, and whether its unit is dead, (batch,).

        A unit is dead where its ReLU is zero everywhere, and so is the gradient. The gradient before the ReLU, which makes it
        active again, is taken instead, as in Olah, Mordvintsev & Schubert (2017), doi:10.23915/distill.00007.
        """
        span = self.optimizer.parametrization.span
        gradient = readout.forward.gradient(readout.score, images, "the image")
        if readout.score_before_relu is None:
            return gradient * span, tf.zeros_like(_length(gradient), tf.bool)
        before_relu = readout.forward.gradient(readout.score_before_relu, images, "the image")
        dead = (_length(gradient) == 0) & (_length(before_relu) > 0)
        return tf.where(_with_axes_of(gradient, dead), before_relu, gradient) * span, dead

    def _regularization(self, readout: Readout, images: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
        """All regularization of each image, (batch,), to be compared with its score / scale."""
        optimizer, scale = self.optimizer, tf.stop_gradient(scale)
        parts = images / optimizer.parametrization.span
        total = norm_and_variation(parts, optimizer.lp_norm, optimizer.total_variation)
        for regularizer in optimizer.regularizers:  # is subtracted from the score itself
            total += tf.math.divide_no_nan(regularization_of_each(regularizer, images), scale)
        if optimizer.diversity:
            sources, weights = self.readout.spec.sources, self.readout.weights
            similarity, layers = similarity_of_copies(readout.forward, sources, weights, optimizer.copies)
            self.notes["diversity_layers"] = layers
            total += optimizer.diversity * tf.cast(similarity, images.dtype)
        return total

    def _updated(self, state: OptimizerState, gradient: tf.Tensor, images: tf.Tensor, candidate: tf.Tensor) -> OptimizerState:
        """The state after a step of Adam along a gradient of the loss by the images, per part of the input range."""
        parametrization, parameters = self.optimizer.parametrization, state.parameters
        if parameters is not images:  # the chain rule: from the gradient by the images to that by their parameters
            gradient = gradient_of(tf.reduce_sum(images * tf.stop_gradient(gradient)), parameters)
        gradient *= parametrization.parameter_span / parametrization.span
        gradient = _divided_by_length(gradient)
        count = state.count + 1
        mean = MEAN_DECAY * state.mean + (1 - MEAN_DECAY) * gradient
        mean_squares = SQUARES_DECAY * state.mean_squares + (1 - SQUARES_DECAY) * gradient**2
        unbiased = tf.sqrt(1 - tf.pow(SQUARES_DECAY, count)) / (1 - tf.pow(MEAN_DECAY, count))  # both means start from 0
        step = _with_axes_of(mean, unbiased) * mean / tf.sqrt(mean_squares + EPSILON)
        better = candidate > state.best_score  # of the parameters before the step
        return dataclasses.replace(
            state,
            parameters=parametrization.clipped(parameters - self.optimizer.step_size * parametrization.parameter_span * step),
            mean=mean,
            mean_squares=mean_squares,
            count=count,
            best=tf.where(_with_axes_of(parameters, better), parameters, state.best),
            best_score=tf.where(better, candidate, state.best_score),
        )


def _length(gradients: tf.Tensor) -> tf.Tensor:
    """The Euclidean length of the gradient of each image, (batch,)."""
    return tf.sqrt(tf.reduce_sum(gradients**2, axis=list(range(1, gradients.shape.rank))))


def _divided_by_length(gradients: tf.Tensor) -> tf.Tensor:
    """The gradient of each image at length 1; 0 stays 0."""
    return gradients / (_with_axes_of(gradients, _length(gradients)) + EPSILON)


def _sizes(gradients: tf.Tensor) -> tf.Tensor:
    """How large the gradient of each pixel is over its channels, as a part of that of the image, (batch, height, width)."""
    return tf.sqrt(tf.reduce_sum(_divided_by_length(gradients) ** 2, axis=-1))


def _with_axes_of(tensor: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """One value per image, (batch,), reshaped to (batch, 1, ...) with as many axes as a tensor."""
    return tf.reshape(values, [-1] + [1] * (tensor.shape.rank - 1))
