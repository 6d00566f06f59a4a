"""Attributions as a sheet: one row per image, first the image itself, then one column per map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from visualize.plotting.colors import Scale, as_rgb, scale_of
from visualize.plotting.figure import ResultFigure, empty_figure
from visualize.plotting.sheet_labels import header_of, picture_of, target_of, title_of
from visualize.plotting.sheet_layout import GAP, TEXT_LINE, Rectangle, SheetLayout
from visualize.plotting.text import epoch_label, fitted
from visualize.results import Attribution

MIN_WIDTH = 3.2  # inches of a figure
SEQUENCE_ASPECT = 2.5  # width of a sequence's cell over its height
SEQUENCE_MARGIN = 0.08  # of the height of its cell, above its highest and below its lowest number
MAX_ASPECT = 3  # longer side of a cell over its shorter side; longer images are squeezed
MAX_COUNTS = 6  # predicted classes that are listed beside an occlusion map
CLASS_HEADERS = ("class while\nhidden here", "positions")


def draw_attributions(attributions: Sequence[Attribution]) -> ResultFigure:
    """Draw each image and its maps, every map on its own scale, whose end is written above it.

    Attributions that say so have one scale for all of their maps. A volume is shown by one of its slices, a sequence as
    curves. The many maps of a single image are divided into rows of about the same length.

    Args:
        attributions: of the same images; at least one.

    Raises:
        InputError: the figure would be larger than a picture can be.
    """
    attributions, slices = _strongest_slices(attributions)
    first = attributions[0]
    has_classes = len(attributions) == 1 and first.values.ndim == 3 and "position_classes" in first.arrays
    cell_width, cell_height = _cell_size(first)
    several_targets = any(not np.array_equal(first.targets, other.targets) for other in attributions[1:])
    title = picture_of if several_targets else title_of
    titles = [title(first, image, cell_width) for image in range(len(first.values))]
    if slices is not None:
        titles = [f"{title}\nslice {number + 1}" for title, number in zip(titles, slices, strict=True)]
    headers = [header_of(attribution, cell_width) for attribution in attributions]
    headers += CLASS_HEADERS if has_classes else ()

    targets = [_targets_of(each, cell_width, shown=several_targets) for each in attributions]
    map_lines = max(_most_lines(column) for column in targets) + several_targets
    lines = (_most_lines(titles), _most_lines(headers), map_lines)
    layout = SheetLayout(len(titles), 1 + len(headers), cell_width, cell_height, *lines)
    figure = empty_figure(max(layout.width, MIN_WIDTH), layout.height)
    cells = [
        [_add_axes(figure, layout.cell(image, column)) for column in range(layout.columns)] for image in range(layout.images)
    ]
    _draw_images([row[0] for row in cells], first, titles)
    for column, attribution in enumerate(attributions, start=1):
        _draw_maps([row[column] for row in cells], attribution, targets[column - 1])
        _draw_color_bar(_add_axes(figure, layout.color_bar(column)), attribution)
    if has_classes:
        _draw_classes([row[2] for row in cells], [row[3] for row in cells], first, cell_width)
    for axes, header in zip(cells[0][1:], headers, strict=True):
        _add_header(axes, header, map_lines)
    if epoch := epoch_label(first):
        inches = figure.dpi_scale_trans
        figure.text(GAP, 0.3, epoch, transform=inches, fontsize=9, fontweight="bold")
    return figure


def _shares_scale(attribution: Attribution) -> bool:
    """Whether all maps of an attribution are drawn on one scale."""
    return attribution.display.shared_scale


def _is_signed(attribution: Attribution) -> bool:
    """Whether zero is the middle of the colors: by the method, or because some values are below it."""
    return bool(attribution.settings.get("signed") or (attribution.values < 0).any())


def _is_sequence(attribution: Attribution) -> bool:
    return attribution.values.ndim == 2


def _strongest_slices(attributions: Sequence[Attribution]) -> tuple[list[Attribution], np.ndarray | None]:
    """Attributions of volumes, (batch, depth, height, width), reduced to one slice per image.

    It is the slice in which the first attribution is strongest, the same in every column.

    Returns:
        The attributions, now (batch, height, width), and the slice of each image, (batch,). Attributions of pictures and of
        sequences are returned as they are, with None.
    """
    first = attributions[0]
    if first.values.ndim != 4:
        return list(attributions), None
    slices = np.abs(np.nan_to_num(first.values)).max(axis=(2, 3)).argmax(axis=1)  # (batch,)
    batch = np.arange(len(slices))
    flat = [
        replace(
            attribution,
            values=attribution.values[batch, slices],
            images=attribution.images[batch, slices],
            arrays=_classes_of_slices(attribution, slices),
        )
        for attribution in attributions
    ]
    return flat, slices


def _classes_of_slices(attribution: Attribution, slices: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays, with the predicted classes, (batch, fronts, rows, columns), of the patches centered nearest to a slice."""
    arrays = dict(attribution.arrays)
    if "position_classes" in arrays and arrays["position_classes"].ndim == 4:
        nearest = _nearest_positions(attribution, "fronts", 0, attribution.values.shape[1])
        arrays["position_classes"] = arrays["position_classes"][np.arange(len(slices)), nearest[slices]]
    return arrays


