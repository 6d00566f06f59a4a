"""The figures of a report: computed by the Python API and written under the names that their commands give."""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from visualize.attribution.comparison import compare, compare_models
from visualize.data.loading import Source
from visualize.errors import InputError
from visualize.feature_visualization.maximize import maximize
from visualize.inspection.filters import filters
from visualize.inspection.summary import summary
from visualize.metrics.annotation import with_faithfulness
from visualize.models.layers import card_of, describe, origin_of
from visualize.plotting.export import DEFAULT_DRAWING, plain_name
from visualize.plotting.style import Drawing
from visualize.report import command_text
from visualize.report.figure_files import Figure, Note, figures_of, write_figure
from visualize.report.methods import method
from visualize.report.request import Options, ReportRequest, given
from visualize.results import Attribution, Result, Structure, Tiles

if TYPE_CHECKING:
    import keras

R = TypeVar("R", bound=Result)
Progress = Callable[[str], AbstractContextManager[None]]  # shows the progress of a computation of this name


@dataclass(frozen=True, eq=False)
class WrittenFigure(Generic[R]):
    """A figure and its files.

    Attributes:
        results: what it shows, one per column.
        paths: of its files, the picture first.
        command: the command line that draws it again.
    """

    results: Sequence[R]
    paths: list[Path]
    command: str


@dataclass(frozen=True, eq=False)
class ReportRun:
    """A report while it is made.

    Attributes:
        request: what is reported.
        model: the open model.
        class_names: of the model's card; those of a data set count only for the figures of its images.
        note: is called with each note to the user.
        progress: a context for each computation.
    """

    request: ReportRequest
    model: keras.Model
    class_names: tuple[str, ...]
    note: Note
    progress: Progress

    def load_images(self, request: ReportRequest) -> Source:
        """The images of a request, with a note on what was assumed."""
        source = request.load_images(self.model)
        for text in source.notes:
            self.note(f"{text}.")
        return source

    def missing(self, what: str, reason: object) -> str:
        """A sentence on what cannot be drawn, for the page; it is also noted."""
        self.note(f"no {what}. {reason}")
        return f"No {what}. {reason}"

    @contextlib.contextmanager
    def classes_named(self, source: Source | None = None) -> Iterator[None]:
        """Name the classes as the card does or, without a card, as a data set does, and as before afterwards."""
        before = card_of(self.model).class_names
        names = self.class_names or (() if source is None else source.class_names)
        describe(self.model, class_names=names)
        try:
            yield
        finally:
            describe(self.model, class_names=before)


def draw_summary(run: ReportRun) -> WrittenFigure[Structure]:
    """The diagram of the layers.

    Raises:
        InputError: the model cannot be summarized.
    """
    return _draw(run, "summary", summary, {}, command_text.summary_command(run.request))


def draw_filters(run: ReportRun) -> WrittenFigure[Tiles]:
    """The kernels of the first convolution.

    Raises:
        InputError: there is none.
    """
    return _draw(run, "filters", filters, {}, command_text.filters_command(run.request))


def draw_maximized(run: ReportRun, targets: Sequence[str]) -> WrittenFigure[Tiles]:
    """An input for each of some classes, or for every class.

    Raises:
        InputError: they cannot be maximized.
    """
    request = run.request
    options = {
        "target": tuple(targets),
        "output": request.output,
        "input_name": request.input_name,
        "batch_size": request.batch_size,
        "input_range": request.input_range,
    }
    return _draw(run, "maximize", maximize, given(options), command_text.maximize_command(request, targets))


def draw_comparison(run: ReportRun, request: ReportRequest) -> WrittenFigure[Attribution]:
    """The images of a request by several methods.

    Raises:
        InputError: a method that was named, or every method, cannot be applied.
    """
    source = run.load_images(request)
    with run.classes_named(source):
        results, paths = compare_images(run.model, request, source, note=run.note, progress=run.progress)
    return WrittenFigure(results, paths, command_text.compare_command(request))


def compare_images(
    model: keras.Model,
    request: ReportRequest,
    source: Source,
    drawing: Drawing = DEFAULT_DRAWING,
    *,
    note: Note,
    progress: Progress,
) -> tuple[list[Attribution], list[Path]]:
    """Explain images by several methods and write the figure of it: one row per image, one column per method.

    Args:
        model: Keras model.
        request: the methods, the targets and the folder.
        source: the images that it names.
        drawing: how the figure is drawn.
        note: is called with each note to the user.
        progress: a context for the computation.

    Returns:
        The results, and the paths of the files.

    Raises:
        InputError: a method that was named, or every method, cannot be applied.
    """
    methods = [method(name) for name in request.methods] or None
    started = time.monotonic()
    with progress("compare"):
        results = [
            result
            for target in request.column_targets(source)
            for result in _measured(
                model,
                compare(model, source.images, target, methods=methods, **request.common_options),
                source.images,
                target,
                trust=request.trust,
            )
        ]
    seconds = time.monotonic() - started
    for name, reason in (results[0].settings.left_out or {}).items():
        note(f"no {name}. {reason}")
    (figure,) = figures_of(results, model, source, as_sheet=True)
    options = request.comparison_options
    paths = write_figure(figure, "compare", model, request.out, options, seconds, drawing, note=note, range_noted=True)
    return [result for result in figure.results if isinstance(result, Attribution)], paths


