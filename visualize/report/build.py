"""The report: what a model is and why it says what it says, gathered for one page."""

from __future__ import annotations

import itertools
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visualize import results
from visualize.attribution.request import class_scores as answers
from visualize.cli import commands
from visualize.cli import run as running
from visualize.cli.console import say
from visualize.data import history
from visualize.errors import InputError
from visualize.feature_visualization.request import MOST_UNITS
from visualize.models.inputs import input_shapes
from visualize.models.layers import card_of, origin_of
from visualize.plotting import draw, write_png
from visualize.plotting import export as outputs
from visualize.report import alt_text as wording
from visualize.report import model_facts as facts
from visualize.report import page
from visualize.report.alt_text import class_name, shown
from visualize.report.page import Page, Part, Picture, Table
from visualize.report.redoing import Given, argument, shell

NAME = "report.html"
MOST_IMAGES = 300  # beyond that nobody reads the page, nor is there room for its pictures
MOST_PREDICTIONS = 5
MOST_TABLES = 20  # of the answers to the images of one file


@dataclass(frozen=True, eq=False)
class Sheet:
    """One image, or one file of images for several inputs, to be explained.

    Attributes:
        name: of the image.
        label: its true class where the data set tells, or None.
        instead: what its command says instead of what the report's says.
        says: what the model answers, as `explanation.answers` has it.
        names: of the classes that it answers of; empty where nobody named them.
        images: names of the images, most often one.
    """

    name: str
    label: int | None
    instead: Mapping[str, Any]
    says: Mapping[str, Any]
    names: tuple[str, ...]
    images: tuple[str, ...]

    @property
    def one_number(self) -> bool:
        """Whether the model answers with a single number, which is no class."""
        return self.says["scores"].shape[1] == 1


def report(model: Any, values: Mapping[str, Any]) -> Iterator[Path]:
    """Draw every figure of a report as its own command would, then write the page that holds them.

    Args:
        model: what `running.opened_model` returned.
        values: every option of `report` by its name, as `options.checked` returns them.

    Yields:
        Each path when it is written, the page last.

    Raises:
        InputError: images that cannot be read, or a target that the model does not have.
    """
    given = Given(model, values, card_of(model).class_names)
    sheets = _sheets(given)  # what is asked wrongly is a mistake: nothing is drawn
    parts, images, methods = [], [], {}
    for make in (_model, _curves, _filters):
        part, paths = make(given)
        yield from paths
        parts += [part] if part else []
    part, paths = _maximized(given, sheets)
    yield from paths
    parts.append(part)
    for number, sheet in enumerate(sheets, 1):
        part, paths, drawn = _image(given, number, sheet)
        yield from paths
        images.append(part)
        methods.update(dict.fromkeys(drawn))
    told = tuple((name, commands.long_help(commands.method(name)).split("\n")[0]) for name in methods)
    count = f"{len(images)} image{'s' if len(images) > 1 else ''} explained" if images else "No image was asked about"
    lead = f"{shown(origin_of(model).path)}: what the model is, what it looks for, and why it says what it says. {count}."
    title = f"{shown(model.name)}: what it learned"
    found = Page(title, lead, tuple(parts), tuple(images), told, shell(given.words("report")), _made())
    yield page.write(found, given.out / NAME)


def _sheets(given: Given) -> list[Sheet]:
    """A sheet for each image that was named."""
    if not given.values["images"] and not given.values["data"]:
        return []
    everything = running.source_of(given.model, given.asked)
    count, wanted = len(everything.names), given.values["target"]
    if count > MOST_IMAGES:
        raise InputError(f"A report takes at most {MOST_IMAGES} images. Received: {count}.")
    if len(wanted) not in (0, 1, count):
        raise InputError(f"`target` must be one class, or one for each of the {count} images. Received: {len(wanted)}.")
    if given.values["data"]:
        lines = [{"index": str(index), "per_class": False} for index in everything.index]
    else:
        lines = list(itertools.chain.from_iterable(_of_a_file(given, path) for path in given.values["images"]))
    whole = len(lines) == 1  # one command explains everything that was named, be it several images
    chosen = [wanted] * len(lines) if len(wanted) < 2 or whole else [(one,) for one in wanted]
    if not wanted and given.values["per_class"]:
        chosen = [(str(label),) for label in everything.labels.tolist()]
    labels = [None] * len(lines) if everything.labels is None else everything.labels.tolist()
    plain = running.unique([everything.names[0]] if whole else everything.names)
    sheets = []
    for number, (line, target, label) in enumerate(zip(lines, chosen, labels, strict=True), 1):
        name = everything.names[number - 1]
        taken = plain[number - 1].casefold() != running.unique([name])[0].casefold()
        folder = {"out": given.out / f"image-{number}"} if taken else {}  # two commands must not write one file
        instead = {"target": target, **line, **folder}
        words = given.words("compare", **instead)
        source = given.source(words)
        request = running.request_of(given.model, given.parsed(words), source)
        name = name if len(source.names) == 1 else Path(line["images"][0]).name
        sheets.append(Sheet(name, label, instead, answers(request), request.class_names, source.names))
    return sheets


