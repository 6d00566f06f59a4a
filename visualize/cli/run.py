"""Running a command: from its options to the files of its figures."""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from visualize._utils.text import printable
from visualize.attribution.comparison import COMPARED, contrast
from visualize.attribution.cost import cost_sentence, passes, seconds_per_pass
from visualize.attribution.request import class_scores, prepare
from visualize.cli.console import busy, import_tensorflow, progress_bar, say, uncollected, warnings_as_notes
from visualize.cli.options import column_choices
from visualize.data.framing import PHOTOGRAPH_SIDE
from visualize.data.loading import Source
from visualize.errors import InputError
from visualize.models.layers import LayerFact, card_of, describe
from visualize.models.loading import open_model
from visualize.plotting import export
from visualize.plotting.style import Drawing
from visualize.report.chooser import BASELINE, COLUMNS, choices, found, number
from visualize.report.figure_files import figures_of, write_figure
from visualize.report.figures import compare_images, compare_several
from visualize.report.methods import attribution_methods, method, takes
from visualize.report.request import IMAGE_OPTIONS, Options, ReportRequest, Targets, column_targets, given, load_images
from visualize.report.trust_part import write_trust
from visualize.results import Structure
from visualize.targets import Target

if TYPE_CHECKING:
    import keras
    from rich.table import Table

GALLERY = ("summary", "filters", "features", "maximize", "occlusion", "saliency", "gradcam")


def opened_model(
    path: Path, unsafe: bool, custom_objects: Sequence[str], input_range: tuple[float, float] | None = None
) -> keras.Model:
    """The model, without TensorFlow's own messages about the machine."""
    if custom_objects:
        sys.path.append(str(Path.cwd()))  # a console script does not look there, and that is where people keep a module
    with busy("opening the model"), uncollected(), warnings_as_notes():
        import_tensorflow()
        model = open_model(path, unsafe=unsafe, custom_objects=custom_objects)
    known = card_of(model).input_range
    if known is not None and input_range is not None and tuple(known) != tuple(input_range):
        (low, high), (new_low, new_high) = known, input_range
        of_the_card = f"{low:g} to {high:g}, which the model's card says"
        note(f"--input-range {new_low:g} {new_high:g} takes the place of {of_the_card}.")
    return describe(model, input_range=input_range)


def source_of(model: keras.Model, options: Options) -> Source:
    """The images that the options name. What was assumed about them is noted, and class names of the data set are kept.

    Raises:
        InputError: images that cannot be read or do not fit the model.
    """
    chosen = {name: options[name] for name in IMAGE_OPTIONS if name in options}
    source = load_images(model, **chosen)
    for text in source.notes:
        note(f"{text}.")
    if source.class_names and not card_of(model).class_names:
        describe(model, class_names=source.class_names)
    return source


def run_method(
    name: str, model: keras.Model, out: Path, options: Options, source: Source | None, drawing: Drawing
) -> Iterator[Path]:
    """Call one method and write its figures.

    Args:
        name: of the method.
        model: what `opened_model` returned.
        out: folder to write to.
        options: of the method, and those that choose the images.
        source: the images; None if the command takes none.
        drawing: how the figures are drawn.

    Yields:
        Each path when it is written.
    """
    function, options, range_noted = method(name), given(options), source is not None
    source = source if takes(function, "images") else None
    as_sheet = "sheet" in options or "per_class" in options
    _check_scale(drawing, source, as_sheet=as_sheet)
    arguments: list[object] = [model] if source is None else [model, source.images]
    targets = [(target,) for target in _targets(options, source)] if takes(function, "target") else [()]
    started = time.monotonic()
    with progress_bar(name):
        columns = itertools.product(targets, _columns(function, options))
        results = [function(*arguments, *target, **column) for target, column in columns]
    seconds = time.monotonic() - started
    for figure in figures_of(results, model, source, as_sheet=as_sheet):
        if isinstance(figure.results[0], Structure) and sys.stderr.isatty():
            click.echo(export.table(figure.results[0]), err=True)
        yield from write_figure(figure, name, model, out, options, seconds, drawing, note=note, range_noted=range_noted)