def compare_several(
    models: Mapping[str, keras.Model],
    requests: Mapping[str, ReportRequest],
    drawing: Drawing = DEFAULT_DRAWING,
    *,
    note: Note,
    progress: Progress,
) -> list[Path]:
    """Explain the same pictures to several models and write the figure of it: one row per picture and model.

    Args:
        models: Keras models by the names that tell them apart.
        requests: of each model; they differ in the model alone.
        drawing: how the figure is drawn.
        note: is called with each note to the user.
        progress: a context for the computation.

    Returns:
        The paths of the files.

    Raises:
        InputError: images that cannot be read, or a method that was named cannot be applied.
    """
    request, sources = next(iter(requests.values())), {}
    for name, model in models.items():
        sources[name] = requests[name].load_images(model)
        for text in sources[name].notes:
            note(f"{name}: {text}.")
        if sources[name].class_names and not card_of(model).class_names:
            describe(model, class_names=sources[name].class_names)
    if len(request.targets) > 1 and len(next(iter(sources.values())).names) != len(request.targets):
        raise InputError(f"`--target` must be one class, or one per picture. Received: {len(request.targets)}.")
    methods = [method(name) for name in request.methods] or None
    started = time.monotonic()
    with progress("compare"):
        images = {name: source.images for name, source in sources.items()}
        target = request.target(next(iter(sources.values())))
        results = compare_models(models, images, target, methods=methods, **request.common_options)
        results = [
            each
            for name, model in models.items()
            for each in _measured(
                model, [own for own in results if own.settings.model == name], images[name], target, trust=request.trust
            )
        ]
    seconds = time.monotonic() - started
    for name, reason in (results[0].settings.left_out or {}).items():
        note(f"no {name}. {reason}")
    columns, picture = [], ""
    for name, model in models.items():
        own = [_with_file(each, model) for each in results if each.settings.model == name]
        (figure,) = figures_of(own, model, sources[name], as_sheet=True)
        columns, picture = [*columns, *figure.results], figure.picture
    options = {**request.comparison_options, "models": [str(each.model) for each in requests.values()]}
    command, first = "compare-" + "-".join(map(plain_name, models)), next(iter(models.values()))
    figure = Figure(columns, picture)
    return write_figure(figure, command, first, request.out, options, seconds, drawing, note=note, range_noted=True)


def _measured(
    model: keras.Model, results: Sequence[Attribution], images: Any, target: Any, *, trust: bool
) -> Sequence[Attribution]:
    """The results, with the deletion and insertion of each map where they are to be trusted or not."""
    return with_faithfulness(model, results, images=images, target=target) if trust else results


def _with_file(attribution: Attribution, model: keras.Model) -> Attribution:
    """An attribution that says which file its model is of."""
    origin = origin_of(model)
    if origin is None:
        return attribution
    return replace(attribution, settings=attribution.settings.with_values(model_sha256=origin.sha256))


def refused_methods(run: ReportRun, request: ReportRequest) -> dict[str, str]:
    """The methods of a request that cannot explain its images, each with the reason.

    Raises:
        InputError: images that cannot be read.
    """
    source = run.load_images(request)
    reasons = {}
    for name in request.methods:
        try:
            with run.classes_named(source):
                for target in request.column_targets(source):
                    compare(run.model, source.images, target, methods=[method(name)], **request.common_options)
        except InputError as error:
            reasons[name] = str(error)
    return reasons


def _draw(run: ReportRun, name: str, function: Callable[..., R], options: Options, command: str) -> WrittenFigure[R]:
    """Call a method that needs no images, and write its figure."""
    started = time.monotonic()
    with run.classes_named():
        with run.progress(name):
            result = function(run.model, **options)
        seconds = time.monotonic() - started
        (figure,) = figures_of([result], run.model, None, as_sheet=False)
        recorded = given({**_defaults(function), **options})
        paths = write_figure(figure, name, run.model, run.request.out, recorded, seconds, note=run.note, range_noted=False)
    return WrittenFigure([result], paths, command)


def _defaults(function: Callable[..., Result]) -> Options:
    """The defaults of a method's keywords, which the command line records too."""
    parameters = inspect.signature(function).parameters.values()
    return {each.name: each.default for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY}
