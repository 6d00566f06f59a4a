"""Attributions as a sheet: one row per image, first the image itself, then one column per map."""

from __future__ import annotations

import math
import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from visualize.errors import InputError
from visualize.models.layers import listed
from visualize.plotting.colors import Scale
from visualize.plotting.figure import NARROW, ResultFigure, empty_figure
from visualize.plotting.sheet_cells import (
    Canvas,
    bar_lines,
    draw_color_bar,
    draw_curves,
    draw_map,
    draw_patches,
    draw_picture,
    draw_sequence_map,
    end_of,
    have_one_end,
    lies_over,
    scales_of,
    size_of,
)
from visualize.plotting.sheet_labels import header_of, measures_of, picture_of, target_of, title_of
from visualize.plotting.sheet_layout import GAP, MAX_COLUMNS, TEXT_LINE, Rectangle, SheetLayout
from visualize.plotting.style import Style
from visualize.plotting.text import epoch_label, fitted
from visualize.results import Attribution

MIN_WIDTH = 3.2  # inches of a figure
NARROW_COLUMNS = 2
SEQUENCE_ASPECT = 2.5  # width of a sequence's cell over its height
MAX_ASPECT = 3  # longer side of a cell over its shorter side; longer images are squeezed
MAX_COUNTS = 6  # predicted classes that are listed beside an occlusion map
REMARK_POINTS, REMARK_LINE, MAX_REMARK_LINES = 7, 0.13, 6  # font size, inches of a line
CLASS_HEADERS = ("class while\nhidden here", "positions")


@dataclass(frozen=True, eq=False)
class Column:
    """The maps of one column of a sheet.

    Attributes:
        attribution: whose maps they are.
        over_picture: whether they lie over the pictures.
        scales: one for each image.
        targets: what each map explains, where the title of its row does not say it; else empty.
        header: what stands above the column.
        errors: the largest standard error of each map, where it has one; else empty.
    """

    attribution: Attribution
    over_picture: bool
    scales: Sequence[Scale]
    targets: Sequence[str]
    header: str
    errors: Sequence[str]


def draw_attributions(attributions: Sequence[Attribution], style: Style, *, narrow: bool = False) -> ResultFigure:
    """Draw each image and its maps, every map on its own scale, whose end is written above it.

    A volume is shown by one of its slices, a sequence as curves. The many maps of a single image are divided into rows of
    about the same length. Remarks of the results stand below.

    Args:
        attributions: of the same images; at least one.
        style: how they are drawn.
        narrow: whether the figure is `NARROW` inches wide, for a single image.

    Raises:
        InputError: the figure would be larger than a picture can be.
    """
    attributions, slices = _strongest_slices(attributions)
    first = attributions[0]
    has_classes = len(attributions) == 1 and first.values.ndim == 3 and "position_classes" in first.arrays
    cell_width, cell_heights = _cell_sizes(first, style, narrow=narrow)
    several_targets = _have_several_targets(attributions)
    columns = _columns_of(attributions, style, cell_width, several_targets=several_targets)
    _check_overlay(columns, style)
    _check_error(attributions, style)
    titles, headers = _titles_of(first, slices, cell_width, several_targets=several_targets), [each.header for each in columns]
    headers += CLASS_HEADERS if has_classes else ()
    map_lines = max(_most_lines(_lines_above(column)) for column in columns)
    lines = (_most_lines(titles), _most_lines(headers), map_lines) if style.title else (0, 0, map_lines)
    below = [bar_lines(each.attribution, each.scales, style.clip, cell_width + GAP) for each in columns]
    most = NARROW_COLUMNS if narrow else MAX_COLUMNS
    layout = SheetLayout(tuple(cell_heights), 1 + len(headers), cell_width, *lines, max(map(len, below)), max_columns=most)
    remarks = _remark_lines(attributions, max(layout.width, MIN_WIDTH))
    layout = replace(layout, below=REMARK_LINE * len(remarks) + GAP if remarks else 0.0)
    figure = empty_figure(max(layout.width, MIN_WIDTH), layout.height)
    images = range(len(cell_heights))
    cells = [[_add_axes(figure, layout.cell(image, column)) for column in range(layout.columns)] for image in images]
    class_colors = _class_colors(first.arrays["position_classes"]) if has_classes else {}
    for image in images:
        canvas = None if _is_sequence(first) else Canvas.of(first, image)
        _draw_row(cells[image], first, image, columns, canvas)
        if has_classes and canvas is not None:
            _draw_classes(cells[image][-2:], first, image, class_colors, canvas, cell_width)
    for number, (column, bar_text) in enumerate(zip(columns, below, strict=True), start=1):
        bar = _add_axes(figure, layout.color_bar(number))
        draw_color_bar(bar, column.scales, bar_text, over_picture=column.over_picture)
    _write_titles(cells, titles if style.title else [""] * len(cells), columns)
    if style.title:
        _write_headers(cells, headers, layout, map_lines)
    _write_below(figure, remarks, epoch_label(first))
    return figure


