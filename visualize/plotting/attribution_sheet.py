"""Attributions as a sheet: one row an image, the picture first, then one column a map."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from visualize.plotting.colors import Scale, as_rgb, scale_of
from visualize.plotting.lines import draw_line
from visualize.plotting.sizes import empty_figure
from visualize.plotting.slices import sliced
from visualize.plotting.text import fitted
from visualize.results import Attribution

DPI = 120
GAP = 0.14  # inches between cells
LINE = 0.16  # inches: the height of a line of text
FOOTER = 0.62  # inches below the last row: color bars
LINE_ASPECT = 2.5  # width of a sequence's cell over its height
MOST_COLUMNS = 4  # side by side where there is one image: more go below, so that a page or a phone can show them
MOST_COUNTS = 6  # predicted classes that are listed beside an occlusion map


def draw_attributions(attributions: Sequence[Attribution]) -> Figure:
    """One row an image: the picture, then each attribution, every map on its own scale, whose end stands above it.

    Attributions whose settings say so have one scale for all of their maps. A volume is shown by one of its slices, a sequence
    by its line. The many maps of one image stand in rows of about the same length.
    """
    attributions, slices = sliced(attributions)
    columns = ["picture"]
    for number, one in enumerate(attributions):
        columns += [f"map {number}"]
        is_picture = one.values.ndim == 3
        columns += ["classes", "counts"] if "position_classes" in one.arrays and is_picture and len(attributions) == 1 else []
    first = attributions[0]
    count, *size = first.values.shape
    height, width = size if len(size) == 2 else (1.0, LINE_ASPECT)
    cell = 2.6 if count == 1 else 1.5 if count > 3 else 2.0  # inches of the shorter side
    unit = cell / min(height, width)
    cell_width, cell_height = min(width * unit, 3 * cell), min(height * unit, 3 * cell)
    headers = [_column_name(one, cell_width) for one in attributions]
    titles = [_title(first, row, cell_width) for row in range(count)]
    title_lines = max(text.count("\n") + 1 for text in titles) + (slices is not None)
    header_lines = max(2 if "classes" in columns else 1, *(text.count("\n") + 1 for text in headers))
    top = GAP + LINE * max(title_lines, header_lines + 1)  # a map has one line of its own below the header
    between = GAP + LINE * title_lines
    bands = math.ceil(len(columns) / MOST_COLUMNS) if count == 1 else 1
    side_by_side = math.ceil(len(columns) / bands)
    band_height = top + count * cell_height + (count - 1) * between + FOOTER
    total_width, total_height = side_by_side * (cell_width + GAP) + GAP, bands * band_height
    figure = empty_figure(max(total_width, 3.2), total_height, DPI)

    def corner(column: int) -> tuple[float, float]:
        """Left and top end of a column's first cell."""
        band, place = divmod(column, side_by_side)
        return GAP + place * (cell_width + GAP), total_height - band * band_height - top

    def axes(row: int, column: int) -> Axes:
        left, upper = corner(column)
        return _axes(figure, left, upper - cell_height - row * (cell_height + between), cell_width, cell_height)

    signed = [bool(one.settings.get("signed") or (one.values < 0).any()) for one in attributions]
    palette = _palette(first)
    is_line = len(size) == 1
    pictures = first.images if is_line else as_rgb(first.images, first.settings.get("input_range"))
    scales = [_scales(one, signed=negative) for one, negative in zip(attributions, signed, strict=True)]
    for row in range(count):
        place, where = axes(row, 0), f"\nslice {slices[row] + 1}" if slices is not None else ""
        place.set_title(titles[row] + where, fontsize=8, pad=3)
        draw_line(place, pictures[row]) if is_line else place.imshow(pictures[row], interpolation="nearest", aspect="auto")
        for number, one in enumerate(attributions):
            _map(axes(row, 1 + number), one.values[row], scales[number][row], pictures[row] if is_line else None)
        if "classes" in columns:
            _classes(axes(row, 2), axes(row, 3), first, row, palette, cell_width)
    for number, one in enumerate(attributions):
        left, upper = corner(1 + number)
        _header(figure, left + cell_width / 2, upper + 1.3 * LINE, headers[number])
        _color_bar(figure, signed[number], str(one.settings.get("unit", "")), (left, upper + top - band_height), cell_width)
    if "epoch" in first.settings:
        text = f"epoch {first.settings['epoch']}"
        figure.text(GAP / max(total_width, 3.2), 0.3 / total_height, text, fontsize=9, fontweight="bold")
    if "classes" in columns:
        for column, text in ((2, "class while\nhidden here"), (3, "positions")):
            left, upper = corner(column)
            _header(figure, left + cell_width / 2, upper + 1.3 * LINE, text)
    return figure


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place in inches, without ticks."""
    wide, high = figure.get_size_inches()
    axes = figure.add_axes((left / wide, bottom / high, width / wide, height / high))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
        spine.set_color("0.6")
    return axes


def _header(figure: Figure, x: float, y: float, text: str) -> None:
    wide, high = figure.get_size_inches()
    figure.text(x / wide, y / high, text, ha="center", va="bottom", fontsize=9, fontweight="bold")


def _scales(one: Attribution, *, signed: bool) -> list[Scale]:
    """The scale of each image's map."""
    own = [scale_of(values, signed=signed) for values in one.values]
    if one.settings.get("scale") != "shared":
        return own
    low, high = min(scale.low for scale in own), max(scale.high for scale in own if not scale.note or len(own) == 1)
    return [replace(scale, low=low, high=high) for scale in own]


