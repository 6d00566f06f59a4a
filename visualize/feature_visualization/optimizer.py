"""Ascent: the steps uphill of activation maximization, as one compiled graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import tf
from visualize.engine.compile import CompiledGraph, Program, compiled
from visualize.engine.forward import ForwardPass, forward_pass, gradient_of
from visualize.engine.layer_facts import layer_facts
from visualize.feature_visualization import regularizers as penalties
from visualize.feature_visualization import transforms
from visualize.feature_visualization.objectives import Source
from visualize.feature_visualization.parametrizations import Fourier, Pixel
from visualize.feature_visualization.readout import Answer, answer
from visualize.models.inputs import Inputs, InputSignature
from visualize.models.layers import cam_layer

DECAY = 0.95  # of RMSprop's running mean of squared slopes
TINY = 1e-12


@dataclass(frozen=True)
class Climb:
    """What a step weighs; with it a graph is told from another.

    Attributes:
        sources: of the answers that the objectives weigh.
        parametrization: of the images.
        step_size, lp_norm, total_variation, copies, diversity, regularizers: as in `maximize`.
        warps: whether images are turned or scaled.
    """

    sources: tuple[Source, ...]
    parametrization: Pixel | Fourier
    step_size: float
    lp_norm: float
    total_variation: float
    copies: int
    diversity: float
    regularizers: tuple[Callable, ...]
    warps: bool

    @property
    def functions(self) -> tuple[Callable, ...]:
        """The user's own, which are traced anew each time."""
        return self.regularizers + tuple(one.function for one in self.sources if one.function is not None)


def trace_of(model: Any, inputs: Inputs, climb: Climb) -> CompiledGraph:
    """A graph that takes images through as many steps as it gets moves.

    Its tensors are those of `climbing.first_state`; `weights_0` and on, (batch, answers), of the answers of each source; what
    `transforms.draw_moves` makes; and `held_` and its name for each input that stays as it is, one row. It returns the state
    after the steps; `images`, (batch, height, width, channels), and `best_images`; and `score`, (batch,), what the objectives
    came to at the images of the last step. Its notes tell `counts`, how many answers each source has, `score`, what they are,
    and `diversity_layers`.
    """
    dtype = inputs.images.dtype
    specs = {f"held_{name}": inputs.specs()[name] for name in inputs.others}
    parameters = tf.TensorSpec([None, *climb.parametrization.parameters(inputs.images).shape[1:]], dtype)
    specs.update(parameters=parameters, mean_squares=parameters, best=parameters)
    specs.update(dict.fromkeys(("best_loss", "scale"), tf.TensorSpec([None], dtype)))
    names = [f"weights_{number}" for number in range(len(climb.sources))]
    specs.update(dict.fromkeys(names, tf.TensorSpec([None, None], tf.float32)))
    specs.update(shifts=tf.TensorSpec([None, 2], tf.int32))
    if climb.warps:
        specs.update(warps=tf.TensorSpec([None, 2], tf.float32))
    return compiled(model, Ascent(climb, inputs.signature), specs)