def draw_in_axes(attributions: Sequence[Attribution], style: Style, axes: Sequence[Axes]) -> None:
    """Draw each map into axes of the user's own figure, of which nothing else is changed.

    Args:
        attributions: of the same images.
        style: how they are drawn.
        axes: one for each map: those of the first attribution, image by image, then those of the next.

    Raises:
        InputError: there is another number of axes.
    """
    attributions, _ = _strongest_slices(attributions)
    first, images = attributions[0], range(len(attributions[0].values))
    count = len(attributions) * len(images)
    if len(axes) != count:
        raise InputError(f"`axes` must be one matplotlib Axes for each of the {count} maps. Received: {len(axes)}.")
    columns = _columns_of(attributions, replace(style, beside=False), math.inf, several_targets=True)
    for image in images:
        canvas = None if _is_sequence(first) else Canvas.of(first, image)
        for column, cell in zip(columns, axes[image :: len(images)], strict=True):
            _draw_cell(cell, column, image, canvas)
            cell.set_xticks([])
            cell.set_yticks([])
            if style.title:
                header, target, error = column.header.replace("\n", ", "), column.targets[image], column.errors[image]
                lines = [header, target, end_of(column.scales[image]), *([error] if error else [])]
                cell.set_title("\n".join(lines), fontsize=8)


def _columns_of(
    attributions: Sequence[Attribution], style: Style, cell_width: float, *, several_targets: bool
) -> list[Column]:
    columns = []
    for attribution in attributions:
        images = range(len(attribution.values))
        named = several_targets and style.title
        targets = [target_of(attribution, image, cell_width) if named else "" for image in images]
        targets = ["\n".join(filter(None, lines)) for lines in zip(targets, measures_of(attribution, cell_width), strict=True)]
        over, scales, header = lies_over(attribution, style), scales_of(attribution, style), header_of(attribution, cell_width)
        column = Column(attribution, over, scales, targets, header, _largest_errors(attribution))
        columns.append(column)
        if over and style.beside:
            columns.append(replace(column, over_picture=False))
        if style.error and "error" in attribution.arrays:
            columns.append(_error_column(column, style))
    return columns


def _error_column(column: Column, style: Style) -> Column:
    """The standard errors of the maps of a column."""
    attribution, (method, *_) = column.attribution, column.header.split("\n")
    settings = attribution.settings.with_values(signed=False)
    errors = replace(attribution, values=attribution.arrays["error"], settings=settings)
    scales, empty = scales_of(errors, replace(style, colormap=None)), [""] * len(column.errors)
    return Column(errors, False, scales, column.targets, f"{method}\nstandard error", empty)


def _largest_errors(attribution: Attribution) -> list[str]:
    """The largest standard error of each map, in its unit; empty where it is not known."""
    if "error" not in attribution.arrays:
        return [""] * len(attribution.values)
    largest = [error.max() for error in attribution.arrays["error"]]
    return [f"error up to \u00b1{error:.2g}" if np.isfinite(error) else "" for error in largest]


def _check_overlay(columns: Sequence[Column], style: Style) -> None:
    """Refuse choices that would change nothing.

    Raises:
        InputError: maps are to lie over pictures, or bare beside those that do, and there are none.
    """
    if any(column.over_picture for column in columns):
        return
    if style.overlay:
        raise InputError(
            "`overlay` must be left out for sequences, which are drawn over their maps. Received: `overlay=True`."
        )
    if style.beside:
        raise InputError(
            "`beside` needs maps that lie over the picture, as with `overlay=True`. Received: maps that stand alone."
        )


