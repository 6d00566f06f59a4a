"""Relevance: the score of a class, handed back from each operation of the network to those before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_number, checked_word
from visualize.attribution.request import Batch, Method, Request, explain, prepare, sum_of_channels
from visualize.engine.operations import UnknownOperationError
from visualize.engine.relevance_rules import relevance as relevance_of
from visualize.engine.relevance_sums import PIXEL_RULES, RULES, Composite
from visualize.errors import InputError
from visualize.results import Attribution

__all__ = ["relevance"]

EPSILON, TINY = 0.25, 1e-6  # of the composite rule, and of the others, where it is left open
GAMMA = 0.25  # likewise
MOST_COMPARED = 4  # images whose map is compared with that of another class
NEARLY_BLIND = 0.9  # a correlation of the maps of two classes
LEAST_REACHED = 0.5  # of the score, below which a remark says what became of the rest


def relevance(
    model: keras.Model,
    images: Any,
    target: Any = None,
    *,
    rule: Literal["composite", "epsilon", "gamma", "zplus"] = "composite",
    pixels: Literal["box", "flat", "rule"] = "box",
    epsilon: float | None = None,
    gamma: float | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
) -> Attribution:
    """Explain a class score by handing it back, operation by operation, to the pixels: layer-wise relevance propagation.

    Bach et al. (2015), doi:10.1371/journal.pone.0130140; the rules of Montavon et al. (2019),
    doi:10.1007/978-3-030-28954-6_10, section 10.2, and, for attention, of Achtibat et al. (2024), arXiv:2402.05602. Each
    neuron hands its relevance to its inputs in proportion to what they contributed to it: all of it, but for the share of its
    bias, which is absorbed there. Dense layers take the epsilon rule, layers that read the image the rule `pixels`, all others
    `rule`.

    The authors hold patents on relevance propagation: have a lawyer check before you ship it in a product.

    Args:
        model: Keras model.
        images: (batch, height, width, channels), in the range the model was trained on.
        target: class to explain; one for all images or one per image; by default the model's own prediction.
        rule: of convolutions, pooling and sums of branches: "zplus", only contributions of the sign of the sum count;
            "gamma", they count (1 + gamma) times; "epsilon", all count alike, which is noisy in deep networks; or "composite",
            "zplus" in the first half of the convolutions and "epsilon" in the other.
        pixels: of the layers that read the image: "box" counts from the far end of the input range, "flat" shares evenly, and
            "rule" does as other layers do.
        epsilon: what keeps the denominators of that rule from zero, as a share of the root mean square of a layer's sums; a
            larger one absorbs contributions that cancel out. By default 0.25 for "composite", else 1e-6.
        gamma: of the rule of that name; by default 0.25.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; by default as many as suit their size.
        precision: in which the model computes; "bfloat16" is faster where the hardware supports it, to three digits, and
            "auto" uses it there.

    Returns:
        Attribution whose values are the sum over channels of the relevance of each pixel, signed, in units of the score. They
        add up to `arrays["reached"]` x score: to the score, where no layer has a bias. With rule="epsilon", pixels="rule" and
        an epsilon near zero they are input x gradient, on a network of ReLUs. `settings.remarks` says so where biases absorb
        most, and where the map of another class is nearly the same: "zplus" hardly knows the class in deep networks, so ask
        `contrast` for the difference of two classes (Gu, Yang & Tresp 2018, arXiv:1812.02100).

    Raises:
        InputError: `target` is not a class of the model, a number is out of range, or there is no rule for an operation.

    Cost:
        1 forward and 2 backward passes.

    Needs:
        A rule for each operation.

    Misleads:
        What many classes share gets most of it, so the maps of two classes that are alike are nearly the same: ask `contrast`
        for what differs. Biases absorb a part of the score.

    Example:
        visualize relevance model.keras cat.png
    """
    request = prepare(model, images, target, input_name, precision)
    if gamma is not None and rule != "gamma":
        raise InputError(f"`gamma` must be left out unless `rule` is 'gamma'. Received: {gamma!r} for {rule!r}.")
    gamma = GAMMA if gamma is None else gamma
    if epsilon is None:
        epsilon = EPSILON if rule == "composite" else TINY
    method = Relevance(rule=rule, pixels=pixels, epsilon=epsilon, gamma=gamma, input_range=request.input_range)
    return _with_remarks(request, method, explain(request, method, batch_size), batch_size)


@dataclass(frozen=True, kw_only=True)
class Relevance(Method):
    """The score, handed back; and the share of it that reached the pixels."""

    name = "relevance"
    unit = "score"
    signed = True

    rule: str
    pixels: str
    epsilon: float
    gamma: float
    input_range: tuple[float, float] | None

    def __post_init__(self):
        checked_word("rule", self.rule, ("composite", *RULES))
        checked_word("pixels", self.pixels, PIXEL_RULES)
        for name in ("epsilon", "gamma"):
            if not checked_number(name, getattr(self, name)) > 0:
                raise InputError(f"`{name}` must be above 0. Received: {getattr(self, name)}.")
        super().__post_init__()

    def maps(self, batch: Batch) -> dict[str, tf.Tensor]:
        composite = Composite(
            lower="zplus" if self.rule == "composite" else self.rule,
            upper="epsilon" if self.rule == "composite" else self.rule,
            dense="epsilon",
            pixels=self.pixels,
            epsilon=self.epsilon,
            gamma=self.gamma,
            input_range=self.input_range,
        )
        values = sum_of_channels(_relevance_of_pixels(batch, composite))
        total = tf.reduce_sum(values, axis=list(range(1, values.shape.rank)))
        reached = tf.math.divide_no_nan(total, tf.cast(batch.score, values.dtype))
        return {"values": values, "reached": reached, "rival": _rival(batch)}

    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        return settings if self.rule == "gamma" else {name: value for name, value in settings.items() if name != "gamma"}


def _relevance_of_pixels(batch: Batch, composite: Composite) -> tf.Tensor:
    """The relevance of each pixel and channel, (batch, height, width, channels).

    Raises:
        InputError: there is no rule for an operation, or no path of relevance to the pixels.
    """
    try:
        relevance = relevance_of(batch.images, batch.score, composite)
    except UnknownOperationError as unknown:
        raise InputError(
            f"The model must consist of operations that relevance has a rule for. Received: {unknown.operation.type} of "
            f"{batch.forward.layer_holding(unknown.operation)!r}. Methods by gradients or occlusion need no rules."
        ) from None
    if relevance is None:
        raise InputError(
            "The score must depend on the pixels, by more than looking up whole numbers (tokens). Received: a score that does "
            "not. Occlusion needs no such path."
        )
    return relevance


def _rival(batch: Batch) -> tf.Tensor:
    """The likeliest class besides the explained one, (batch,) int32; -1 where there are fewer than three."""
    scores, classes = batch.forward.scores, batch.notes["classes"]
    if batch.spec.function is not None or scores is None or classes is None or classes < 3:
        return tf.fill([tf.shape(batch.images)[0]], -1)
    explained = tf.one_hot(batch.targets, classes, on_value=True, off_value=False, dtype=tf.bool)
    return tf.argmax(tf.where(explained, scores.dtype.min, scores), axis=-1, output_type=tf.int32)


def _with_remarks(request: Request, method: Relevance, attribution: Attribution, batch_size: int | None) -> Attribution:
    """Say in the settings what biases absorbed, and whether the map of another class is nearly the same."""
    arrays = dict(attribution.arrays)
    rivals, reached = arrays.pop("rival").astype(int)[:MOST_COMPARED], float(np.median(arrays["reached"]))
    remarks = list(attribution.settings.remarks or ())
    if abs(reached) < LEAST_REACHED:
        remarks.append(
            f"{reached:.2g} of the score reached the pixels (median): biases and other constants absorbed the rest."
        )
    if (rivals >= 0).all():
        rows = np.arange(len(rivals))
        others = explain(replace(request.rows(rows), target=rivals.tolist()), method, batch_size).values
        correlation = _mean_correlation(attribution.values[rows], others)
        attribution = replace(attribution, settings=attribution.settings.with_values(class_correlation=round(correlation, 3)))
        if abs(correlation) > NEARLY_BLIND:
            remarks.append(
                f"the maps of this class and of the next likeliest correlate {correlation:.2f}: the rule hardly tells them "
                "apart here. A contrast shows the difference."
            )
    return replace(attribution, arrays=arrays, settings=attribution.settings.with_values(remarks=remarks or None))


def _mean_correlation(maps: np.ndarray, others: np.ndarray) -> float:
    """The mean over images of the correlation of two maps, 0 where one of them is constant."""
    rows = [(one.ravel() - one.mean(), other.ravel() - other.mean()) for one, other in zip(maps, others, strict=True)]
    sizes = [float(np.linalg.norm(one) * np.linalg.norm(other)) for one, other in rows]
    return float(np.mean([one @ other / size if size else 0.0 for (one, other), size in zip(rows, sizes, strict=True)]))