def run_comparison(model: keras.Model, request: ReportRequest, source: Source, drawing: Drawing) -> Iterator[Path]:
    """Explain images by several methods and write one figure.

    Yields:
        Each path when it is written.
    """
    _check_scale(drawing, source, as_sheet=True)
    _say_cost(model, request, source)
    _, paths = compare_images(model, request, source, drawing, note=note, progress=progress_bar)
    yield from paths


def run_model_comparison(models: Mapping[str, Path], request: ReportRequest, drawing: Drawing) -> Iterator[Path]:
    """Explain images to several models and write one figure.

    Args:
        models: the path of each model by the name that tells it from the others.
        request: of the comparison; its model is the first.
        drawing: how the figure is drawn.

    Yields:
        Each path when it is written.
    """
    trust = request.unsafe, request.custom_objects
    opened = {name: opened_model(path, *trust, request.input_range) for name, path in models.items()}
    requests = {name: replace(request, model=path) for name, path in models.items()}
    yield from compare_several(opened, requests, drawing, note=note, progress=progress_bar)


def run_contrast(model: keras.Model, out: Path, options: Options, source: Source, drawing: Drawing) -> Iterator[Path]:
    """Explain one class rather than another by one method, and write its figures.

    Yields:
        Each path when it is written.

    Raises:
        InputError: several targets for one image.
    """
    options = given(options)
    as_sheet = "sheet" in options or "per_class" in options
    _check_scale(drawing, source, as_sheet=as_sheet)
    common = {name: options[name] for name in ("input_name", "batch_size", "precision") if name in options}
    classes = options.get("against", ())
    against = classes[0] if len(classes) == 1 else list(classes) or None
    (target, *others), function = _targets(options, source), method(options["method"])
    if others:
        raise InputError(f"`--target` must name one class for each image. Received: {len(others) + 1} for one image.")
    started = time.monotonic()
    with progress_bar("contrast"):
        result = contrast(model, source.images, target, against, method=function, **common)
    seconds = time.monotonic() - started
    for figure in figures_of([result], model, source, as_sheet=as_sheet):
        yield from write_figure(figure, "contrast", model, out, options, seconds, drawing, note=note, range_noted=True)


def run_trust(model: keras.Model, out: Path, options: Options, source: Source, drawing: Drawing) -> Iterator[Path]:
    """Measure how far methods can be believed, and write the figure of it.

    Yields:
        Each path when it is written.

    Raises:
        InputError: several targets for one image, or a method that was named cannot be applied.
    """
    options = given(options)
    (target, *others) = _targets(options, source)
    if others:
        raise InputError(f"`--target` must name one class for each image. Received: {len(others) + 1} for one image.")
    result, paths = write_trust(model, source, target, out, options, drawing, note=note, progress=progress_bar)
    for sentence in (*result.sentences, result.answer):
        say(sentence)
    yield from paths


def run_gallery(model: keras.Model, out: Path, options: Options, source: Source, drawing: Drawing) -> Iterator[Path]:
    """Write the figures of several methods, with a column for each modifier that the model allows.

    Yields:
        Each path when it is written.
    """
    _check_scale(drawing, source, as_sheet="sheet" in given(options) or "per_class" in given(options))
    if options["output"] is not None:  # a wrong name is a mistake, not a figure less
        class_scores(prepare(model, source.first().images, Target(output=options["output"]), options["input_name"]))
    for name in GALLERY:
        choices, own = column_choices(method(name)), drawing if name in attribution_methods() else drawing.without_maps
        every_column = {**options, **{option: ("none", *words) for option, words in choices.items()}}
        images = source
        if not any(takes(method(name), parameter) for parameter in ("target", "output")):
            every_column["output"] = None
        if name == "features":  # one image is enough where each gives a whole figure
            every_column, images = {**every_column, "images": options["images"][:1], "per_class": False}, source.first()
        try:
            paths = list(run_method(name, model, out, every_column, images, own))
        except InputError as error:
            paths = _without_choices(name, model, out, every_column, images, own, error)
        yield from paths


def layer_table(facts: Sequence[LayerFact]) -> Table:
    """One row per layer, for the terminal."""
    from rich.table import Table

    table = Table("layer", "class", "output", "parameters", "CAM", "kernels", "attention", box=None, header_style="bold")
    table.columns[0].no_wrap = True
    table.columns[3].justify = "right"
    for fact in facts:
        shape = " x ".join("?" if size is None else str(size) for size in fact.shape[1:])
        marks = (fact.spatial and fact.within, fact.has_kernels, fact.attention)
        name, kind = printable(fact.path), printable(fact.kind)
        table.add_row(name, kind, shape, f"{fact.parameters:,}", *("yes" if mark else "" for mark in marks))
    return table