def _check_error(attributions: Sequence[Attribution], style: Style) -> None:
    """Refuse to draw errors that no map has.

    Raises:
        InputError: none has.
    """
    if style.error and not any("error" in attribution.arrays for attribution in attributions):
        methods = listed([attribution.method for attribution in attributions])
        raise InputError(
            "`error` needs maps that have a standard error: of smoothgrad, squaregrad, vargrad or rise, and of more than one "
            f"sample or block of masks. Received: {methods}."
        )


def _titles_of(attribution: Attribution, slices: np.ndarray | None, cell_width: float, *, several_targets: bool) -> list[str]:
    """What stands above each picture."""
    title = picture_of if several_targets else title_of
    titles = [title(attribution, image, cell_width) for image in range(len(attribution.values))]
    if slices is None:
        return titles
    return [f"{title}\nslice {number + 1}" for title, number in zip(titles, slices, strict=True)]


def _have_several_targets(attributions: Sequence[Attribution]) -> bool:
    """Whether the maps of one image explain several classes."""
    return any(not np.array_equal(attributions[0].targets, other.targets) for other in attributions[1:])


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
            arrays=_arrays_of_slices(attribution, slices),
        )
        for attribution in attributions
    ]
    return flat, slices


def _arrays_of_slices(attribution: Attribution, slices: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays, with the errors of a slice, and the predicted classes of the patches centered nearest to it.

    The classes are (batch, fronts, rows, columns).
    """
    arrays = dict(attribution.arrays)
    if "error" in arrays:
        arrays["error"] = arrays["error"][np.arange(len(slices)), slices]
    if "position_classes" in arrays and arrays["position_classes"].ndim == 4:
        nearest = _nearest_positions(attribution, "fronts", 0, attribution.values.shape[1])
        arrays["position_classes"] = arrays["position_classes"][np.arange(len(slices)), nearest[slices]]
    return arrays


def _cell_sizes(attribution: Attribution, style: Style, *, narrow: bool) -> tuple[float, list[float]]:
    """Inches: the width of all cells, and the height of those of each image, in its proportions; smaller if there are many."""
    count = len(attribution.values)
    shorter = style.size or (2.6 if count == 1 else 1.5 if count > 3 else 2.0)
    if _is_sequence(attribution):
        return shorter * SEQUENCE_ASPECT, [shorter] * count
    aspects = [np.clip(width / height, 1 / MAX_ASPECT, MAX_ASPECT) for height, width in _sizes(attribution)]
    if narrow:
        width = (NARROW - GAP) / NARROW_COLUMNS - GAP
        return width, [float(width / aspect) for aspect in aspects]
    if max(aspects) - min(aspects) < 0.01:
        aspect = float(aspects[0])
        return shorter * max(aspect, 1.0), [shorter * max(1 / aspect, 1.0)] * count
    width = shorter * 1.2  # of all; the rows have different heights
    return width, [float(width / aspect) for aspect in aspects]


def _sizes(attribution: Attribution) -> list[tuple[int, int]]:
    return [size_of(attribution, image) for image in range(len(attribution.values))]


def _most_lines(texts: Sequence[str]) -> int:
    return max(text.count("\n") + 1 if text else 0 for text in texts)


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


def _draw_row(
    cells: Sequence[Axes], attribution: Attribution, image: int, columns: Sequence[Column], canvas: Canvas | None
) -> None:
    """Draw one image and its maps; a sequence has no canvas."""
    if canvas is None:
        draw_curves(cells[0], attribution.images[image])
    else:
        draw_picture(cells[0], canvas)
    for axes, column in zip(cells[1:], columns, strict=False):
        _draw_cell(axes, column, image, canvas)


def _draw_cell(axes: Axes, column: Column, image: int, canvas: Canvas | None) -> None:
    """Draw one map."""
    attribution, scale = column.attribution, column.scales[image]
    if canvas is None:
        draw_sequence_map(axes, attribution.values[image], scale, attribution.images[image])
    else:
        draw_map(axes, attribution.values[image], scale, canvas, over_picture=column.over_picture)


def _write_titles(cells: Sequence[Sequence[Axes]], titles: Sequence[str], columns: Sequence[Column]) -> None:
    """Write above each picture what it is, and above each map what it explains and where its colors end."""
    for image, (row, title) in enumerate(zip(cells, titles, strict=True)):
        row[0].set_title(title, fontsize=8, pad=3)
        for axes, column in zip(row[1:], columns, strict=False):
            axes.set_title(_lines_above(column)[image], fontsize=8, pad=3)


def _lines_above(column: Column) -> list[str]:
    """What stands above each map: what it explains, where its colors end if the color bar does not say so, and its error."""
    ends = [""] * len(column.scales) if have_one_end(column.scales) else map(end_of, column.scales)
    return ["\n".join(filter(None, lines)) for lines in zip(column.targets, ends, column.errors, strict=True)]


def _write_headers(cells: Sequence[Sequence[Axes]], headers: Sequence[str], layout: SheetLayout, map_lines: int) -> None:
    """Write the name of each column above the lines of its first cell, and again every few rows."""
    most = _most_lines(headers)
    headers = [header + "\n" * (most - 1 - header.count("\n")) for header in headers]  # the methods are on one line
    above = (0, (map_lines + 0.3) * TEXT_LINE * 72)  # points
    style = {"ha": "center", "va": "bottom", "fontsize": 9, "fontweight": "bold"}
    for image, row in enumerate(cells):
        for axes, header in zip(row[1:], headers, strict=True):
            if layout.has_header(image):
                axes.annotate(header, (0.5, 1), above, xycoords="axes fraction", textcoords="offset points", **style)


def _remark_lines(attributions: Sequence[Attribution], width: float) -> list[str]:
    """What a reader must know of the maps, each sentence once, in lines of this width in inches."""
    room = int((width - 2 * GAP) * 72 / (0.52 * REMARK_POINTS))
    methods: dict[str, list[str]] = {}
    for attribution in attributions:
        for remark in attribution.settings.get("remarks") or ():
            methods.setdefault(_with_name(remark, attribution), []).append(attribution.method)
    several = len({attribution.method for attribution in attributions}) > 1
    texts = [f"{', '.join(dict.fromkeys(names))}: {remark}" if several else remark for remark, names in methods.items()]
    lines = [line for text in texts for line in textwrap.wrap(text, room)]
    if len(lines) <= MAX_REMARK_LINES:
        return lines
    return [*lines[: MAX_REMARK_LINES - 1], "... and more: see the record."]


def _with_name(remark: str, attribution: Attribution) -> str:
    """A remark with the name of the image whose number it begins with: "image 1: ..."."""
    numbered = re.match(r"image (\d+): ", remark)
    if numbered is None or "names" not in attribution.arrays:
        return remark
    return f"{attribution.arrays['names'][int(numbered[1])]}: {remark[numbered.end() :]}"


def _write_below(figure: ResultFigure, remarks: Sequence[str], epoch: str) -> None:
    """Write the remarks, and the epoch of a training, at the lower left."""
    inches = figure.dpi_scale_trans
    for number, line in enumerate(reversed(remarks)):
        figure.text(GAP, GAP / 2 + REMARK_LINE * number, line, transform=inches, fontsize=REMARK_POINTS, va="bottom")
    if epoch:
        figure.text(GAP, 0.3 + REMARK_LINE * len(remarks), epoch, transform=inches, fontsize=9, fontweight="bold")


def _draw_classes(
    cells: Sequence[Axes],
    attribution: Attribution,
    image: int,
    colors: dict[int, tuple[float, ...]],
    canvas: Canvas,
    inches: float,
) -> None:
    """Draw which class the model predicted while a patch was hidden: as a map, and how often, in a list of this width."""
    predicted = attribution.arrays["position_classes"][image]  # (rows, columns)
    height, width = attribution.values.shape[1:]
    nearest = [_nearest_positions(attribution, "tops", -2, height), _nearest_positions(attribution, "lefts", -1, width)]
    pixels = np.array([[colors[index] for index in row] for row in predicted[np.ix_(*nearest)].tolist()])
    draw_patches(cells[0], pixels, canvas)
    _draw_class_counts(cells[1], predicted, attribution.settings.get("class_names", []), colors, inches)


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
        axes.text(0.08 / inches, y, "\u25a0", color=colors[index], fontsize=10, va="center")
        axes.text(0.28 / inches, y, f"{fitted(name, inches - 0.8, 8)}: {count}", fontsize=8, va="center")
    if len(counts) > MAX_COUNTS:
        axes.text(0.28 / inches, step / 2, f"and {len(counts) - MAX_COUNTS} more", fontsize=7, va="center")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