def _of_a_file(given: Given, path: Path) -> list[dict[str, Any]]:
    """What tells `compare` to explain each image of a file: the file, or, where it holds several, which of them."""
    source = given.source(given.words("compare", images=(path,), target=()))
    if len(source.names) == 1 or len(input_shapes(given.model)) > 1:
        return [{"images": (path,)}]
    return [{"images": (), "data": str(path), "index": str(index)} for index in range(len(source.names))]


def _model(given: Given) -> tuple[Part, list[Path]]:
    """The card, the table of layers and the diagram."""
    entries, tables = facts.of_the_card(given.model)
    missing = [] if entries or tables else ["No card stands beside the model: what its pixels and classes mean is not told."]
    pictures, paths = [], []
    try:
        words = given.words("summary")
        paths = given.draw(words)
        (structure,) = results.load(_beside(paths, ".npz"))
        tables = (*tables, facts.of_the_layers(structure))
        pictures = [Picture(paths[0], "Diagram of the layers", wording.of_structure(structure), shell(words))]
    except InputError as error:
        missing.append(_told("diagram", error))
    rows = (*facts.of_the_file(given.model), *entries)
    return Part("model", "The model", facts=rows, tables=tables, pictures=tuple(pictures), missing=tuple(missing)), paths


def _curves(given: Given) -> tuple[Part | None, list[Path]]:
    """The training curves, where the model's history stands beside it."""
    path = facts.history_of(given.model)
    if path is None:
        return None, []
    try:
        found = history.read_history(path)
    except InputError as error:
        return Part("training", "The training", missing=(_told("training curves", error),)), []
    drawn = write_png(draw(found), given.out / "training.png")
    command = shell(["curves", argument(path), "--out", str(drawn)])
    picture = Picture(drawn, "Training curves", wording.of_history(found), command)
    return Part("training", "The training", (f"As {shown(path)} has it.",), pictures=(picture,)), [drawn]


def _filters(given: Given) -> tuple[Part, list[Path]]:
    """The kernels of the first convolution."""
    words = given.words("filters")
    return _tiles(given, words, "Filters", "The weights of the first convolution.", wording.of_filters)


def _maximized(given: Given, sheets: Sequence[Sheet]) -> tuple[Part, list[Path]]:
    """An input for each class; where there are too many classes, for each that was explained."""
    classes = sheets[0].says["scores"].shape[1] if sheets else 0
    explained = sorted({int(one) for sheet in sheets for one in sheet.says["targets"]})[:MOST_UNITS]
    wanted = tuple(map(str, explained)) if classes > MOST_UNITS else ()
    words = given.words("maximize", target=wanted)
    title, whose = ("Maximized output", "An") if classes == 1 else ("Maximized classes", "For each class an")
    line = f"{whose} input that its score was made to grow on: no picture that the model saw, but what it looks for."
    return _tiles(given, words, title, line, wording.of_maximized)


def _tiles(
    given: Given, words: list[str], title: str, line: str, say_it: Callable[[results.Tiles], str]
) -> tuple[Part, list[Path]]:
    name = words[0]
    try:
        paths = given.draw(words)
    except InputError as error:
        return Part(name, title, missing=(_told(name, error),)), []
    (tiles,) = results.load(_beside(paths, ".npz"))
    return Part(name, title, (line,), pictures=(Picture(paths[0], title, say_it(tiles), shell(words)),)), paths


def _image(given: Given, number: int, sheet: Sheet) -> tuple[Part, list[Path], list[str]]:
    """One image: what the model says of it, and the maps of the methods; and which methods those are."""
    anchor, title, tables = f"image-{number}", _title(sheet), _predictions(sheet)
    words, paths, missing = _drawn_sheet(given, sheet)
    if not paths:
        return Part(anchor, title, _lines(sheet), tables=tables, missing=missing), [], []
    found = results.load(_beside(paths, ".npz"))
    missing += tuple(_told(name, reason) for name, reason in found[0].settings["left_out"].items())
    methods = [one.method for one in found]
    picture = Picture(paths[0], f"{shown(sheet.name)} by {', '.join(methods)}", wording.of_sheet(found), shell(words))
    part = Part(anchor, title, _lines(sheet), tables=tables, pictures=(picture,), below=_maps(found), missing=missing)
    return part, paths, methods


