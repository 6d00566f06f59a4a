"""From the results of a command to the files of its figures: what belongs together, file names, and notes to the user."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from visualize.data.history import History
from visualize.data.loading import Source
from visualize.models.input_range import range_of
from visualize.models.layers import listed
from visualize.plotting import export
from visualize.plotting.figure import png_bytes
from visualize.plotting.render import draw_narrow
from visualize.plotting.style import Drawing
from visualize.report.request import Options
from visualize.results import Attribution, Result, Structure, Tiles, Trust

if TYPE_CHECKING:
    import keras

NARROW_WIDTH, NARROW_QUALITY = 720, 85  # two pixels for each of the page of a phone, and the quality of a JPEG

Note = Callable[[str], None]  # receives one sentence for the user


@dataclass(frozen=True, eq=False)
class Figure:
    """The results that belong in one figure.

    Attributes:
        results: one per column.
        picture: plain name of what it shows; "" where that is the model.
    """

    results: Sequence[Result]
    picture: str = ""


def figures_of(
    results: Sequence[Result | list[Tiles]], model: keras.Model, source: Source | None, *, as_sheet: bool
) -> Iterator[Figure]:
    """The results of a command, sorted into figures.

    Args:
        results: one per column of a figure; a method that returns Tiles for each image has one list of them.
        model: Keras model.
        source: the images, for a command that takes any.
        as_sheet: whether all images are in one figure, one row per image.
    """
    ranged = [_with_input_range(result, model) for result in results]
    if source is None:
        yield Figure([result for result in ranged if not isinstance(result, list)])
    elif isinstance(ranged[0], list):  # Tiles for each image
        for tiles, name in zip(ranged[0], unique_names(source.names), strict=True):
            yield Figure([tiles], name)
    else:
        columns = [each.labeled(source) for each in ranged if isinstance(each, Attribution)]
        if as_sheet and len(source.names) > 1:
            yield Figure(columns, source.sheet)
        else:
            for index, name in enumerate(unique_names(source.names)):
                yield Figure([column.of(index) for column in columns], name)


def write_figure(
    figure: Figure,
    command: str,
    model: keras.Model,
    folder: Path,
    options: Options,
    seconds: float,
    drawing: Drawing = export.DEFAULT_DRAWING,
    *,
    note: Note,
    range_noted: bool,
) -> list[Path]:
    """Write the files of a figure, and note what the user should know about its results.

    Args:
        figure: its results.
        command: name of the command that computed them.
        model: Keras model.
        folder: where to write; created if it does not exist.
        options: of the command, by name, as they were given.
        seconds: how long the computation took.
        drawing: how the figure is drawn.
        note: is called with each note.
        range_noted: whether an assumed input range has been noted, as it is when images are loaded.

    Returns:
        The paths of the files, the picture first.
    """
    for text in (
        *remarks_on(figure.results),
        *_notes_on_maps(figure.results),
        *_notes_on_maximized(figure.results, range_noted),
    ):
        note(text)
    stem = figure_stem(command, options, figure.picture)
    return export.write(figure.results, folder, stem, model, _plain(options), seconds, drawing)


def narrow_jpeg(results: Sequence[Result | History]) -> bytes:
    """The figure of these results for the screen of a phone; nothing where it cannot be drawn narrow.

    JPEG: beside the figure itself it is for reading on the way, and takes a quarter of the room of a PNG.
    """
    figure = draw_narrow(results)
    if figure is None:
        return b""
    figure.set_dpi(2 * figure.dpi)  # more than are kept: tiles and letters stay sharp
    content = io.BytesIO()
    with Image.open(io.BytesIO(png_bytes(figure))) as picture:
        height = round(picture.height * NARROW_WIDTH / picture.width)
        reduced = picture.convert("RGB").resize((NARROW_WIDTH, height), Image.Resampling.LANCZOS)
    reduced.save(content, format="JPEG", quality=NARROW_QUALITY, subsampling=0)
    return content.getvalue()


def remarks_on(results: Sequence[Result]) -> dict[str, list[str]]:
    """What a reader must know of some results: each sentence once, with the methods to which it applies."""
    methods: dict[str, list[str]] = {}
    for result in results:
        for remark in result.settings.get("remarks") or ():
            methods.setdefault(remark, []).append(result.method)
    return methods


def figure_stem(command: str, options: Options, picture: str = "") -> str:
    """The name of a figure's files: the command, what was chosen by hand, the picture; "gradcam-conv_2-target-3-cat".

    Args:
        command: its name.
        options: those that were given, by name.
        picture: the plain name of the picture or sheet; "" for a figure without one.
    """
    modifiers = options.get("modifier", ())
    return "-".join(
        [
            command,
            *(modifiers if len(modifiers) == 1 and modifiers[0] != "none" else ()),  # several are columns of one figure
            *(export.plain_name(layer.replace("/", ".")) for layer in _listed(options, "layer")),
            *(export.plain_name("whole-" + layer.replace("/", ".")) for layer in _listed(options, "whole_layer")),
            *(export.plain_name(options[name]) for name in ("input_name", "output") if name in options),
            *_joined(options, "method", ""),
            *_joined(options, "region", "region-"),
            *_joined(options, "target", "target-"),
            *_joined(options, "against", "against-"),
            *([picture] if picture else ()),
        ]
    )


def unique_names(names: Sequence[str]) -> list[str]:
    """Names for files: without the ending, and numbered if a name comes twice (`A` and `a` are one file on some systems)."""
    unique: list[str] = []
    taken: set[str] = set()
    for name in names:
        stem = export.plain_name(re.sub(r"\.\w{1,5}(?= \d+$|$)", "", name))
        numbered = (f"{stem}-{number}" for number in itertools.count(2))
        unique.append(next(choice for choice in itertools.chain([stem], numbered) if choice.casefold() not in taken))
        taken.add(unique[-1].casefold())
    return unique


def _listed(options: Options, name: str) -> Sequence[str]:
    """The values of an option that is given once or several times."""
    value = options.get(name, ())
    return [value] if isinstance(value, str) else value


def _joined(options: Options, name: str, prefix: str) -> list[str]:
    """One part of a file's name that has all values of an option; none where it was not given."""
    values = _listed(options, name)
    return [export.plain_name(prefix + "-".join(map(str, values)))] if values else []