def _cell_size(attribution: Attribution) -> tuple[float, float]:
    """Width and height of a cell in inches, in the proportions of the images; smaller if there are many."""
    height, width = (1.0, SEQUENCE_ASPECT) if _is_sequence(attribution) else attribution.values.shape[1:]
    count = len(attribution.values)
    shorter = 2.6 if count == 1 else 1.5 if count > 3 else 2.0
    unit = shorter / min(height, width)
    return min(width * unit, MAX_ASPECT * shorter), min(height * unit, MAX_ASPECT * shorter)


def _most_lines(texts: Sequence[str]) -> int:
    return max(text.count("\n") + 1 for text in texts)


def _add_axes(figure: ResultFigure, rectangle: Rectangle) -> Axes:
    """Axes at (left, bottom, width, height) in inches, without ticks and with a thin gray frame."""
    left, bottom, width, height = rectangle
    figure_width, figure_height = figure.get_size_inches()
    axes = figure.add_axes((left / figure_width, bottom / figure_height, width / figure_width, height / figure_height))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
        spine.set_color("0.6")
    return axes


def _add_header(axes: Axes, header: str, map_lines: int) -> None:
    """Write the name of a column above its first cell and that cell's own lines."""
    above = (0, (map_lines + 0.3) * TEXT_LINE * 72)  # points
    style = {"ha": "center", "va": "bottom", "fontsize": 9, "fontweight": "bold"}
    axes.annotate(header, (0.5, 1), above, xycoords="axes fraction", textcoords="offset points", **style)


def _draw_images(cells: Sequence[Axes], attribution: Attribution, titles: Sequence[str]) -> None:
    images = attribution.images
    pictures = images if _is_sequence(attribution) else as_rgb(images, attribution.settings.get("input_range"))
    for axes, picture, title in zip(cells, pictures, titles, strict=True):
        axes.set_title(title, fontsize=8, pad=3)
        if _is_sequence(attribution):
            _draw_curves(axes, picture)
        else:
            axes.imshow(picture, interpolation="nearest", aspect="auto")


def _draw_curves(axes: Axes, sequence: np.ndarray) -> None:
    """Draw a sequence, (length, channels), as one curve per channel, from its lowest number to its highest."""
    low, high = float(sequence.min()), float(sequence.max())
    scaled = (sequence - low) / (high - low) if high > low else np.full_like(sequence, 0.5)
    for channel in scaled.T:
        heights = SEQUENCE_MARGIN + (1 - 2 * SEQUENCE_MARGIN) * channel
        axes.plot(heights, color="black", linewidth=2.4)
        axes.plot(heights, color="white", linewidth=1.0)  # black and white can be seen on any color
    axes.set_xlim(-0.5, len(sequence) - 0.5)
    axes.set_ylim(0, 1)


def _targets_of(attribution: Attribution, inches: float, *, shown: bool) -> list[str]:
    """What each map of a column explains, where the title of its row does not say it; else empty lines."""
    images = range(len(attribution.values))
    return [target_of(attribution, image, inches) if shown else "" for image in images]


def _draw_maps(cells: Sequence[Axes], attribution: Attribution, targets: Sequence[str]) -> None:
    maps = zip(cells, attribution.values, attribution.images, _scales(attribution), targets, strict=True)
    for axes, values, image, scale, target in maps:
        _draw_map(axes, values, scale, curves=image if _is_sequence(attribution) else None)
        if target:
            axes.set_title(f"{target}\n{axes.get_title()}", fontsize=8, pad=3)


def _scales(attribution: Attribution) -> list[Scale]:
    """The scale of each image's map."""
    scales = [scale_of(values, signed=_is_signed(attribution)) for values in attribution.values]
    if not _shares_scale(attribution):
        return scales
    ordinary = [scale for scale in scales if not scale.note] or scales  # a map of zeros has no largest value
    low, high = min(scale.low for scale in ordinary), max(scale.high for scale in ordinary)
    return [replace(scale, low=low, high=high) for scale in scales]


