"""Results as figures, and figures as files: PNG, and GIF where there are several frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from visualize._utils.atomic import atomic_file
from visualize._utils.validation import checked_path, received
from visualize.data.history import History
from visualize.data.images import read_picture
from visualize.errors import InputError
from visualize.plotting.attribution_sheet import draw_attributions, draw_in_axes
from visualize.plotting.colors import as_rgb, to_bytes
from visualize.plotting.curves import draw_curves
from visualize.plotting.figure import MAX_PIXELS, ResultFigure, default_style, file_bytes
from visualize.plotting.image_grid import can_be_narrow, columns_of, draw_tiles
from visualize.plotting.model_graph import draw_structure
from visualize.plotting.model_rows import as_rows
from visualize.plotting.style import CLIP, DEFAULT, DPI, Style
from visualize.plotting.text import make_literal
from visualize.plotting.trust_panels import draw_trust, draw_trust_narrow
from visualize.results import Attribution, Result, Structure, Tiles, Trust

GIF_SIDE = 112  # pixels: a tile is enlarged to at least this many, so that a digit can be seen
GIF_SECONDS = 4.0  # all frames of an optimization together, but for the last
GIF_LAST_SECONDS = 2.0
FILM_FRAME_SECONDS = 0.5  # one picture of a film, but
FILM_SECONDS = 12.0  # at most this for all of them
FILM_LAST_SECONDS = 2.0


def draw(
    results: Result | History | Sequence[Result],
    *,
    scale: Literal["own", "shared"] | None = None,
    clip: float = CLIP,
    overlay: bool | None = None,
    beside: bool = False,
    error: bool = False,
    colormap: str | None = None,
    size: float | None = None,
    dpi: int = DPI,
    title: bool = True,
    axes: Axes | Sequence[Axes] | None = None,
) -> Figure:
    """Draw one result, or several attributions of the same images side by side.

    Signed values have diverging colors about zero, others sequential ones from zero. Maps that are coarser than the pixels of
    a photograph lie over it, in gray, and are the more opaque the larger they are; others stand alone. A map of an image that
    was made of a photograph, `result.labeled(source)`, is drawn in the proportions and the pixels of that photograph.

    Args:
        results: an Attribution, Tiles, Structure or Trust; or Attributions of the same images, one column each; or a History.
        scale: "own" for a color scale of each map, "shared" for one scale of all maps of a method; by default what the
            results say, else "own".
        clip: percent of the pixels of a map, by magnitude, at which its colors end, so that a few pixels do not blacken the
            rest; the figure says so where it makes a difference. 100 for the largest of all.
        overlay: whether maps lie over the picture; by default those that are coarser than a picture of 64 pixels or more.
        beside: whether a map that lies over the picture is drawn bare, too, beside it.
        error: whether the standard error of each pixel is drawn beside a map that has one, `arrays["error"]`: those of
            SmoothGrad and its kin and of RISE. The largest of it, in the unit of the map, always stands above the map.
        colormap: name of a colormap of matplotlib; by default red and blue for signed values, else inferno.
        size: inches of the shorter side of each picture; by default what suits their number.
        dpi: pixels per inch.
        title: whether there are titles.
        axes: matplotlib Axes of a figure of yours to draw into, nothing else of which is changed: one for each map, those of
            the first attribution image by image, then those of the next.

    Returns:
        A matplotlib Figure, which a notebook shows and `write_png` writes; with `axes`, theirs. The same results give the
        same bytes, whatever the style of the caller is.

    Raises:
        InputError: several results that do not belong in one figure, a value out of its range, or a style of maps for a
            result that has none.
    """
    several = list(results) if isinstance(results, list | tuple) else [results]
    maps = {"scale": scale, "clip": clip, "overlay": overlay, "beside": beside, "error": error, "colormap": colormap}
    style = Style(**maps, size=size, dpi=dpi, title=title)
    if axes is not None:
        return _draw_into(several, style, [axes] if isinstance(axes, Axes) else list(np.ravel(np.asarray(axes, object))))
    return draw_styled(several, style)


def draw_styled(results: Sequence[object], style: Style) -> ResultFigure:
    """What `draw` does without axes of the user's.

    Raises:
        InputError: what `draw` raises.
    """
    with default_style():
        figure = _figure_of(results, style)
        make_literal(figure)
    width, height = figure.get_size_inches() * style.dpi
    if max(width, height) > MAX_PIXELS:
        raise InputError(f"`dpi` must be lower. Received: {style.dpi}, for a figure of {width:,.0f} x {height:,.0f} pixels.")
    figure.set_dpi(style.dpi)
    return figure


def draw_narrow(results: Sequence[object]) -> ResultFigure | None:
    """The same as `draw` in a figure of about 3.7 inches, for the screen of a phone.

    Returns:
        None where there is no such figure: for maps of several images, tables, bars and grids of many columns.
    """
    with default_style():
        match results:
            case [Tiles() as tiles] if can_be_narrow(tiles):
                figure = draw_tiles(tiles, narrow=True)
            case [Structure() as structure]:
                figure = draw_structure(structure, narrow=True)
            case [History() as history]:
                figure = draw_curves(history, narrow=True)
            case [Trust() as trust]:
                figure = draw_trust_narrow(trust)
            case [Attribution() as first, *_] if len(first.values) == 1 and first.values.ndim > 2:
                figure = draw_attributions(_checked_attributions(results), DEFAULT, narrow=True)
            case _:
                return None
        make_literal(figure)
    return figure


def write_png(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG; the same figure gives the same bytes.

    Args:
        figure: what `draw` returned, or any other matplotlib Figure.
        path: of the file, which appears whole or not at all.

    Returns:
        The path.

    Raises:
        InputError: `figure` is not a Figure, or `path` is not a path.
        OSError: the file cannot be written.
    """
    if not isinstance(figure, Figure):
        raise InputError(f"`figure` must be a Figure, as `draw` returns it. Received: {received(figure)}.")
    return write_figure_as(figure, checked_path("path", path), "png")