def _drawn_sheet(given: Given, sheet: Sheet) -> tuple[list[str], list[Path], tuple[str, ...]]:
    """The command of a sheet, what it wrote, and a word on each method that this model does not allow."""
    words = given.words("compare", **sheet.instead)
    try:
        return words, given.draw(words), ()
    except InputError as error:
        asked = given.parsed(words)
        reasons = running.refused(given.model, asked, given.source(words))
        missing = tuple(_told(name, reason) for name, reason in reasons.items()) or (_told("maps", error),)
        left = tuple(name for name in asked["method"] if name not in reasons)
        if not left or not reasons:
            return words, [], missing
    words = given.words("compare", **{**sheet.instead, "method": left})
    return words, given.draw(words), missing


def _title(sheet: Sheet) -> str:
    """What an image is called in the contents: its name, and the class that is explained."""
    name = shown(sheet.name)
    if len(sheet.images) > 1 or sheet.one_number:
        return name
    return f"{name}: {class_name(int(sheet.says['targets'][0]), sheet.names)}"


def _lines(sheet: Sheet) -> tuple[str, ...]:
    """What is explained, and what it is in truth."""
    if len(sheet.images) > 1:
        return (f"{len(sheet.images)} images in one file.",)
    names, chosen = sheet.names, int(sheet.says["targets"][0])
    own = int(sheet.says["scores"][0].argmax())
    if sheet.one_number:
        return (f"Explained: {_score(sheet.says, 0, chosen)}.",)
    line = f"Explained: {class_name(chosen, names)}, {_score(sheet.says, 0, chosen)}."
    if sheet.label is None:
        return (line,)
    right = "and the model says so" if own == sheet.label else f"but the model says {class_name(own, names)}"
    return (f"Its label is {class_name(sheet.label, names)}, {right}. {line}",)


def _predictions(sheet: Sheet) -> tuple[Table, ...]:
    """The likeliest classes of each image, and the one that is explained, with their scores."""
    if sheet.one_number and len(sheet.images) == 1:  # it is told above
        return ()
    names, says, tables = sheet.names, sheet.says, []
    logits = says["kind"].endswith("logit")
    for row, image in enumerate(sheet.images[:MOST_TABLES]):
        order = (-says["scores"][row]).argsort(kind="stable").tolist()
        target = int(says["targets"][row])
        best = order[:MOST_PREDICTIONS] + [one for one in order[MOST_PREDICTIONS:] if one == target]
        cells = tuple(
            (
                "output" if sheet.one_number else class_name(one, names) + (" (explained)" if one == target else ""),
                f"{says['scores'][row, one]:.4g}",
                *([f"{says['probabilities'][row, one]:.3f}"] if logits else []),
            )
            for one in best
        )
        header = ("" if sheet.one_number else "class", says["kind"], *(["probability"] if logits else []))
        more = len(order) - len(best)
        rest = f"And {more} less likely." if more > 0 else ""
        tables.append(Table(f"What the model says of {shown(image)}", header, cells, (1, 2)[: len(header) - 1], rest))
    return tuple(tables)


def _maps(found: Sequence[results.Attribution]) -> tuple[Table, ...]:
    """What is in each map of one image, in numbers."""
    if len(found[0].values) > 1:
        return ()
    rows = []
    for one in found:
        layer = one.settings.get("layer") or "\u2013"
        layer = shown(layer if isinstance(layer, str) else ", ".join(layer))
        low, high = one.values.min(), one.values.max()
        rows.append((one.method, layer, f"{low:.3g}", f"{high:.3g}", wording.place(one.values[0]) or "\u2013"))
    header = ("method", "layer", "lowest", "highest", "highest at the")
    return (Table("What is in each map", header, tuple(rows), (2, 3)),)


def _score(says: Mapping[str, Any], row: int, index: int) -> str:
    text = f"{says['kind']} {says['scores'][row, index]:.4g}"
    return f"{text}, probability {says['probabilities'][row, index]:.3f}" if says["kind"].endswith("logit") else text


def _told(what: str, reason: Any) -> str:
    """A word on what is missing: in the report, and to the person."""
    line = f"No {what}. {reason}"
    say(f"Note: {line[0].lower()}{line[1:]}")
    return line


def _beside(paths: Sequence[Path], ending: str) -> Path:
    return next(path for path in paths if path.suffix == ending)


def _made() -> str:
    versions = [f"{name} {outputs.version(name)}" for name in outputs.PACKAGES]
    return f"Made {time.strftime('%Y-%m-%d %H:%M %z')} with {', '.join(versions)}, Python {platform.python_version()}."
