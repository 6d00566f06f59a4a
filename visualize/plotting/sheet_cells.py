"""The cells of an attribution sheet: a picture, a map, a map over a picture, and the color bar of a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from visualize.data.framing import PHOTOGRAPH_SIDE, Box, Original, place
from visualize.plotting.colors import Scale, as_rgb, overlaid, scale_of
from visualize.plotting.style import Style
from visualize.plotting.text import fits
from visualize.results import Attribution

MAX_SIDE = 1024  # pixels of what is drawn in one cell
BAR_POINTS = 7  # font size at a color bar
SEQUENCE_MARGIN = 0.08  # of the height of its cell, above its highest and below its lowest number
DIMMED = 0.35  # of the colors of a photograph remain where the model saw nothing of it
UNSEEN = "0.9"  # gray of a bare map there


@dataclass(frozen=True, eq=False)
class Canvas:
    """The picture of one image, and where its maps lie on it.

    Attributes:
        picture: (height, width, 3) in 0..1.
        box: (top, left, bottom, right) of the model's picture on it, in its pixels; None where it is the model's picture.
    """

    picture: np.ndarray
    box: Box | None = None

    @classmethod
    def of(cls, attribution: Attribution, image: int) -> Canvas:
        """The canvas of an image: the photograph that it was made of where that is known."""
        original = attribution.originals[image] if attribution.originals else None
        if original is None:
            return cls(as_rgb(reduced(attribution.images[image]), attribution.settings.get("input_range")))
        picture = as_rgb(reduced(original.pixels), (0, 255))
        scale = [drawn / size for drawn, size in zip(picture.shape[:2], original.size, strict=True)] * 2
        box = tuple(edge * each for edge, each in zip(original.box, scale, strict=True))
        return cls(picture, box)  # pyright: ignore[reportArgumentType]

    def place(self, values: np.ndarray) -> np.ndarray:
        """A map in the pixels of the picture, (height, width); NaN where the model saw nothing."""
        return reduced(values[..., None])[..., 0] if self.box is None else place(values, self.picture.shape[:2], self.box)

    @property
    def is_photograph(self) -> bool:
        """Whether the picture is large enough for a map to lie over it."""
        return min(self.picture.shape[:2]) >= PHOTOGRAPH_SIDE

    @property
    def interpolation(self) -> str:
        """How it is enlarged: small pictures in sharp squares."""
        return "antialiased" if self.is_photograph else "nearest"


def size_of(attribution: Attribution, image: int) -> tuple[int, int]:
    """Height and width of what is drawn for an image."""
    original: Original | None = attribution.originals[image] if attribution.originals else None
    return attribution.values.shape[1:3] if original is None else original.size


def reduced(pixels: np.ndarray) -> np.ndarray:
    """Pixels, (height, width, channels), of at most 1,024 along each side: larger ones are means of blocks."""
    for axis in (0, 1):
        step = -(-pixels.shape[axis] // MAX_SIDE)
        if step > 1:
            starts = np.arange(0, pixels.shape[axis], step)
            counts = np.diff([*starts, pixels.shape[axis]])
            sums = np.add.reduceat(pixels, starts, axis=axis, dtype="float32")
            pixels = sums / np.expand_dims(counts, [1 - axis, 2]).astype("float32")
    return pixels


def draw_picture(axes: Axes, canvas: Canvas) -> None:
    """Draw a photograph, or the model's picture; what the model did not see is dimmed."""
    picture = canvas.picture
    if canvas.box is not None:
        unseen = np.isnan(canvas.place(np.zeros((1, 1), "float32")))[..., None]
        picture = np.where(unseen, DIMMED * picture + (1 - DIMMED), picture)
    axes.imshow(picture, interpolation=canvas.interpolation, aspect="auto")
    _frame(axes, canvas)


def draw_map(axes: Axes, values: np.ndarray, scale: Scale, canvas: Canvas, *, over_picture: bool) -> None:
    """Draw a map, (height, width), alone or over the picture in gray."""
    placed = canvas.place(values)
    if over_picture:
        axes.imshow(overlaid(placed, scale, canvas.picture), interpolation=canvas.interpolation, aspect="auto")
    else:
        colors = {"cmap": scale.colormap, "vmin": scale.low, "vmax": scale.high}
        axes.imshow(placed, interpolation=canvas.interpolation, aspect="auto", **colors)
        axes.set_facecolor(UNSEEN)
    _frame(axes, canvas)
    _write_note(axes, scale)


def draw_patches(axes: Axes, colors: np.ndarray, canvas: Canvas) -> None:
    """Draw a color for each pixel of the model's picture, (height, width, 3 or 4), where that lies on the photograph."""
    height, width = canvas.picture.shape[:2]
    top, left, bottom, right = (0, 0, height, width) if canvas.box is None else canvas.box
    extent = (left - 0.5, right - 0.5, bottom - 0.5, top - 0.5)
    axes.imshow(colors, interpolation="nearest", aspect="auto", extent=extent)
    axes.set_facecolor(UNSEEN)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    _frame(axes, canvas)


def draw_sequence_map(axes: Axes, values: np.ndarray, scale: Scale, sequence: np.ndarray) -> None:
    """Draw the map of a sequence, (length,), as colors behind its curves."""
    colors = {"cmap": scale.colormap, "vmin": scale.low, "vmax": scale.high}
    extent = (-0.5, len(values) - 0.5, 0.0, 1.0)
    axes.imshow(values[None], interpolation="nearest", aspect="auto", extent=extent, **colors)
    draw_curves(axes, sequence)
    _write_note(axes, scale)


