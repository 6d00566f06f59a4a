"""The report: every figure drawn, and one HTML page that holds them."""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from visualize.data.history import read_history
from visualize.errors import InputError
from visualize.feature_visualization.request import MOST_UNITS
from visualize.models.layers import card_of, describe
from visualize.models.loading import open_model
from visualize.plotting import draw, write_png
from visualize.plotting.export import PACKAGES, version
from visualize.report import page
from visualize.report.alt_text import filters_text, history_text, maximized_text, one_line, structure_text
from visualize.report.command_text import curves_command, report_command
from visualize.report.explained_images import ExplainedImage, explained_images
from visualize.report.figure_files import Note, narrow_jpeg, remarks_on
from visualize.report.figures import Progress, ReportRun, draw_filters, draw_maximized, draw_summary
from visualize.report.image_part import image_part
from visualize.report.methods import summary_line
from visualize.report.model_facts import card_facts, file_facts, history_file, layer_table
from visualize.report.page import Page, Part, Picture
from visualize.report.request import ReportRequest
from visualize.report.trust_part import trust_part

if TYPE_CHECKING:
    import keras

FILE = "report.html"
OVERFITTING = "Where the training loss falls and the validation loss rises, the model learns its training data by heart."
NO_CARD = "No card stands beside the model: nothing states what its pixels and classes mean."


def _without_progress(name: str) -> AbstractContextManager[None]:
    return contextlib.nullcontext()


def build_report(
    request: ReportRequest,
    model: keras.Model | None = None,
    *,
    note: Note = lambda sentence: None,
    progress: Progress = _without_progress,
) -> Iterator[Path]:
    """Draw every figure of a report, then write the page that holds them.

    Each figure has the files that its command writes, which the page states: the command draws the picture again, byte for
    byte.

    Args:
        request: what to report: `ReportRequest(Path("model.keras"), images=(Path("cat.png"),), out=Path("report"))`.
        model: what `open_model` returned for `request.model`; by default it is opened here.
        note: is called with each note to the user, one sentence.
        progress: a context for each computation, by its name.

    Yields:
        Each path when it is written, the page last.

    Raises:
        InputError: a model or images that cannot be read, fewer than six images for `request.trust`, or a target that the
            model does not have; nothing is drawn then.
    """
    if model is None:
        model = open_model(request.model, unsafe=request.unsafe, custom_objects=request.custom_objects)
        describe(model, input_range=request.input_range)
    run = ReportRun(request, model, card_of(model).class_names, note, progress)
    images = explained_images(run)
    (request.out / FILE).unlink(missing_ok=True)  # no older page stands beside new pictures
    image_parts, methods = [], dict[str, None]()
    for number, image in enumerate(images, 1):
        part, figure = image_part(run, number, image)
        image_parts.append(part)
        if figure is not None:
            yield from figure.paths
            methods.update(dict.fromkeys(result.method for result in figure.results))
    model_parts: list[Part] = []
    trust = None
    if request.trust:
        trust, paths = trust_part(run, images)
        yield from paths
    for part, paths in _model_parts(run, images):
        yield from paths
        model_parts.append(part)
    yield page.write(_page(run, model_parts, image_parts, list(methods), trust), request.out / FILE)


def _page(
    run: ReportRun, model_parts: Sequence[Part], image_parts: Sequence[Part], methods: Sequence[str], trust: Part | None
) -> Page:
    count = len(image_parts)
    explained = f"{count} image{'s' if count > 1 else ''} explained" if count else "No image is explained"
    whole = (
        "why the model says what it says, what it is, and what it looks for" if count else "what the model is and looks for"
    )
    lead = f"{one_line(run.request.model)}: {whole}. {explained}."
    versions = [f"{name} {version(name)}" for name in PACKAGES]
    date = time.strftime("%Y-%m-%d %H:%M %z")
    return Page(
        title=f"{one_line(run.model.name)}: what it learned",
        lead=lead,
        model=tuple(model_parts),
        images=tuple(image_parts),
        methods=tuple((name, summary_line(name)) for name in methods),
        command=report_command(run.request),
        made=f"Made {date} with {', '.join(versions)}, Python {platform.python_version()}.",
        trust=trust,
    )


def _model_parts(run: ReportRun, images: Sequence[ExplainedImage]) -> Iterator[tuple[Part, list[Path]]]:
    """The sections on the model, each with the files of its figure."""
    yield _structure_part(run)
    history = history_file(run.model)
    if history is not None:
        yield _curves_part(run, history)
    yield _filters_part(run)
    yield _maximized_part(run, images)


def _structure_part(run: ReportRun) -> tuple[Part, list[Path]]:
    """The card, the table of layers and the diagram."""
    entries, tables = card_facts(run.model)
    missing = [] if entries or tables else [NO_CARD]
    pictures, paths, below = [], [], []
    try:
        figure = draw_summary(run)
        (structure,), paths = figure.results, figure.paths
        below = [layer_table(structure)]
        pictures = [
            Picture(paths[0], "Diagram of the layers", structure_text(structure), figure.command, narrow_jpeg(figure.results))
        ]
    except InputError as error:
        missing.append(run.missing("diagram", error))
    facts = (*file_facts(run.model), *entries)
    part = Part("model", "The model", (), facts, tables, tuple(pictures), tuple(below), tuple(missing))
    return part, paths


def _curves_part(run: ReportRun, path: Path) -> tuple[Part, list[Path]]:
    """The training curves, from the history that stands beside the model."""
    try:
        history = read_history(path)
    except InputError as error:
        return Part("training", "The training", missing=(run.missing("training curves", error),)), []
    drawn = write_png(draw(history), run.request.out / "training.png")
    has_validation = any(validation is not None for _, _, validation in history.pairs())
    lines = (f"One point per epoch, from {one_line(path)}.", *([OVERFITTING] if has_validation else []))
    picture = Picture(drawn, "Training curves", history_text(history), curves_command(path, drawn), narrow_jpeg([history]))
    return Part("training", "The training", lines, pictures=(picture,)), [drawn]


def _filters_part(run: ReportRun) -> tuple[Part, list[Path]]:
    """The kernels of the first convolution."""
    try:
        figure = draw_filters(run)
    except InputError as error:
        return Part("filters", "Filters", missing=(run.missing("filters", error),)), []
    picture = Picture(figure.paths[0], "Filters", filters_text(figure.results[0]), figure.command, narrow_jpeg(figure.results))
    return Part(
        "filters",
        "Filters",
        ("The weights of the first convolution: the small patterns for which it searches an image.",),
        pictures=(picture,),
    ), figure.paths


def _maximized_part(run: ReportRun, images: Sequence[ExplainedImage]) -> tuple[Part, list[Path]]:
    """An input for each class; of too many classes, for each that was explained."""
    classes = images[0].predictions.scores.shape[1] if images else 0
    explained = sorted({int(target) for image in images for target in image.predictions.targets})[:MOST_UNITS]
    targets = tuple(map(str, explained)) if classes > MOST_UNITS else ()
    of_each = "For each class that was explained an" if targets else "For each class an"
    title, whose = ("Maximized output", "An") if classes == 1 else ("Maximized classes", of_each)
    try:
        figure = draw_maximized(run, targets)
    except InputError as error:
        return Part("maximize", title, missing=(run.missing("maximize", error),)), []
    line = f"{whose} input that was optimized for a high score: not an image that the model saw, but what it looks for."
    lines = (line, *remarks_on(figure.results))
    picture = Picture(figure.paths[0], title, maximized_text(figure.results[0]), figure.command, narrow_jpeg(figure.results))
    return Part("maximize", title, lines, pictures=(picture,)), figure.paths
