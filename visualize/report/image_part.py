"""The section of a report on one image: what the model predicts, and the maps of the methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from visualize.errors import InputError
from visualize.report.alt_text import class_text, comparison_text, one_line, peak_position
from visualize.report.explained_images import ExplainedImage
from visualize.report.figure_files import narrow_jpeg, remarks_on
from visualize.report.figures import ReportRun, WrittenFigure, draw_comparison, refused_methods
from visualize.report.page import Part, Picture, Table
from visualize.report.request import ReportRequest
from visualize.results import Attribution

MAX_PREDICTIONS = 5
MAX_TABLES = 20  # of the predictions for the images of one file


def image_part(run: ReportRun, number: int, image: ExplainedImage) -> tuple[Part, WrittenFigure[Attribution] | None]:
    """The section of one image, and its figure; None where no method can be applied.

    Args:
        run: the report.
        number: of the image, from 1.
        image: what the model predicts for it.
    """
    anchor, title, tables = f"image-{number}", _title(image), _prediction_tables(image)
    figure, missing = _comparison(run, image.request)
    if figure is None:
        return Part(anchor, title, _lines(image), tables=tables, missing=missing), None
    results = figure.results
    missing += tuple(f"No {name}. {reason}" for name, reason in (results[0].settings.left_out or {}).items())
    by = ", ".join(dict.fromkeys(result.method for result in results))
    caption = f"{one_line(image.name)} by {by}"
    picture = Picture(figure.paths[0], caption, comparison_text(results), figure.command, narrow_jpeg(results))
    tables_below = _map_tables(results)
    remarks = (f"{', '.join(dict.fromkeys(names))}: {remark}" for remark, names in remarks_on(results).items())
    lines = (*_lines(image), *remarks)
    part = Part(anchor, title, lines, tables=tables, pictures=(picture,), below=tables_below, missing=missing)
    return part, figure


def _comparison(run: ReportRun, request: ReportRequest) -> tuple[WrittenFigure[Attribution] | None, tuple[str, ...]]:
    """The figure by the methods that the model allows, and a sentence on each of the others."""
    try:
        return draw_comparison(run, request), ()
    except InputError as error:
        reasons = refused_methods(run, request)
        if request.trust and not reasons:  # there are maps; why they cannot be measured is in the part on trust
            return _comparison(run, replace(request, trust=False))
        missing = tuple(run.missing(name, reason) for name, reason in reasons.items()) or (run.missing("maps", error),)
    allowed = tuple(name for name in request.methods if name not in reasons)
    if not allowed or not reasons:
        return None, missing
    return draw_comparison(run, replace(request, methods=allowed)), missing


def _title(image: ExplainedImage) -> str:
    """The name of the image, and the class that is explained."""
    name, predictions = one_line(image.name), image.predictions
    if len(image.image_names) > 1 or not predictions.has_classes:
        return name
    return f"{name}: {', '.join(class_text(target, predictions.class_names) for target in predictions.explained(0))}"


def _lines(image: ExplainedImage) -> tuple[str, ...]:
    """What is explained, and whether the model is right."""
    if len(image.image_names) > 1:
        return (f"{len(image.image_names)} images in one file.",)
    predictions = image.predictions
    names, targets = predictions.class_names, predictions.explained(0)
    if not predictions.has_classes:
        return (f"Explained: {predictions.score_text(0, targets[0])}.",)
    explained = [f"{class_text(target, names)}, {predictions.score_text(0, target)}" for target in targets]
    line = f"Explained: {'; '.join(explained)}."
    if image.label is None:
        return (line,)
    predicted = int(predictions.scores[0].argmax())
    is_right = predicted == image.label
    verdict = "and the model predicts it" if is_right else f"but the model predicts {class_text(predicted, names)}"
    return (f"Its label is {class_text(image.label, names)}, {verdict}. {line}",)


def _prediction_tables(image: ExplainedImage) -> tuple[Table, ...]:
    """The likeliest classes of each image, and the one that is explained, with their scores."""
    if not image.predictions.has_classes and len(image.image_names) == 1:  # the lines above have the only number
        return ()
    return tuple(_prediction_table(image, row) for row in range(min(len(image.image_names), MAX_TABLES)))


def _prediction_table(image: ExplainedImage, row: int) -> Table:
    predictions = image.predictions
    order = (-predictions.scores[row]).argsort(kind="stable").tolist()
    targets = predictions.explained(row)
    listed = order[:MAX_PREDICTIONS] + [index for index in order[MAX_PREDICTIONS:] if index in targets]
    cells = []
    for index in listed:
        explained = " (explained)" if index in targets else ""
        name = class_text(index, predictions.class_names) + explained if predictions.has_classes else "output"
        probability = [f"{predictions.probabilities[row, index]:.3f}"] if predictions.has_probabilities else []
        cells.append((name, *probability, f"{predictions.scores[row, index]:.4g}"))
    header = (
        "class" if predictions.has_classes else "",
        *(["probability"] if predictions.has_probabilities else []),
        predictions.kind,
    )
    more = len(order) - len(listed)
    rest = f"And {more} less likely." if more > 0 else ""
    caption = f"What the model predicts for {one_line(image.image_names[row])}"
    bars = tuple(float(predictions.probabilities[row, index]) for index in listed) if predictions.has_probabilities else ()
    return Table(caption, header, tuple(cells), (1, 2)[: len(header) - 1], rest, bars=bars)


def _map_tables(results: Sequence[Attribution]) -> tuple[Table, ...]:
    """What is in each map of one image, in numbers."""
    if len(results[0].values) > 1:
        return ()
    rows = []
    for result in results:
        layer = result.settings.layer or "\u2013"
        layer = one_line(layer if isinstance(layer, str) else ", ".join(layer))
        low, high, peak = result.values.min(), result.values.max(), peak_position(result.values[0])
        rows.append((_name_in_table(result, results), layer, f"{low:.3g}", f"{high:.3g}", peak or "\u2013"))
    header = ("method", "layer", "lowest", "highest", "highest at the")
    return (Table("What is in each map, in numbers", header, tuple(rows), (2, 3), loose=True, folded=True),)


def _name_in_table(result: Attribution, results: Sequence[Attribution]) -> str:
    """The method of a map, with the class where maps of several classes stand side by side."""
    if len({int(each.targets[0]) for each in results}) == 1:
        return result.method
    return f"{result.method}, {class_text(int(result.targets[0]), result.settings.class_names)}"
