"""Running: one method, from the options of a command line to its files."""

from __future__ import annotations

import itertools
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from visualize.attribution.comparison import compare, contrast
from visualize.attribution.request import Request, prepare
from visualize.cli import commands
from visualize.cli.console import busy, import_tensorflow, progress_bar, say, uncollected
from visualize.data.loading import Source, from_data, from_files
from visualize.engine import compile as tracing
from visualize.errors import InputError
from visualize.models.layers import card_of, describe, listed, range_of
from visualize.models.loading import open_model
from visualize.plotting import export as outputs
from visualize.results import Attribution, Result, Structure
from visualize.targets import Target


def opened_model(
    path: Path, unsafe: bool, custom_objects: Sequence[str], input_range: tuple[float, float] | None = None
) -> Any:
    """The model, with TensorFlow's own remarks on the machine kept off the terminal."""
    if custom_objects:
        sys.path.append(str(Path.cwd()))  # a console script does not look there, and that is where people keep a module
    with busy("opening the model"), uncollected():
        import_tensorflow()
        model = open_model(path, unsafe=unsafe, custom_objects=custom_objects)
    known = card_of(model).input_range
    if None not in (known, input_range) and tuple(known) != tuple(input_range):
        (low, high), (wanted, most) = known, input_range
        say(f"Note: --input-range {wanted:g} {most:g} takes the place of {low:g} to {high:g}, which the model's card says.")
    return describe(model, input_range=input_range)


def run(name: str, model: Any, out: Path, asked: Mapping[str, Any], source: Source | None) -> Iterator[Path]:
    """Compute one method and write its figures.

    Args:
        name: of the method.
        model: what `opened_model` returned.
        out: folder to write to.
        asked: options by name, as the command line has them: those of the method, and those that choose the images.
        source: the images, for a method that takes any.

    Yields:
        Each path when it is written.
    """
    function = commands.method(name)
    asked = _given(asked)
    told = source is not None  # what was assumed of the images was said when they were read
    source = source if commands.takes(function, "images") else None
    arguments = [model] if source is None else [model, source.images]
    if commands.takes(function, "target"):
        arguments.append(_target(asked, source))
    started = time.monotonic()
    savings: list[tuple[float, float]] = []
    with progress_bar(name), tracing.savings(lambda *both: savings.append(both)):
        results = [function(*arguments, **options) for options in _columns(function, asked)]
    seconds = time.monotonic() - started
    for note in _savings(results, savings):
        say(f"Note: {note}")
    yield from _written(name, results, model, out, asked, source, seconds, told=told)


def run_comparison(model: Any, out: Path, asked: Mapping[str, Any], source: Source) -> Iterator[Path]:
    """Compute the methods of `asked["method"]`, or a choice of them, and write one figure.

    Yields:
        Each path when it is written.
    """
    asked = _given(asked)
    methods = [commands.method(name) for name in asked["method"]] if "method" in asked else None
    started = time.monotonic()
    with progress_bar("compare"):
        results = compare(model, source.images, _target(asked, source), methods=methods, **_common(asked))
    for name, reason in results[0].settings["left_out"].items():
        say(f"Note: no {name}. {reason}")
    yield from _written("compare", results, model, out, {**asked, "sheet": True}, source, time.monotonic() - started)


def run_contrast(model: Any, out: Path, asked: Mapping[str, Any], source: Source) -> Iterator[Path]:
    """Explain one class rather than another by the method of `asked["method"]`, and write its figures.

    Yields:
        Each path when it is written.
    """
    asked = _given(asked)
    options = {"method": commands.method(asked["method"]), **_common(asked)}
    against = list(asked.get("against", ()))
    against = against[0] if len(against) == 1 else against or None
    started = time.monotonic()
    with progress_bar("contrast"):
        result = contrast(model, source.images, _target(asked, source), against, **options)
    yield from _written("contrast", [result], model, out, asked, source, time.monotonic() - started)


