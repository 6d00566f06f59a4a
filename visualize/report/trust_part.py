"""The part of a report on trust: which of the methods to believe for its images, or none."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from visualize.data.loading import Source
from visualize.errors import InputError
from visualize.metrics.trust import trust
from visualize.plotting.export import DEFAULT_DRAWING, plain_name
from visualize.plotting.style import Drawing
from visualize.report.alt_text import trust_text
from visualize.report.command_text import trust_command
from visualize.report.explained_images import ExplainedImage
from visualize.report.figure_files import Figure, Note, narrow_jpeg, write_figure
from visualize.report.figures import Progress, ReportRun, WrittenFigure, refused_methods
from visualize.report.methods import method
from visualize.report.page import Part, Picture, Table
from visualize.report.request import Options, ReportRequest, Targets
from visualize.results import Trust

if TYPE_CHECKING:
    from pathlib import Path

    import keras

ANCHOR = "measured-trust"
VERDICTS = {True: "Believed", False: "Not believed", None: "Not decided"}
MEASURED = ("input_name", "batch_size", "precision", "steps", "samples", "seed")  # options of `visualize.trust`
DASH = "\u2013"  # where nothing was measured


def trust_part(run: ReportRun, images: Sequence[ExplainedImage]) -> tuple[Part, list[Path]]:
    """The part on trust with the files of its figure; of methods that the model does not allow, a sentence on each.

    Args:
        run: the report, of at least six images.
        images: all that are explained.
    """
    title = "Which of the methods to believe, measured on these images"
    figure, missing = _measured(run, images)
    if figure is None:
        return Part(ANCHOR, title, missing=missing), []
    (result,) = figure.results
    missing += tuple(f"No {name}. {reason}" for name, reason in result.settings["left_out"].items())
    picture = Picture(
        figure.paths[0], "What was measured of each method", trust_text(result), figure.command, narrow_jpeg(figure.results)
    )
    verdicts = tuple((row["name"], _verdict(row)) for row in result.rows if not row["baseline"])
    part = Part(ANCHOR, title, (result.answer,), verdicts, (), (picture,), (_table(result),), missing)
    return part, figure.paths


def write_trust(
    model: keras.Model,
    source: Source,
    target: Targets,
    out: Path,
    options: Options,
    drawing: Drawing = DEFAULT_DRAWING,
    *,
    note: Note,
    progress: Progress,
) -> tuple[Trust, list[Path]]:
    """Measure how far methods can be believed, and write the figure of it.

    Args:
        model: Keras model.
        source: the images.
        target: class to explain; one for all images or one per image.
        out: folder to write to; the numbers of each finished method are kept there.
        options: of the command `trust`, those that were left to choose left out.
        drawing: how the figure is drawn.
        note: is called with each note to the user.
        progress: a context for the computation of each method.

    Returns:
        What was measured, and the paths of the files.

    Raises:
        InputError: a method that was named, or every method, cannot be applied.
    """
    methods = [method(name) for name in options.get("method", ())] or None
    measured = {name: options[name] for name in MEASURED if name in options}
    started = time.monotonic()
    result = trust(model, source.images, target, methods=methods, out=out, progress=progress, **measured)
    seconds = time.monotonic() - started
    for name, reason in result.settings["left_out"].items():
        note(f"no {name}. {reason}")
    figure = Figure([result], plain_name(source.sheet))
    return result, write_figure(figure, "trust", model, out, options, seconds, drawing, note=note, range_noted=True)


def _measured(run: ReportRun, images: Sequence[ExplainedImage]) -> tuple[WrittenFigure[Trust] | None, tuple[str, ...]]:
    """The figure of the methods that the model allows, and a sentence on each of the others."""
    request = run.request
    try:
        return _draw(run, request), ()
    except InputError as error:
        reasons = refused_methods(run, images[0].request)
        missing = tuple(run.missing(name, reason) for name, reason in reasons.items()) or (run.missing("trust", error),)
    allowed = tuple(name for name in request.methods if name not in reasons)
    if not allowed or not reasons:
        return None, missing
    return _draw(run, replace(request, methods=allowed)), missing


def _draw(run: ReportRun, request: ReportRequest) -> WrittenFigure[Trust]:
    source = run.load_images(request)
    with run.classes_named(source):
        result, paths = write_trust(
            run.model,
            source,
            request.target(source),
            request.out,
            request.trust_options,
            note=run.note,
            progress=run.progress,
        )
    return WrittenFigure([result], paths, trust_command(request))


def _verdict(row: Mapping[str, Any]) -> str:
    """Whether a method is believed, and its sentence without its name, which stands beside it."""
    sentence = row["sentence"].removeprefix(f"{row['name']}: ")
    return f"{VERDICTS[row['believed']]}. {sentence[:1].upper()}{sentence[1:]}"


def _table(result: Trust) -> Table:
    """Each measure of each method and baseline, with its 95 % interval."""
    columns = [column for column in result.columns if any(column["name"] in row["measures"] for row in result.rows)]
    arrows = {"low": " (low is better)", "high": " (high is better)", "": ""}
    titles = [column["title"].replace("\n", " ") + arrows[column["better"]] for column in columns]
    rows = tuple((row["name"], *(_cell(row["measures"].get(column["name"])) for column in columns)) for row in result.rows)
    caption = f"What was measured, in numbers: means over {result.settings['images']} images, with 95 % intervals"
    numbers = tuple(range(1, len(columns) + 1))
    return Table(caption, ("method", *titles), rows, numbers, loose=True, folded=True)


def _cell(measure: Mapping[str, Any] | None) -> str:
    if measure is None:
        return DASH
    mean = f"{measure['mean']:.2g}"
    return mean if measure["low"] is None else f"{mean} ({measure['low']:.2g} to {measure['high']:.2g})"