@dataclass(frozen=True)
class Ascent(Program):
    """The graph of the ascent."""

    climb: Climb
    signature: InputSignature

    @property
    def user_functions(self) -> tuple[Callable, ...]:
        return self.climb.functions

    def trace(self, model, tensors):
        climb, fixed = self.climb, dict(tensors)
        parametrization, span = climb.parametrization, climb.parametrization.span
        weights = [fixed.pop(f"weights_{number}") for number in range(len(climb.sources))]
        shifts, warps = fixed.pop("shifts"), fixed.pop("warps", None)
        state = {name: fixed.pop(name) for name in ("parameters", "mean_squares", "best", "best_loss", "scale")}
        count = tf.shape(state["scale"])[0]
        others = {name.removeprefix("held_"): tf.repeat(tensor, count, axis=0) for name, tensor in fixed.items()}
        notes: dict[str, Any] = {}

        def step(index, parameters, mean_squares, best, best_loss, scale, _):
            images = parametrization.images(parameters)
            shown = transforms.moved(images, shifts[index], None if warps is None else warps[index])
            seen = forward_pass(model, self.signature.pack({**others, self.signature.input_name: shown}), shown)
            found = answer(seen, climb.sources, weights)
            notes.update(counts=found.counts, score=found.kind)
            score = tf.cast(found.score, images.dtype)
            uphill, asleep = _uphill(seen, found, images)
            uphill *= span
            scale = tf.where(scale > 0, scale, _length(uphill))  # of the first slope that is not zero
            penalty = _penalty(images, tf.stop_gradient(scale), climb)
            if climb.diversity:
                alike, notes["diversity_layers"] = _similarity(seen, weights, climb)
                penalty += climb.diversity * tf.cast(alike, images.dtype)
            loss = tf.where(asleep, tf.constant(np.inf, score.dtype), penalty - tf.math.divide_no_nan(score, scale))
            # Who sleeps pays nothing until awake, and is never the best.
            downhill = tf.where(_as(asleep, images), tf.zeros_like(images), span * gradient_of(penalty, images))
            slope = downhill - tf.math.divide_no_nan(uphill, _as(scale, uphill))
            slope = _carried(slope, images, parameters) * (parametrization.reach / span)
            slope /= _as(_length(slope), slope) + TINY
            better = loss < best_loss
            best = tf.where(_as(better, parameters), parameters, best)
            mean_squares = DECAY * mean_squares + (1 - DECAY) * parametrization.paced(slope**2)
            moved = parameters - climb.step_size * parametrization.reach * slope / tf.sqrt(mean_squares + TINY)
            return index + 1, parametrization.kept(moved), mean_squares, best, tf.where(better, loss, best_loss), scale, score

        first = (0, *state.values(), tf.zeros_like(state["best_loss"]))
        after = tf.while_loop(lambda index, *_: index < tf.shape(shifts)[0], step, first)[1:]
        after = dict(zip((*state, "score"), after, strict=True))
        images, best_images = (parametrization.images(after[name]) for name in ("parameters", "best"))
        return {**after, "images": images, "best_images": best_images}, notes


def _uphill(seen: ForwardPass, found: Answer, images: Any) -> tuple[Any, Any]:
    """The slope of each score, and whether its unit sleeps: where a ReLU silences it everywhere, the slope that would wake it.

    Olah, Mordvintsev & Schubert (2017), Feature Visualization, doi:10.23915/distill.00007, pass gradients on likewise.
    """
    slope = seen.gradient(found.score, images, "the image")
    if found.before_relu is None:
        return slope, tf.zeros_like(_length(slope), tf.bool)
    waking = seen.gradient(found.before_relu, images, "the image")
    asleep = (_length(slope) == 0) & (_length(waking) > 0)
    return tf.where(_as(asleep, slope), waking, slope), asleep


def _penalty(images: Any, scale: Any, climb: Climb) -> Any:
    """What each image pays, (batch,), where a score counts 1 / scale."""
    penalty = penalties.norm_and_variation(images / climb.parametrization.span, climb.lp_norm, climb.total_variation)
    for regularizer in climb.regularizers:
        penalty += tf.math.divide_no_nan(penalties.regularization(regularizer, images), scale)
    return penalty


def _similarity(seen: ForwardPass, weights: list[Any], climb: Climb) -> tuple[Any, list[str]]:
    """How alike each image is to the other copies of its unit where its objective reads, (batch,), and the layers of all."""
    read: dict[str, Any] = {}
    for source, rows in zip(climb.sources, weights, strict=True):
        path = source.layer or cam_layer(layer_facts(seen))[0]
        read[path] = tf.logical_or(read.get(path, False), tf.reduce_any(rows != 0, axis=-1))
    maps = [tf.cast(seen.with_channels_last(path, seen.layer_output(path)), tf.float32) for path in read]
    alike = [penalties.similarity(one, climb.copies) for one in maps]
    marks = [tf.cast(mark, tf.float32) for mark in read.values()]
    summed = tf.add_n([mark * one for mark, one in zip(marks, alike, strict=True)])
    return summed / tf.add_n(marks), list(read)


def _carried(slope: Any, images: Any, parameters: Any) -> Any:
    """A slope by the images as the slope by the numbers that make them."""
    return slope if parameters is images else gradient_of(tf.reduce_sum(images * tf.stop_gradient(slope)), parameters)


def _length(slopes: Any) -> Any:
    """The Euclidean length of each image's slope, (batch,)."""
    return tf.sqrt(tf.reduce_sum(slopes**2, axis=list(range(1, slopes.shape.rank))))


def _as(numbers: Any, tensor: Any) -> Any:
    """One number an image, (batch,), with axes of length 1 for all others of a tensor."""
    return tf.reshape(numbers, [-1] + [1] * (tensor.shape.rank - 1))