def draw_curves(axes: Axes, sequence: np.ndarray) -> None:
    """Draw a sequence, (length, channels), as one curve per channel, from its lowest number to its highest."""
    low, high = float(sequence.min()), float(sequence.max())
    scaled = (sequence - low) / (high - low) if high > low else np.full_like(sequence, 0.5)
    for channel in scaled.T:
        heights = SEQUENCE_MARGIN + (1 - 2 * SEQUENCE_MARGIN) * channel
        axes.plot(heights, color="black", linewidth=2.4)
        axes.plot(heights, color="white", linewidth=1.0)  # black and white can be seen on any color
    axes.set_xlim(-0.5, len(sequence) - 0.5)
    axes.set_ylim(0, 1)


def draw_color_bar(axes: Axes, scales: Sequence[Scale], lines: Sequence[str], *, over_picture: bool) -> None:
    """The colors of a column, with `bar_lines` below: numbers where all its maps have one scale, else from end to end."""
    first, signed = scales[0], scales[0].low < 0
    bar = replace(first, low=-1.0 if signed else 0.0, high=1.0)
    levels = np.linspace(bar.low, 1, 256, dtype="float32")[None]
    extent = (bar.low, 1, 0, 1)
    if over_picture:
        axes.imshow(overlaid(levels, bar, np.full((1, 256, 3), 0.6)), aspect="auto", extent=extent)
    else:
        axes.imshow(levels, cmap=bar.colormap, vmin=bar.low, vmax=1, aspect="auto", extent=extent)
    end = f"{first.high:.2g}" if have_one_end(scales) else ""
    ticks = {-1: f"\u2212{end}", 0: "0", 1: end or "+"} if signed else {0: "0", 1: end or "max"}
    axes.set_xticks(list(ticks), list(ticks.values()), fontsize=BAR_POINTS)
    axes.tick_params(length=2, pad=1)
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    axes.get_xticklabels()[-1].set_horizontalalignment("right")
    axes.set_xlabel("\n".join(lines), fontsize=BAR_POINTS, labelpad=1)


def bar_lines(attribution: Attribution, scales: Sequence[Scale], clip: float, inches: float) -> list[str]:
    """What stands below the color bar of a column: the unit, and where colors are clipped."""
    unit = str(attribution.settings.get("unit", ""))
    if not any(scale.is_clipped for scale in scales):
        return [unit]
    largest = max(scale.largest for scale in scales)
    clipped, part = f"clipped at {clip:g} %", "of the pixels"
    if have_one_end(scales):
        clipped, part = f"{clipped}:", f"{scales[0].high:.2g} of max {largest:.2g}"
    whole = f"{clipped} {part}"
    return [unit, whole] if fits(whole, inches, BAR_POINTS) else [unit, clipped, part]


def have_one_end(scales: Sequence[Scale]) -> bool:
    """Whether all maps of a column have the same scale, whose end can stand at the color bar."""
    return len({(scale.low, scale.high) for scale in scales}) == 1 and not all(scale.note for scale in scales)


def end_of(scale: Scale) -> str:
    """What is written above a map: where its colors end, and its largest magnitude if that lies beyond."""
    if scale.note:
        return ""
    largest = f" of max {scale.largest:.2g}" if scale.is_clipped else ""
    if scale.low < 0:
        return f"\u00b1{scale.high:.2g}{largest}"
    return f"{scale.high:.2g}{largest}" if largest else f"max {scale.high:.2g}"


def scales_of(attribution: Attribution, style: Style) -> list[Scale]:
    """The scale of each image's map."""
    signed = is_signed(attribution)
    shared = attribution.display.shared_scale if style.scale is None else style.scale == "shared"
    own = [scale_of(values, signed=signed, clip=style.clip, colormap=style.colormap) for values in attribution.values]
    if not shared:
        return own
    ordinary = [scale for scale in own if not scale.note] or own  # a map of zeros has no largest value
    low, high = min(scale.low for scale in ordinary), max(scale.high for scale in ordinary)
    return [replace(scale, low=low, high=high) for scale in own]


def is_signed(attribution: Attribution) -> bool:
    """Whether zero is the middle of the colors: by the method, or because some values are below it."""
    return bool(attribution.settings.get("signed") or (attribution.values < 0).any())


def lies_over(attribution: Attribution, style: Style) -> bool:
    """Whether the maps of an attribution are drawn over the pictures."""
    if attribution.values.ndim != 3 or style.overlay is False:
        return False
    height, width = size_of(attribution, 0)
    return bool(style.overlay or (attribution.settings.coarse and min(height, width) >= PHOTOGRAPH_SIDE))


def _frame(axes: Axes, canvas: Canvas) -> None:
    """A thin line around what the model saw, where that is not all."""
    height, width = canvas.picture.shape[:2]
    if canvas.box is None or np.allclose(
        np.clip(canvas.box, 0, [height, width, height, width]), (0, 0, height, width), atol=1
    ):
        return
    top, left, bottom, right = canvas.box
    line = {"fill": False, "edgecolor": "0.35", "linewidth": 0.7}
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, **line))
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)


def _write_note(axes: Axes, scale: Scale) -> None:
    """What a reader must know of a map, across it."""
    if scale.note:
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "0.6"}
        axes.text(0.5, 0.5, scale.note, transform=axes.transAxes, ha="center", va="center", fontsize=8, bbox=box)