def write_figure_as(figure: Figure, path: Path, kind: str | None = None) -> Path:
    """Write a figure as "png", "svg" or "pdf"; by default what the name of the file says.

    Raises:
        OSError: the file cannot be written.
    """
    content = file_bytes(figure, kind or path.suffix[1:])
    with atomic_file(path) as file:
        file.write(content)
    return path


def write_gif(tiles: Tiles, path: str | Path) -> Path:
    """Write the frames of an optimization as an animation; the last frame is the result and is shown longer.

    Args:
        tiles: what `maximize(..., frames=20)` returned: its frames are (frames, tiles, height, width, channels).
        path: of the file, which appears whole or not at all.

    Returns:
        The path.

    Raises:
        InputError: `tiles` are not Tiles or have no frames, or `path` is not a path.
        OSError: the file cannot be written.
    """
    path = checked_path("path", path)
    if not isinstance(tiles, Tiles):
        raise InputError(f"`tiles` must be Tiles, as `maximize` returns them. Received: {type(tiles).__name__}.")
    if tiles.frames is None:
        raise InputError("`tiles` must have frames to make a GIF of: maximize(..., frames=20). Received: none.")
    frames = [*tiles.frames, tiles.pictures]
    scale = max(1, -(-GIF_SIDE // min(tiles.pictures.shape[1:3])))
    pictures = [
        Image.fromarray(_grid_of_tiles(frame, columns_of(tiles), tiles.settings["input_range"], scale)) for frame in frames
    ]
    milliseconds = [max(20, int(1000 * GIF_SECONDS / len(frames)))] * len(frames)
    milliseconds[-1] = round(1000 * GIF_LAST_SECONDS)
    with atomic_file(path) as file:
        pictures[0].save(file, format="GIF", save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0)
    return path


def write_film(pictures: Sequence[Path], path: Path) -> Path:
    """Write picture files as one GIF, in their order; smaller ones are padded with white.

    Args:
        pictures: paths of at least one picture file.
        path: of the GIF, which appears whole or not at all.

    Returns:
        The path.

    Raises:
        OSError: a picture cannot be read, or the file cannot be written.
    """
    size = _largest_size(pictures)
    milliseconds = [round(1000 * min(FILM_FRAME_SECONDS, FILM_SECONDS / len(pictures)))] * len(pictures)
    milliseconds[-1] = round(1000 * FILM_LAST_SECONDS)
    first, *others = pictures
    frames = (_padded(picture, size) for picture in others)  # read one at a time: there may be hundreds
    with atomic_file(path) as file:
        _padded(first, size).save(file, format="GIF", save_all=True, append_images=frames, duration=milliseconds, loop=0)
    return path


def _draw_into(results: Sequence[object], style: Style, axes: Sequence[object]) -> Figure:
    """Draw attributions into axes of the user's."""
    attributions = _checked_attributions(results)
    style.check_images(len(attributions[0].values))
    unused = sorted({"beside", "dpi", "error", "size"} & set(style.changes))
    if unused:
        raise InputError(f"`{unused[0]}` must be left out: it is for a figure of its own. Received: it, and `axes`.")
    own = [each for each in axes if isinstance(each, Axes)]
    if not own or len(own) < len(axes):
        raise InputError(f"`axes` must be matplotlib Axes, or a list of them. Received: {received(axes)}.")
    draw_in_axes(attributions, style, own)
    return own[0].figure  # pyright: ignore[reportReturnType]


def _figure_of(results: Sequence[object], style: Style) -> ResultFigure:
    if len(results) == 1 and isinstance(results[0], Tiles | Structure | Trust | History):
        unused = sorted(set(style.changes) - {"dpi"})
        if unused:
            kind = type(results[0]).__name__
            raise InputError(f"`{unused[0]}` must be left out: it is for maps, an Attribution. Received: a {kind}.")
        match results[0]:
            case Tiles() as tiles:
                return draw_tiles(tiles)
            case Structure() as structure:
                return draw_structure(structure)
            case Trust() as trust:
                return draw_trust(trust)
            case History() as history:
                return draw_curves(history)
    attributions = _checked_attributions(results)
    style.check_images(len(attributions[0].values))
    return draw_attributions(attributions, style)


def _checked_attributions(results: Sequence[object]) -> list[Attribution]:
    """Attributions of the same images.

    Raises:
        InputError: they are something else.
    """
    attributions = [result for result in results if isinstance(result, Attribution)]
    if not attributions or len(attributions) < len(results):
        kinds = [type(result).__name__ for result in results]
        raise InputError(f"`results` must be one result, or attributions of the same images. Received: {kinds}.")
    attributions = as_rows(attributions)
    if any(not np.array_equal(attribution.images, attributions[0].images) for attribution in attributions[1:]):
        raise InputError("`results` must be attributions of the same images. Received: attributions of different ones.")
    return attributions


def _grid_of_tiles(pictures: np.ndarray, columns: int, input_range: Sequence[float], scale: int) -> np.ndarray:
    """Tiles, (tiles, height, width, channels), in rows of `columns`, enlarged: (height, width, 3) uint8."""
    colored = to_bytes(as_rgb(pictures, input_range)).repeat(scale, axis=1).repeat(scale, axis=2)
    missing = -len(colored) % columns
    colored = np.pad(colored, ((0, missing), (2, 2), (2, 2), (0, 0)), constant_values=255)
    rows = colored.reshape(-1, columns, *colored.shape[1:])  # (rows, columns, height, width, 3)
    return rows.transpose(0, 2, 1, 3, 4).reshape(rows.shape[0] * rows.shape[2], -1, 3)


def _largest_size(pictures: Sequence[Path]) -> tuple[int, int]:
    """The greatest width and the greatest height of some picture files, in pixels."""
    sizes = []
    for picture in pictures:
        with Image.open(picture) as opened:
            sizes.append(opened.size)
    return max(width for width, _ in sizes), max(height for _, height in sizes)


def _padded(picture: Path, size: tuple[int, int]) -> Image.Image:
    """A picture file at the upper left of a white sheet."""
    sheet = Image.new("RGB", size, "white")
    sheet.paste(Image.fromarray(read_picture(picture, channels=3)))
    return sheet