def _map(axes: Axes, values: np.ndarray, scale: Scale, line: np.ndarray | None) -> None:
    extent = None if line is None else (-0.5, len(values) - 0.5, 0, 1)
    values = values[None] if line is not None else values
    colors = {"cmap": scale.colors, "vmin": scale.low, "vmax": scale.high}
    axes.imshow(values, interpolation="nearest", aspect="auto", extent=extent, **colors)
    if line is not None:
        draw_line(axes, line)
    if scale.note:
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "0.6"}
        axes.text(0.5, 0.5, scale.note, transform=axes.transAxes, ha="center", va="center", fontsize=8, bbox=box)
    else:
        end = "\u00b1" if scale.low < 0 else "max "
        axes.set_title(f"{end}{scale.high:.2g}", fontsize=8, pad=3)


def _palette(one: Attribution) -> dict[int, tuple[float, ...]]:
    """A color for each class that was chosen anywhere, the same in every row."""
    chosen = np.unique(one.arrays.get("position_classes", np.array([], int))).tolist()
    colors = colormaps["tab10" if max(chosen, default=0) < 10 else "tab20"]
    return {index: colors((index if max(chosen) < 10 else number) % colors.N) for number, index in enumerate(chosen)}


def _classes(
    map_axes: Axes, list_axes: Axes, one: Attribution, row: int, palette: dict[int, tuple[float, ...]], inches: float
) -> None:
    """The class that the model chose with the patch nearest to each pixel, and how many positions chose which."""
    chosen = one.arrays["position_classes"][row]  # (rows, columns)
    counts = Counter(chosen.ravel().tolist()).most_common()
    names = one.settings.get("class_names", [])
    rows, columns = (
        _nearest(one.settings[starts], one.settings["patch"], length)
        for starts, length in zip(("tops", "lefts"), one.values.shape[1:], strict=True)
    )
    colors = np.array([[palette[index] for index in line] for line in chosen[np.ix_(rows, columns)].tolist()])
    map_axes.imshow(colors, interpolation="nearest", aspect="auto")
    list_axes.axis("off")
    step = 1.0 / (MOST_COUNTS + 1)
    for line, (index, number) in enumerate(counts[:MOST_COUNTS]):
        name = names[index] if index < len(names) else str(index)
        y = 1.0 - (line + 0.5) * step
        list_axes.text(0.04, y, "\u25a0", color=palette[index], fontsize=10, va="center")
        list_axes.text(0.2, y, f"{fitted(name, 0.8 * inches - 0.5, 8)}: {number}", fontsize=8, va="center")
    if len(counts) > MOST_COUNTS:
        list_axes.text(0.2, step / 2, f"and {len(counts) - MOST_COUNTS} more", fontsize=7, va="center")
    list_axes.set_xlim(0, 1)
    list_axes.set_ylim(0, 1)


def _nearest(starts: Sequence[int], patch: int, length: int) -> np.ndarray:
    """For each pixel the position whose patch is centered nearest to it."""
    centers = np.array([(start + min(start + patch, length) - 1) / 2 for start in starts])
    return np.abs(np.arange(length)[:, None] - centers).argmin(axis=1)


def _title(one: Attribution, row: int, inches: float) -> str:
    """Picture, class and score of one image: what the maps of its row speak of."""
    names, index = one.settings.get("class_names", []), int(one.targets[row])
    picture = str(one.arrays["names"][row]) if "names" in one.arrays else ""
    kind = one.settings.get("score", "score")
    score = f"{kind} {one.scores[row]:.3g}"
    called = ""
    if index >= 0 and one.settings.get("classes") != 1:  # one number is no class
        called = f"unit {index}" if one.settings.get("target_layer") else _class(index, names)
        if "against" in one.arrays:
            called = f"{called} rather than {_class(int(one.arrays['against'][row]), names)}"
            score = f"{kind} higher by {one.scores[row]:.3g}"
        score += f", p {one.arrays['probability'][row]:.3f}" if "probability" in one.arrays and kind.endswith("logit") else ""
    both = f"{picture}: {called}"
    lines = [both] if picture and called and fitted(both, inches, 8) == both else [line for line in (picture, called) if line]
    return "\n".join(fitted(line, inches, 8) for line in [*lines, score])


def _class(index: int, names: Sequence[str]) -> str:
    return names[index] if index < len(names) and not names[index].isdecimal() else f"class {index}"


def _column_name(one: Attribution, inches: float) -> str:
    lines = [one.method]
    if one.method == "contrast":
        lines.append(f"of {one.settings['method']}")
    if one.settings.get("modifier"):
        lines[0] += f", {one.settings['modifier']}"
    if one.settings.get("layer"):
        layer = one.settings["layer"]
        lines.append(layer if isinstance(layer, str) else ", ".join(layer))
    if "patch" in one.settings:
        lines.append(f"patch {one.settings['patch']}, stride {one.settings['stride']}")
    return "\n".join(fitted(line, inches, 10) for line in lines)  # bold letters are wide


def _color_bar(figure: Figure, signed: bool, unit: str, corner: tuple[float, float], width: float) -> None:
    """The colors of a column, from end to end of whatever stands above each of its maps; `corner` is left and bottom."""
    axes = _axes(figure, corner[0], corner[1] + FOOTER - 0.22, width, 0.09)
    scale = scale_of(np.array([-1.0, 1.0]), signed=signed)
    axes.imshow(np.linspace(scale.low, 1, 256)[None], cmap=scale.colors, aspect="auto", extent=(scale.low, 1, 0, 1))
    ticks = {-1: "\u2212", 0: "0", 1: "+"} if signed else {0: "0", 1: "max"}
    axes.set_xticks(list(ticks), list(ticks.values()), fontsize=7)
    axes.tick_params(length=2, pad=1)
    axes.get_xticklabels()[-1].set_horizontalalignment("right")
    axes.set_xlabel(unit, fontsize=7, labelpad=1)
