"""Batches: images taken through all steps of the optimizer, a batch at a time, and what callbacks receive of them."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize.engine.compile import CompiledGraph, Program, compiled, report_progress
from visualize.engine.forward import gradient_of
from visualize.feature_visualization.optimizer import Optimizer, OptimizerState
from visualize.feature_visualization.parametrizations import Parametrization
from visualize.feature_visualization.readout import ReadoutSpec
from visualize.feature_visualization.transforms import identity_transform
from visualize.models.inputs import Inputs
from visualize.tf_keras_vis import Callback, CallCallbacks, Regularizer, Report, begun_callbacks, regularization_of_each

NOISE = 0.05  # standard deviation of the noise that images start from, as a part of the input range
STEPS_PER_CALL = 10  # of the graph: often enough to show progress

# From the weights of a batch and the inputs that are held to a context in which callbacks are called.
BeginCallbacks = Callable[[Mapping[str, Any], Mapping[str, Any]], AbstractContextManager[CallCallbacks]]


@dataclass(frozen=True, eq=False)
class OptimizedImages:
    """The images that the steps led to.

    Attributes:
        images: those of the highest score, (rows, height, width, channels).
        scores: the value of each objective at its image, (rows,).
        fell: whether the last image scores less than the first, so that another one is returned, (rows,).
        still: whether there was no gradient, or no image that the unit responds to, (rows,).
        saliency: how much each pixel mattered on the way, (rows, height, width), the largest 1; 0 where nothing did.
        frames: the images after some of the steps, (frames, rows, height, width, channels); None without frames.
    """

    images: np.ndarray
    scores: np.ndarray
    fell: np.ndarray
    still: np.ndarray
    saliency: np.ndarray
    frames: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Optimization:
    """All steps of an optimization, to be run on batches of images.

    Attributes:
        graph: of an `Optimizer`.
        flat: the parameters of a gray image, (1, ...).
        transforms: of each step, as `TransformRanges.draw` returns them.
        held: the inputs of the model that are not optimized, one row each, as the graph takes them.
        frame_steps: after which steps to keep the images.
        size: (height, width) of the images.
        begun: what `callback_context` returned.
    """

    graph: CompiledGraph
    flat: np.ndarray
    transforms: Mapping[str, np.ndarray]
    held: Mapping[str, tf.Tensor]
    frame_steps: Collection[int]
    size: tuple[int, int]
    begun: BeginCallbacks

    def run(
        self, parameters: np.ndarray, weights: Mapping[str, np.ndarray], batches: Sequence[tuple[int, int]]
    ) -> OptimizedImages:
        """Take images through all steps.

        Args:
            parameters: what they start from, (rows, ...).
            weights: `weights_0` and so on, (rows, count).
            batches: first row of each batch, and the row after its last.
        """
        steps, rows = len(self.transforms["shifts"]), len(parameters)
        results = []
        for first, last in batches:
            batch_weights = {name: tf.constant(each[first:last]) for name, each in weights.items()}
            state = OptimizerState.before_first_step(parameters[first:last], self.size)
            with self.begun(batch_weights, self.held) as call_callbacks:
                state, frames = self._all_steps(state, batch_weights, call_callbacks, (steps * first, steps * rows))
                results.append(self._best(state, parameters[first:last], batch_weights, frames))
        frames = np.concatenate([result.frames for result in results], axis=1) if self.frame_steps else None
        images, scores, fell, still, saliency = (
            np.concatenate([getattr(result, name) for result in results])
            for name in ("images", "scores", "fell", "still", "saliency")
        )
        return OptimizedImages(images, scores, fell, still, saliency, frames)

    def _all_steps(
        self,
        state: OptimizerState,
        weights: Mapping[str, tf.Tensor],
        call_callbacks: CallCallbacks,
        progress: tuple[int, int],
    ) -> tuple[OptimizerState, list[np.ndarray]]:
        """The state after the last step, and the frames; `progress` is (steps done, steps in all) before the first step."""
        steps, (done_before, total), count = len(self.transforms["shifts"]), progress, len(state.scale)
        frames = []
        for start, end in itertools.pairwise(sorted({*range(0, steps, STEPS_PER_CALL), steps, *self.frame_steps})):
            transforms = {name: array[start:end] for name, array in self.transforms.items()}
            state, results = self._call(state, weights, transforms)
            if end in self.frame_steps:
                frames.append(results["images"].numpy())
            call_callbacks(end, results["images"])
            report_progress(done_before + end * count, total)
        return state, frames

    def _best(
        self, state: OptimizerState, start: np.ndarray, weights: Mapping[str, tf.Tensor], frames: list[np.ndarray]
    ) -> OptimizedImages:
        """The images of the highest scores without a transform: the best of all steps, the last, the first, or a flat one."""
        best, last, first, flat = range(4)
        gray = np.broadcast_to(self.flat, start.shape)
        candidates = [state.best, state.parameters, tf.constant(start), tf.constant(gray)]
        results = [self._without_transform(state, parameters, weights) for parameters in candidates]
        scores = np.stack([result["score"].numpy() for result in results])
        images = np.stack([result["images"].numpy() for result in results])
        chosen, rows = np.argmax(scores, axis=0), np.arange(len(start))
        still = (results[best]["scale"].numpy() == 0) | (scores[chosen, rows] == 0)
        fell = (scores[last] < scores[first]) | (chosen == flat)
        saliency = state.saliency.numpy()
        saliency /= np.maximum(saliency.max(axis=(1, 2), keepdims=True), np.finfo(saliency.dtype).tiny)
        every_frame = np.stack(frames) if frames else None
        return OptimizedImages(images[chosen, rows], scores[chosen, rows], fell, still, saliency, every_frame)

    def _without_transform(
        self, state: OptimizerState, parameters: tf.Tensor, weights: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """What a further step returns of these parameters: the score and the images before it."""
        unbeatable = tf.fill(tf.shape(state.scale), tf.constant(np.inf, parameters.dtype))
        best = dataclasses.replace(state, parameters=parameters, best=parameters, best_score=unbeatable)
        _, results = self._call(best, weights, identity_transform(self.transforms))
        return {**results, "images": results["best_images"]}

    def _call(
        self, state: OptimizerState, weights: Mapping[str, tf.Tensor], transforms: Mapping[str, np.ndarray]
    ) -> tuple[OptimizerState, dict[str, tf.Tensor]]:
        """The state after some steps, and all that the graph returns."""
        constants = {name: tf.constant(array) for name, array in transforms.items()}
        results = self.graph.run_batch({**state.tensors(), **weights}, {**self.held, **constants})
        return OptimizerState.of(results), results


def flat_parameters(parametrization: Parametrization, dtype: Any) -> np.ndarray:
    """The parameters of an image that is gray all over, (1, ...)."""
    return parametrization.parameters(_gray(parametrization)).astype(dtype)


def starting_parameters(
    parametrization: Parametrization, noise_keys: Sequence[int], copies: int, start: np.ndarray | None, seed: int, dtype: Any
) -> np.ndarray:
    """The parameters of the images to start from, gray or `start` with noise, (len(noise_keys) x copies, ...).

    The noise of an image depends only on the seed, its key and the number of its copy, not on the rest of its batch. With
    `start` the first copy has none.
    """
    low, high = parametrization.low, parametrization.high
    center = parametrization.parameters(_gray(parametrization) if start is None else np.clip(start, low, high))[0]
    rows = []
    for key, copy in itertools.product(noise_keys, range(copies)):
        generator = np.random.default_rng([seed, key, copy] if copy else [seed, key])
        has_noise = start is None or copy > 0
        noise = NOISE * parametrization.parameter_span * generator.standard_normal(center.shape) if has_noise else 0
        rows.append(center + noise)
    return parametrization.clipped(tf.constant(np.stack(rows).astype(dtype))).numpy()


def _gray(parametrization: Parametrization) -> np.ndarray:
    return np.full((1, *parametrization.shape), (parametrization.low + parametrization.high) / 2)


# Callbacks ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CallbackReport(Program):
    """The graph of what callbacks receive of images, without transforms.

    Attributes:
        readout: how the model is called, and where objectives read.
        regularizers: as in `maximize`.
    """

    readout: ReadoutSpec
    regularizers: tuple[Regularizer, ...]

    @property
    def user_functions(self) -> tuple[Callable[..., Any], ...]:
        """Regularizers, and functions of the scores."""
        return self.regularizers + self.readout.user_functions

    def trace(self, model: keras.Model, tensors: Mapping[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        """From `images` to `score`, `gradient`, `output_0` and so on, and `regularization_0` and so on."""
        images = tensors["images"]
        readout = self.readout.bind(tensors, tf.shape(images)[0]).read(model, images)
        outputs = tf.nest.flatten(readout.forward.output)
        regularizations = [regularization_of_each(regularizer, images) for regularizer in self.regularizers]
        gradient = gradient_of(tf.add_n([*regularizations, -tf.cast(readout.score, images.dtype)]), images)
        results = {f"output_{number}": output for number, output in enumerate(outputs)}
        results.update({f"regularization_{number}": values for number, values in enumerate(regularizations)})
        return {**results, "score": readout.score, "gradient": gradient}, {"outputs": len(outputs)}


def callback_context(
    callbacks: Sequence[Callback], arguments: Mapping[str, Any], model: keras.Model, inputs: Inputs, optimizer: Optimizer
) -> BeginCallbacks:
    """A function that begins the callbacks for a batch, in a context that ends them, see `begun_callbacks`.

    It takes the weights of the batch and the inputs that are held, which `ReadoutSpec.tensor_specs` lists.
    """
    if not callbacks:
        return lambda weights, held: contextlib.nullcontext(lambda steps_done, images: None)
    specs = {**optimizer.readout.tensor_specs(inputs), "images": inputs.specs()[inputs.input_name]}
    graph = compiled(model, CallbackReport(optimizer.readout, optimizer.regularizers), specs)

    def begin(weights: Mapping[str, tf.Tensor], held: Mapping[str, tf.Tensor]) -> AbstractContextManager[CallCallbacks]:
        report_of = functools.partial(_report, graph, weights, held, len(optimizer.regularizers))
        return begun_callbacks(callbacks, arguments, optimizer.regularizers, report_of)

    return begin


def _report(
    graph: CompiledGraph,
    weights: Mapping[str, tf.Tensor],
    held: Mapping[str, tf.Tensor],
    regularizers: int,
    images: tf.Tensor,
) -> Report:
    results = graph.run_batch({"images": images, **weights}, held)
    outputs = [results[f"output_{number}"] for number in range(graph.notes["outputs"])]
    regularizations = [results[f"regularization_{number}"] for number in range(regularizers)]
    return Report(results["gradient"], results["score"], outputs, regularizations)
