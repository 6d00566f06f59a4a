"""Drawing: a result becomes a figure, a figure becomes a file."""

from __future__ import annotations

import contextlib
import functools
import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context, rcdefaults
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from visualize._utils.atomic import atomic_file
from visualize._utils.validation import checked_path, received
from visualize.data.history import History
from visualize.errors import InputError
from visualize.plotting.attribution_sheet import draw_attributions
from visualize.plotting.colors import as_rgb
from visualize.plotting.curves import draw_curves
from visualize.plotting.image_grid import columns_of, draw_tiles
from visualize.plotting.model_graph import draw_structure
from visualize.plotting.text import literal
from visualize.results import Attribution, Result, Structure, Tiles

GIF_SIDE = 112  # at least so many pixels to a tile, so that a digit can be seen
GIF_SECONDS = 4.0  # for the whole ascent


def draw(results: Result | History | Sequence[Result]) -> Figure:
    """Draw one result, or several attributions of the same images side by side.

    Args:
        results: an Attribution, Tiles or Structure; or Attributions of the same images, one column each; or a History.

    Returns:
        A matplotlib Figure, which a notebook shows and `write_png` writes.

    Raises:
        InputError: several results that do not belong in one figure.
    """
    with _own_style():
        figure = literal(_drawn(list(results) if isinstance(results, list | tuple) else [results]))
    figure._repr_png_ = functools.partial(_png, figure)  # IPython shows a figure without pyplot by this name only
    return figure


def write_png(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG; the same figure gives the same bytes.

    Args:
        figure: what `draw` returned, or any figure of matplotlib.
        path: of the file, which appears whole or not at all.

    Returns:
        The path.

    Raises:
        InputError: `figure` is no figure, or `path` no path.
        OSError: the file cannot be written.
    """
    if not isinstance(figure, Figure):
        raise InputError(f"`figure` must be a Figure, as `draw` returns it. Received: {received(figure)}.")
    path, content = checked_path("path", path), _png(figure)
    with atomic_file(path) as file:
        file.write(content)
    return path


def write_gif(tiles: Tiles, path: str | Path) -> Path:
    """Write the frames of an ascent as an animation, all tiles side by side; the last frame is the result and stays longer.

    Args:
        tiles: what `maximize` returned when it was asked for frames.
        path: of the file, which appears whole or not at all.

    Returns:
        The path.

    Raises:
        InputError: the tiles have no frames.
    """
    path = checked_path("path", path)
    if not isinstance(tiles, Tiles):
        raise InputError(f"`tiles` must be Tiles, as `maximize` returns them. Received: {type(tiles).__name__}.")
    if tiles.frames is None:
        raise InputError("`tiles` must have frames to make a GIF of: maximize(..., frames=20). Received: none.")
    frames = [*tiles.frames, tiles.pictures]
    scale = max(1, -(-GIF_SIDE // min(tiles.pictures.shape[1:3])))
    pictures = [Image.fromarray(_sheet(frame, columns_of(tiles), tiles.settings["input_range"], scale)) for frame in frames]
    duration = [max(20, int(1000 * GIF_SECONDS / len(frames)))] * len(frames)
    duration[-1] = 2000
    with atomic_file(path) as file:
        pictures[0].save(file, format="GIF", save_all=True, append_images=pictures[1:], duration=duration, loop=0)
    return path


@contextlib.contextmanager
def _own_style() -> Iterator[None]:
    """Matplotlib's defaults for a while: the reader's style must neither turn a picture upside down nor change its bytes."""
    with rc_context():
        rcdefaults()
        yield


def _drawn(several: list[Any]) -> Figure:
    if len(several) == 1 and isinstance(several[0], Tiles):
        return draw_tiles(several[0])
    if len(several) == 1 and isinstance(several[0], Structure):
        return draw_structure(several[0])
    if len(several) == 1 and isinstance(several[0], History):
        return draw_curves(several[0])
    if not several or not all(isinstance(one, Attribution) for one in several):
        kinds = [type(one).__name__ for one in several]
        raise InputError(f"`results` must be one result, or attributions of the same images. Received: {kinds}.")
    if any(not np.array_equal(one.images, several[0].images) for one in several[1:]):
        raise InputError("`results` must be attributions of the same images. Received: attributions of different ones.")
    return draw_attributions(several)


def _png(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)
    content = io.BytesIO()
    with _own_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # no font of this machine has the letter: a box stands for it
        figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def _sheet(pictures: np.ndarray, columns: int, input_range: Sequence[float], scale: int) -> np.ndarray:
    """Tiles in rows, as bytes: (height, width, 3) uint8."""
    colored = as_rgb(pictures, input_range)  # (tiles, height, width, 3) in 0..1
    colored = (255 * colored).round().astype("uint8").repeat(scale, axis=1).repeat(scale, axis=2)
    missing = -len(colored) % columns
    colored = np.pad(colored, ((0, missing), (2, 2), (2, 2), (0, 0)), constant_values=255)
    rows = colored.reshape(-1, columns, *colored.shape[1:])
    return rows.transpose(0, 2, 1, 3, 4).reshape(rows.shape[0] * rows.shape[2], -1, 3)