def _draw_map(axes: Axes, values: np.ndarray, scale: Scale, curves: np.ndarray | None) -> None:
    """Draw a map, (height, width), and the end of its scale; of a sequence, (length,), behind the curves of the sequence."""
    if curves is None:
        extent = None
    else:
        values, extent = values[None], (-0.5, len(values) - 0.5, 0.0, 1.0)
    colors = {"cmap": scale.colormap, "vmin": scale.low, "vmax": scale.high}
    axes.imshow(values, interpolation="nearest", aspect="auto", extent=extent, **colors)
    if curves is not None:
        _draw_curves(axes, curves)
    if scale.note:
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "0.6"}
        axes.text(0.5, 0.5, scale.note, transform=axes.transAxes, ha="center", va="center", fontsize=8, bbox=box)
    else:
        end = "\u00b1" if scale.low < 0 else "max "
        axes.set_title(f"{end}{scale.high:.2g}", fontsize=8, pad=3)


def _draw_color_bar(axes: Axes, attribution: Attribution) -> None:
    """The colors of a column, from end to end of whatever is written above each of its maps."""
    signed = _is_signed(attribution)
    scale = scale_of(np.array([-1.0, 1.0]), signed=signed)
    axes.imshow(np.linspace(scale.low, 1, 256)[None], cmap=scale.colormap, aspect="auto", extent=(scale.low, 1, 0, 1))
    ticks = {-1: "\u2212", 0: "0", 1: "+"} if signed else {0: "0", 1: "max"}
    axes.set_xticks(list(ticks), list(ticks.values()), fontsize=7)
    axes.tick_params(length=2, pad=1)
    axes.get_xticklabels()[-1].set_horizontalalignment("right")
    axes.set_xlabel(str(attribution.settings.get("unit", "")), fontsize=7, labelpad=1)


def _draw_classes(maps: Sequence[Axes], lists: Sequence[Axes], attribution: Attribution, inches: float) -> None:
    """Draw which class the model predicted while a patch was hidden: as a map, and how often, in a list of this width."""
    classes = attribution.arrays["position_classes"]  # (batch, rows, columns)
    names = attribution.settings.get("class_names", [])
    colors = _class_colors(classes)
    height, width = attribution.values.shape[1:]
    nearest = [_nearest_positions(attribution, "tops", -2, height), _nearest_positions(attribution, "lefts", -1, width)]
    for map_axes, list_axes, predicted in zip(maps, lists, classes, strict=True):
        pixels = np.array([[colors[index] for index in row] for row in predicted[np.ix_(*nearest)].tolist()])
        map_axes.imshow(pixels, interpolation="nearest", aspect="auto")
        _draw_class_counts(list_axes, predicted, names, colors, inches)


def _class_colors(classes: np.ndarray) -> dict[int, tuple[float, ...]]:
    """A color for each class that was predicted anywhere, the same in every row."""
    predicted = np.unique(classes).tolist()
    few = max(predicted, default=0) < 10
    colors = colormaps["tab10" if few else "tab20"]
    return {index: colors((index if few else number) % colors.N) for number, index in enumerate(predicted)}


def _nearest_positions(attribution: Attribution, starts: str, axis: int, length: int) -> np.ndarray:
    """For each pixel along one axis, (length,), the position whose patch is centered nearest to it."""
    patch = attribution.settings["patch"]
    side = patch if isinstance(patch, int) else patch[axis]
    centers = np.array([(start + min(start + side, length) - 1) / 2 for start in attribution.settings[starts]])
    return np.abs(np.arange(length)[:, None] - centers).argmin(axis=1)


def _draw_class_counts(
    axes: Axes, predicted: np.ndarray, names: Sequence[str], colors: dict[int, tuple[float, ...]], inches: float
) -> None:
    """List how many positions of the patch led to which class, the most frequent first."""
    counts: list[tuple[int, int]] = Counter(predicted.ravel().tolist()).most_common()
    axes.axis("off")
    step = 1.0 / (MAX_COUNTS + 1)
    for line, (index, count) in enumerate(counts[:MAX_COUNTS]):
        name = names[index] if index < len(names) else str(index)
        y = 1.0 - (line + 0.5) * step
        axes.text(0.04, y, "\u25a0", color=colors[index], fontsize=10, va="center")
        axes.text(0.2, y, f"{fitted(name, 0.8 * inches - 0.5, 8)}: {count}", fontsize=8, va="center")
    if len(counts) > MAX_COUNTS:
        axes.text(0.2, step / 2, f"and {len(counts) - MAX_COUNTS} more", fontsize=7, va="center")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