def _common(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The options that every method has."""
    return {key: asked[key] for key in ("input_name", "batch_size", "precision") if key in asked}


def _written(
    name: str,
    results: list[Any],
    model: Any,
    out: Path,
    asked: Mapping[str, Any],
    source: Source | None,
    seconds: float,
    *,
    told: bool = True,
) -> Iterator[Path]:
    """Write the figures of what was computed, and say what a person should know of them."""
    results = [_ranged(one, model) for one in results]
    for group, picture in _figures(results, source, as_sheet="sheet" in asked or "per_class" in asked):
        if isinstance(group[0], Structure) and sys.stderr.isatty():
            click.echo(outputs.table(group[0]), err=True)
        for note in (*_empty_maps(group), *_ascents(group, told)):
            say(f"Note: {note}")
        yield from outputs.write(group, out, _stem(name, asked, picture), model, _plain(asked), seconds)


def source_of(model: Any, asked: Mapping[str, Any]) -> Source:
    """The images that a command line names; what was assumed of them is said.

    Raises:
        InputError: images that cannot be read or do not fit the model.
    """
    asked = _given(asked)
    input_name = asked.get("input_name")
    if "data" in asked:
        found = from_data(model, asked["data"], asked.get("index"), input_name=input_name, each_class="per_class" in asked)
    else:
        found = from_files(model, asked["images"], input_name)
    for note in found.notes:
        say(f"Note: {note}.")
    if found.class_names and not card_of(model).class_names:
        describe(model, class_names=found.class_names)
    return found


def refused(model: Any, asked: Mapping[str, Any], source: Source) -> dict[str, str]:
    """Those of the methods in `asked["method"]` that cannot explain these images of this model, each with the reason."""
    asked = _given(asked)
    reasons = {}
    for name in asked.get("method", ()):
        try:
            compare(model, source.images, _target(asked, source), methods=[commands.method(name)], **_common(asked))
        except InputError as error:
            reasons[name] = str(error)
    return reasons


def request_of(model: Any, asked: Mapping[str, Any], source: Source) -> Request:
    """What a command line asks of the images."""
    asked = _given(asked)
    return prepare(model, source.images, _target(asked, source), asked.get("input_name"), asked.get("precision", "float32"))


def _given(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in asked.items() if value is not None and value != () and value is not False}


def _target(asked: Mapping[str, Any], source: Source | None) -> Any:
    """What the method gets as its target: with --per-class each image's own class, unless another is asked for."""
    chosen: Any = list(asked.get("target", ()))
    if not chosen:
        chosen = source.labels.tolist() if source is not None and "per_class" in asked else None
    elif len(chosen) == 1 and source is not None:
        chosen = chosen[0]
    named = {key: asked[key] for key in ("output", "region") if key in asked}
    return Target(chosen, **named) if named else chosen


def _columns(function: Any, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The method's options, once for each choice that was repeated: these become columns of one figure."""
    own = {key: value for key, value in asked.items() if commands.takes(function, key) and key not in ("images", "target")}
    several = {key: own.pop(key) for key in commands.choices_of(function) if key in own}
    if isinstance(own.get("layer"), tuple) and len(own["layer"]) == 1:
        own["layer"] = own["layer"][0]
    combined = itertools.product(*([None if one == "none" else one for one in values] for values in several.values()))
    return [{**own, **dict(zip(several, values, strict=True))} for values in combined]


def _figures(results: list[Any], source: Source | None, *, as_sheet: bool) -> Iterator[tuple[list[Result], str]]:
    """What belongs in one figure, and the name of its picture."""
    if source is None:
        yield results, ""
    elif isinstance(results[0], list):  # one result an image
        yield from (([one], name) for one, name in zip(results[0], unique(source.names), strict=True))
    else:
        named = [replace(one, arrays={**one.arrays, "names": np.array(source.names)}) for one in results]
        if as_sheet and len(source.names) > 1:
            yield named, source.sheet
        else:
            for index, name in enumerate(unique(source.names)):
                yield [one.of(index) for one in named], name


def unique(names: Sequence[str]) -> list[str]:
    """Names for files: without the ending, and a number behind those that come twice (`A` and `a` are one file on some)."""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        stem = outputs.plain_name(re.sub(r"\.\w{1,5}(?= \d+$|$)", "", name))
        again = (f"{stem}-{number}" for number in itertools.count(2))
        found.append(next(one for one in itertools.chain([stem], again) if one.casefold() not in taken))
        taken.add(found[-1].casefold())
    return found


def _empty_maps(results: Sequence[Result]) -> Iterator[str]:
    for one in results:
        if not isinstance(one, Attribution):
            continue
        modifier = f" ({one.settings['modifier']})" if one.settings.get("modifier") else ""
        for values, name in zip(one.values, one.arrays["names"], strict=True):
            if not np.isfinite(values).all():
                yield f"{one.method}{modifier} of {name} holds values that are not finite numbers."
            elif values.min() == values.max():
                yield f"{one.method}{modifier} of {name} is {values.flat[0]:.3g} everywhere: it explains nothing."


def _ranged(result: Any, model: Any) -> Any:
    """A result with the input range that was assumed for it, where nobody said it, and a word on that."""
    if isinstance(result, list):
        return [_ranged(one, model) for one in result]
    input_range, why = range_of(model)
    if not why or result.settings.get("input_range", ...) is not None:
        return result
    return replace(result, settings={**result.settings, "input_range": list(input_range), "input_range_assumed": True})


def _ascents(results: Sequence[Result], told: bool) -> Iterator[str]:
    """What a person should know of the inputs that were climbed to."""
    for one in results:
        settings = one.settings
        if one.method != "maximize":
            continue
        if settings["input_range_assumed"] and not told:
            low, high = settings["input_range"]
            yield f"input range {low:g} to {high:g} assumed; a card or --input-range LOW HIGH settles it."
        if "zeros" in settings["held"].values():
            yield f"held at zero: {listed(list(settings['held']))}."
        if settings["still"]:
            yield f"no input was found to which these units answer: {listed(settings['still'])}."


def _savings(results: Sequence[Result], savings: Sequence[tuple[float, float]]) -> Iterator[str]:
    """What the windows of occlusion saved, as measured and as estimated beforehand."""
    taken = [one.settings for one in results if isinstance(one, Attribution) and one.settings.get("path") == "windows"]
    for settings, (seconds, full) in zip(taken, savings, strict=False):
        yield (
            f"only what the patch can change was recomputed, in {seconds:.2g} s; whole copies take about {full:.2g} s, "
            f"{full / seconds:.1f} times as long (estimated: {settings['estimated_saving']:.1f} times), tracing apart."
        )


def _stem(name: str, asked: Mapping[str, Any], picture: str) -> str:
    """The name of a figure's files: the method, what was chosen by hand, the picture."""
    modifiers = [one for one in asked.get("modifier", ()) if one != "none"]
    parts = [name, *(modifiers if len(asked.get("modifier", ())) == 1 else [])]
    layers = [asked["layer"]] if isinstance(asked.get("layer"), str) else asked.get("layer", ())
    parts += [outputs.plain_name(one.replace("/", ".")) for one in layers]
    parts += [outputs.plain_name("whole-" + asked["whole_layer"].replace("/", "."))] if "whole_layer" in asked else []
    parts += [outputs.plain_name(asked[key]) for key in ("input_name", "output") if key in asked]
    parts += [outputs.plain_name("-".join(asked["method"]))] if name == "compare" and "method" in asked else []
    parts += [outputs.plain_name(asked["method"])] if name == "contrast" else []
    parts += [outputs.plain_name("region-" + "-".join(map(str, asked["region"])))] if "region" in asked else []
    for key in ("target", "against"):
        parts += [outputs.plain_name(f"{key}-{'-'.join(map(str, asked[key]))}")] if key in asked else []
    return "-".join([*parts, picture] if picture else parts)


def _plain(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The options as JSON has them."""
    return {
        key: [str(one) if isinstance(one, Path) else one for one in value] if isinstance(value, tuple | list) else value
        for key, value in asked.items()
    }
