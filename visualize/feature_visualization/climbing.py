"""Climbing: images taken through all steps of their ascent, a batch at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualize._utils.lazy import tf
from visualize.engine import compile as tracing
from visualize.feature_visualization import transforms
from visualize.feature_visualization.parametrizations import Fourier, Pixel

STEPS_A_CALL = 10  # of the ascent in one call of its graph: often enough to show progress
NOISE = 0.05  # standard deviation of what an ascent begins with, as a part of the input range
Tell = Callable[[int, Any], None]


@dataclass(frozen=True, eq=False)
class Climbed:
    """Where images came to.

    Attributes:
        images: the best on the way, (rows, height, width, channels).
        scores: what the objectives come to at them, (rows,).
        still: whether no slope was found, or no image to which the objective answers, (rows,).
        frames: (frames, rows, height, width, channels), or None.
    """

    images: np.ndarray
    scores: np.ndarray
    still: np.ndarray
    frames: np.ndarray | None


def begun(
    parametrization: Pixel | Fourier, numbers: Sequence[int], copies: int, start: np.ndarray | None, seed: int, dtype: Any
) -> np.ndarray:
    """What images begin with, as the numbers that make them, (len(numbers) x copies, ...): gray with noise, or `start`.

    The noise of a row depends on the seed, its number and its copy alone, not on its batch mates. With `start` the first copy
    has none.
    """
    low, high = parametrization.low, parametrization.high
    gray = np.full((1, *parametrization.shape), (low + high) / 2)
    first = parametrization.parameters(gray if start is None else np.clip(start, low, high))
    rows = []
    for number, copy in itertools.product(numbers, range(copies)):
        chance = np.random.default_rng([seed, number, copy] if copy else [seed, number])
        quiet = start is not None and not copy
        rows.append(0 if quiet else NOISE * parametrization.reach * chance.standard_normal(first.shape[1:]))
    return parametrization.kept(tf.constant(np.stack([first[0] + row for row in rows]).astype(dtype))).numpy()


def climbed(
    trace: tracing.CompiledGraph,
    parameters: np.ndarray,
    weights: Mapping[str, np.ndarray],
    held: Mapping[str, Any],
    moves: Mapping[str, np.ndarray],
    keep: set[int],
    sizes: Sequence[tuple[int, int]],
    listening: Callable[[Mapping[str, Any]], AbstractContextManager[Tell]],
) -> Climbed:
    """Take rows through the graph of their ascent.

    Args:
        trace: of `ascent.trace_of`.
        parameters: what the images begin with, (rows, ...).
        weights: `weights_0` and on, (rows, answers).
        held: the inputs that stay as they are.
        moves: of `transforms.draw_moves`.
        keep: after which steps to keep the images.
        sizes: first and last row of each batch.
        listening: begins and ends to tell others of a batch.
    """
    parts = []
    for first, last in sizes:
        fixed = {**{name: tf.constant(each[first:last]) for name, each in weights.items()}, **held}
        with listening(fixed) as tell:
            parts.append(
                _batch(trace, first_state(parameters[first:last]), fixed, moves, keep, tell, (first, len(parameters)))
            )
    frames = np.concatenate([one.frames for one in parts], axis=1) if keep else None
    joined = [np.concatenate([getattr(one, name) for one in parts]) for name in ("images", "scores", "still")]
    return Climbed(*joined, frames)


def first_state(parameters: np.ndarray) -> dict[str, Any]:
    """The state before the first step, from the numbers of the images to start from."""
    parameters = tf.constant(parameters)
    worst = tf.fill(tf.shape(parameters)[:1], tf.constant(np.inf, parameters.dtype))
    zeros = tf.zeros_like(parameters)
    best = {"best": parameters, "best_loss": worst}
    return {"parameters": parameters, "mean_squares": zeros, **best, "scale": tf.zeros_like(worst)}


def _batch(
    trace: tracing.CompiledGraph,
    state: dict[str, Any],
    fixed: Mapping[str, Any],
    moves: Mapping[str, np.ndarray],
    keep: set[int],
    tell: Tell,
    place: tuple[int, int],
) -> Climbed:
    (first, rows), steps, count = place, len(moves["shifts"]), len(state["parameters"])
    frames = []
    for begin, end in itertools.pairwise(sorted({*range(0, steps, STEPS_A_CALL), steps, *keep})):
        state, after = _stepped(trace, state, fixed, {name: each[begin:end] for name, each in moves.items()})
        if end in keep:
            frames.append(after["images"].numpy())
        tell(end, after["images"])
        tracing.report_progress(steps * first + end * count, steps * rows)
    # One more step looks at the last images, which may be the best; a second one, from the best, tells their scores.
    still = transforms.no_move(moves)
    state, after = _stepped(trace, state, fixed, still)
    images = after["best_images"].numpy()
    state, after = _stepped(trace, {**state, "parameters": state["best"]}, fixed, still)
    scores = after["score"].numpy()
    return Climbed(images, scores, (state["scale"].numpy() == 0) | (scores == 0), np.stack(frames) if frames else None)


def _stepped(
    trace: tracing.CompiledGraph, state: Mapping[str, Any], fixed: Mapping[str, Any], moves: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state after the steps, and what else the graph returns."""
    after = dict(trace(**state, **fixed, **{name: tf.constant(each) for name, each in moves.items()}))
    return {name: after.pop(name) for name in state}, after
