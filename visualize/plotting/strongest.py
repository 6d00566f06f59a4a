"""Which of many tiles a figure draws: the strongest ones, by a measure that is stated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from visualize.results import Tiles

MOST_TILES = 64  # that can be told apart at a legible size; also rows or columns of a grid
MOST_LINES = 128  # rows or columns of a table
MOST_UNITS = 20  # bars
MOST_CLASSES = 10  # bars, of more classes than that many units
MAX_STRIP = 256  # units that are drawn as a strip of colors, without bars
MEASURES = {"features": "largest mean |activation|", "filters": "largest norm"}


@dataclass(frozen=True, eq=False)
class Drawn:
    """The part of a result that its figure draws.

    Attributes:
        tiles: as they are drawn; those of a table with fewer rows and columns.
        rows, columns: the numbers of the drawn tiles, or those of the rows and columns of a grid, a table or of bars.
        left_out: a sentence on what is left out; "" where nothing is.
    """

    tiles: Tiles
    rows: np.ndarray
    columns: np.ndarray
    left_out: str


def drawn_part(tiles: Tiles) -> Drawn:
    """The tiles that a figure draws: all of a few, else the strongest, the first of them at the upper left."""
    if tiles.display.axes:
        return _units(tiles) if has_bars(tiles) else _table(tiles)
    if tiles.display.columns is not None:
        return _grid(tiles, tiles.display.columns)
    return _list(tiles)


def has_bars(tiles: Tiles) -> bool:
    """Whether units are drawn as bars: the scores of the model, and others if they are too many for a strip of colors."""
    if tiles.method != "features" or not tiles.display.axes or tiles.pictures.shape[1] != 1:
        return False
    return tiles.settings.class_names is not None or tiles.display.most is not None or tiles.pictures.shape[2] > MAX_STRIP


def _list(tiles: Tiles) -> Drawn:
    """Of separate tiles."""
    count, none = len(tiles.pictures), np.arange(0)
    most = tiles.display.most or MOST_TILES
    if tiles.method not in MEASURES:  # inputs that were asked for by name: the first of them
        keep = np.arange(min(count, MOST_TILES**2))
        left_out = f"the first {len(keep):,} of {count:,}" if len(keep) < count else ""
    else:
        keep = _strongest(_strength(tiles, tiles.pictures, axis=(1, 2, 3)), most)
        left_out = _left_out(tiles, [(len(keep), count, _noun(tiles))], ", strongest first")
    return Drawn(_part(tiles, keep) if len(keep) < count else tiles, keep, none, left_out)


def _grid(tiles: Tiles, columns: int) -> Drawn:
    """Of a grid with one row per filter and one column per channel, or of a volume one per channel and one per slice."""
    most = tiles.display.most or MOST_TILES
    rows = -(-len(tiles.pictures) // columns)
    if rows * columns != len(tiles.pictures):  # a number of columns that says nothing of the tiles
        return _list(tiles)
    grid = tiles.pictures.reshape(rows, columns, *tiles.pictures.shape[1:])
    keep = _strongest(_strength(tiles, grid, axis=(1, 2, 3, 4)), most)
    if tiles.method == "filters":
        across = _strongest(_strength(tiles, grid, axis=(0, 2, 3, 4)), most)
        names = ("filters", "channels")
    else:
        across, names = np.arange(min(columns, MOST_TILES)), ("channels", "slices")
    if len(keep) == rows and len(across) == columns:
        return Drawn(tiles, keep, across, "")
    left_out = _left_out(tiles, [(len(keep), rows, names[0]), (len(across), columns, names[1])])
    part = _part(tiles, (keep[:, None] * columns + across).ravel())
    return Drawn(replace(part, display=replace(part.display, columns=len(across))), keep, across, left_out)


def _table(tiles: Tiles) -> Drawn:
    """Of one tile that is a table; its rows and columns stay in their order."""
    most = tiles.display.most or MOST_LINES
    (table,) = tiles.pictures  # (rows, columns, 1)
    row_name, column_name = tiles.display.axes
    units = column_name == "unit"
    rows = np.sort(_strongest(_strength(tiles, table, axis=(1, 2)), most))
    columns = np.arange(table.shape[1])
    if tiles.method == "filters":
        columns = np.sort(_strongest(_strength(tiles, table, axis=(0, 2)), most))
    counts = [(len(columns), table.shape[1], f"{column_name}s"), (len(rows), table.shape[0], f"{row_name}s")]
    left_out = "" if units else _left_out(tiles, counts)
    return Drawn(replace(tiles, pictures=table[rows][:, columns][None]), rows, columns, left_out)


def _units(tiles: Tiles) -> Drawn:
    """Of units as bars: of scores the highest, of others those that are strongest either way."""
    values, names = tiles.pictures[0, 0, :, 0], tiles.settings.class_names
    most = tiles.display.most or (MOST_CLASSES if names and len(values) > MOST_UNITS else MOST_UNITS)
    keep = _strongest(_finite(values) if names else np.abs(_finite(values)), most)
    noun, measure = ("classes", "highest score") if names else ("units", "largest |activation|")
    left_out = f"the {len(keep):,} of {len(values):,} {noun} with the {measure}" if len(keep) < len(values) else ""
    return Drawn(tiles, np.arange(1), keep, left_out)


def _strength(tiles: Tiles, values: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
    """How strong each part is: the mean of |activation| of features, the norm of kernels."""
    magnitudes = np.abs(_finite(values).astype("float64"))
    return magnitudes.mean(axis=axis) if tiles.method == "features" else np.sqrt((magnitudes**2).sum(axis=axis))


def _strongest(strengths: np.ndarray, most: int) -> np.ndarray:
    """The numbers of the strongest parts, the strongest first; all in their order if they are at most that many."""
    if len(strengths) <= most:
        return np.arange(len(strengths))
    return np.argsort(-strengths, kind="stable")[:most]


def _finite(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, nan=0.0)


def _part(tiles: Tiles, keep: np.ndarray) -> Tiles:
    return replace(tiles, pictures=tiles.pictures[keep], captions=tuple(tiles.captions[index] for index in keep))


def _noun(tiles: Tiles) -> str:
    return "channels" if tiles.method == "features" else "filters"


def _left_out(tiles: Tiles, counts: Sequence[tuple[int, int, str]], order: str = "") -> str:
    """The sentence: "the 64 of 128 filters and 32 of 256 channels with the largest norm"; what is all there is not named."""
    cut = [f"{kept:,} of {count:,} {name}" for kept, count, name in counts if kept < count]
    return f"the {' and '.join(cut)} with the {MEASURES[tiles.method]}{order}" if cut else ""