def _with_input_range(result: Result | list[Tiles], model: keras.Model) -> Result | list[Tiles]:
    """A result that states the input range that was assumed for it, if nothing states one."""
    if isinstance(result, list):
        return [tiles for tiles in (_with_input_range(tiles, model) for tiles in result) if isinstance(tiles, Tiles)]
    input_range, why = range_of(model)
    if not why or isinstance(result, Structure | Trust) or result.settings.input_range is not None:
        return result
    if isinstance(result, Tiles) and result.settings.filters is not None:  # kernels have no pixels
        return result
    return replace(result, settings=result.settings.with_values(input_range=list(input_range), input_range_assumed=True))


def _notes_on_maps(results: Sequence[Result]) -> Iterator[str]:
    """Which maps explain nothing."""
    for result in results:
        if not isinstance(result, Attribution):
            continue
        modifier = f" ({result.settings.modifier})" if result.settings.modifier else ""
        for values, name in zip(result.values, result.arrays["names"], strict=True):
            if not np.isfinite(values).all():
                yield f"{result.method}{modifier} of {name} holds values that are not finite numbers."
            elif values.min() == values.max():
                yield f"{result.method}{modifier} of {name} is {values.flat[0]:.3g} everywhere: it explains nothing."


def _notes_on_maximized(results: Sequence[Result], range_noted: bool) -> Iterator[str]:
    """What was assumed for maximized inputs, and for which units there is none."""
    for result in results:
        if not isinstance(result, Tiles) or result.method != "maximize":
            continue
        settings = result.settings
        if settings.input_range_assumed and settings.input_range is not None and not range_noted:
            low, high = settings.input_range
            yield f"input range {low:g} to {high:g} assumed; a card or --input-range LOW HIGH settles it."
        if settings.held is not None and "zeros" in settings.held.values():
            yield f"held at zero: {listed(list(settings.held))}."
        if settings.still:
            yield f"no input was found that these units respond to: {listed(settings.still)}."


def _plain(options: Options) -> Options:
    """The options as JSON has them."""
    return {
        name: [str(each) if isinstance(each, Path) else each for each in value] if isinstance(value, tuple | list) else value
        for name, value in options.items()
    }