def choices_table(by: str) -> Table:
    """One row per method, below what chance finds, for the terminal; sorted by one of the columns of numbers."""
    from rich.table import Table

    table = Table("method", "idea", "cost", "needs", *COLUMNS.values(), box=None, header_style="bold")
    table.columns[0].no_wrap = True
    for column in table.columns[4:]:
        column.justify = "right"
    chance = found(BASELINE)
    table.add_row(BASELINE, "noise: what chance finds", "", "", *(number(chance[case]) for case in COLUMNS))
    (case,) = (case for case, title in COLUMNS.items() if title == by)
    for choice in choices(case):
        table.add_row(choice.name, choice.idea, choice.cost, choice.needs, *(number(choice.found[case]) for case in COLUMNS))
    return table


def report_request(model: Path, out: Path, unsafe: bool, custom_objects: Sequence[str], options: Options) -> ReportRequest:
    """The request of `report` or `compare`, from the options of its command line."""
    options = dict(options)
    methods, targets = options.pop("method"), options.pop("target")
    trust = {"unsafe": unsafe, "custom_objects": tuple(custom_objects)}
    return ReportRequest(model, methods=methods, targets=targets, out=out, **trust, **options)


def note(sentence: str) -> None:
    """Tell the user something about what is computed or written."""
    say(f"Note: {sentence}")


def _without_choices(
    name: str, model: keras.Model, out: Path, options: Options, source: Source, drawing: Drawing, error: InputError
) -> list[Path]:
    """The files of a method that the model does not allow with every modifier: without them, and a note on what is missing."""
    choices = column_choices(method(name))
    paths = []
    if choices:
        with contextlib.suppress(InputError):
            paths = list(run_method(name, model, out, {**options, **dict.fromkeys(choices)}, source, drawing))
    note(f"no {name}{f' with a {next(iter(choices))}' if paths else ''}. {error}")
    return paths


def _say_cost(model: keras.Model, request: ReportRequest, source: Source) -> None:
    """Tell the user how long a comparison will take, if that is long."""
    images, count = source.images, len(source.names)
    if not isinstance(images, np.ndarray) or images.ndim != 4 or min(images.shape[1:3]) < PHOTOGRAPH_SIDE:
        return  # several inputs, or pictures so small that it is soon done
    methods = [method(name) for name in request.methods] or COMPARED
    maps = count if count > 1 else max(1, len(request.targets))  # several targets of one image are columns
    sentence = ""
    with busy("timing the model"), contextlib.suppress(InputError):  # what is wrong is said where it matters
        seconds = seconds_per_pass(model, images, input_name=request.input_name, output=request.output)
        sentence = cost_sentence(passes(methods, images.shape[1:3]), maps, seconds)
    if sentence:
        note(sentence)


def _check_scale(drawing: Drawing, source: Source | None, *, as_sheet: bool) -> None:
    """Refuse a scale that one image alone would share, before anything is computed.

    Raises:
        InputError: each figure is of one image.
    """
    if source is not None:
        drawing.style.check_images(len(source.names) if as_sheet else 1)


def _targets(options: Options, source: Source | None) -> list[Targets]:
    """The target of each column of a figure: with --per-class each image's own class, unless another is named."""
    in_target = ("output", "region") if source is not None else ()  # a method without images takes the output itself
    score = {name: options[name] for name in in_target if name in options}
    return column_targets(options.get("target", ()), source, own_labels="per_class" in options, **score)


def _columns(function: Callable[..., object], options: Options) -> list[Options]:
    """The keywords of a method, once for each column of a figure: for each choice that was repeated."""
    own = {name: options[name] for name in options if takes(function, name) and name not in ("images", "target")}
    repeated = {name: own.pop(name) for name in column_choices(function) if name in own}
    if isinstance(own.get("layer"), tuple) and len(own["layer"]) == 1:
        own["layer"] = own["layer"][0]
    columns = itertools.product(*([None if word == "none" else word for word in words] for words in repeated.values()))
    return [{**own, **dict(zip(repeated, column, strict=True))} for column in columns]
