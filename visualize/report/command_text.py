"""The command lines that draw the figures of a report again, as text for a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from visualize.report.request import ReportRequest

_DEFAULTS = ReportRequest(Path())


def report_command(request: ReportRequest) -> str:
    """The command that makes the whole report."""
    return _shell("report", *_comparison_words(request))


def compare_command(request: ReportRequest) -> str:
    """The command that draws the images by several methods."""
    return _shell("compare", *_comparison_words(request))


def trust_command(request: ReportRequest) -> str:
    """The command that measures how far the methods can be believed."""
    return _shell("trust", *_comparison_words(replace(request, trust=False)))


def summary_command(request: ReportRequest) -> str:
    """The command that draws the diagram of the layers."""
    return _shell("summary", *_model_words(request), *_out_words(request))


def filters_command(request: ReportRequest) -> str:
    """The command that draws the kernels of the first convolution."""
    return _shell("filters", *_model_words(request), *_out_words(request))


def maximize_command(request: ReportRequest, targets: Sequence[str]) -> str:
    """The command that draws an input for each of some classes, or for every class."""
    options = [
        *_repeated("--target", targets),
        *_option("--output", request.output),
        *_option("--input-name", request.input_name),
        *_option("--batch-size", request.batch_size),
    ]
    return _shell("maximize", *_model_words(request), *options, *_run_words(request))


def curves_command(history: Path, picture: Path) -> str:
    """The command that draws training curves."""
    return _shell("curves", _argument(history), "--out", str(picture))


def _comparison_words(request: ReportRequest) -> list[str]:
    """The words of a command that takes every field of a request."""
    index = None if request.index is None else ",".join(map(str, request.index))
    precision = None if request.precision == _DEFAULTS.precision else request.precision
    return [
        _argument(request.model),
        *map(_argument, request.images),
        *_opening_words(request),
        *_option("--data", request.data),
        *_option("--index", index),
        *(["--per-class"] if request.per_class else []),
        *_option("--resize", request.resize),
        *_repeated("--method", request.methods),
        *_repeated("--target", request.targets),
        *_option("--output", request.output),
        *_option("--region", *(request.region or ())),
        *_option("--input-name", request.input_name),
        *_option("--batch-size", request.batch_size),
        *_option("--precision", precision),
        *(["--trust"] if request.trust else []),
        *_run_words(request),
    ]


def _model_words(request: ReportRequest) -> list[str]:
    return [_argument(request.model), *_opening_words(request)]


def _opening_words(request: ReportRequest) -> list[str]:
    """What opening the model needs."""
    return [*(["--unsafe"] if request.unsafe else []), *_repeated("--custom-objects", request.custom_objects)]


def _run_words(request: ReportRequest) -> list[str]:
    return [*_option("--input-range", *(request.input_range or ())), *_out_words(request)]


def _out_words(request: ReportRequest) -> list[str]:
    return _option("--out", None if request.out == _DEFAULTS.out else request.out)


def _option(flag: str, *values: object) -> list[str]:
    """An option with its values; nothing where there are none."""
    return [] if not values or values[0] is None else [flag, *map(str, values)]


def _repeated(flag: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def _argument(path: Path) -> str:
    """A path that cannot be taken for an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)


def _shell(*words: str) -> str:
    """The words as one line for a shell, whatever they hold."""
    return shlex.join(["visualize", *words])
