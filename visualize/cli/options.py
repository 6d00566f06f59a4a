"""Options: the signature and the docstring of a method become the options and the help of its command.

Each keyword-only parameter becomes an option of the same name; a parameter `images` lets the command take pictures, a
parameter `target` a class; `--help` shows the docstring.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from visualize.engine.precision import PRECISIONS
from visualize.errors import InputError
from visualize.metrics.trust import trust
from visualize.models.card import RESIZE_MODES
from visualize.report.methods import argument_help, attribution_methods, method, takes
from visualize.report.request import Options

if TYPE_CHECKING:
    from visualize.plotting.style import Drawing

METAVARS = {"layer": "PATH", "whole_layer": "PATH", "output": "NAME", "input_name": "INPUT", "spectrum_from": "FILE"}
MOST_IMAGES = 1_000_000  # that a range of an index may name
NEED_IMAGES = ("index", "per_class", "resize", "method", "target", "region", "precision", "trust")  # of a report


def method_options(name: str) -> list[click.Parameter]:
    """All options of the command of one method."""
    function = method(name)
    options = model_options()
    if takes(function, "images"):
        options += image_options()
    if takes(function, "target"):
        options.append(target_option(argument_help(function)["target"]))
        options += score_options() if takes(function, "images") else []
    has_pixels, maps = takes(function, "images") or takes(function, "input_range"), name in attribution_methods()
    pixels = pixel_options() if has_pixels else []
    drawing = drawing_options(maps=maps, errors=takes(function, "tolerance"))
    return [*options, *signature_options(function), *pixels, *drawing, *run_options()]


def report_options() -> list[click.Parameter]:
    """All options of `report`."""
    measured = (
        "Also measure which of the methods to believe for these images, at least six, better 16 or more, as the command trust "
        "does, and print above each map its deletion and insertion. That takes minutes."
    )
    return [*comparison_options(), click.Option(["--trust"], is_flag=True, help=measured)]


def comparison_options() -> list[click.Parameter]:
    """The options that `report` and `compare` share."""
    methods = "A column of the figure. Repeat it for several; by default eight that show the families."
    return [
        *model_options(),
        *(option for option in image_options() if option.name != "sheet"),
        click.Option(["--method"], type=click.Choice(attribution_methods()), multiple=True, help=methods),
        target_option("Class to explain; by default the model's own prediction."),
        *score_options(),
        *common_options(),
        *pixel_options(),
        *run_options(),
    ]


def several_models_options() -> list[click.Parameter]:
    """All options of `compare`: other models may stand before the images."""
    images = click.Argument(["images"], metavar="[MODEL]... [IMAGES]...", nargs=-1, type=click.Path(path_type=Path))
    measured = "Print above each map its deletion (low is faithful) and insertion (high is faithful)."
    options = [images if option.name == "images" else option for option in comparison_options()]
    return [*options, click.Option(["--trust"], is_flag=True, help=measured)]


def contrast_options() -> list[click.Parameter]:
    """All options of `contrast`."""
    against = "The second class; by default the likeliest besides the first. Repeat it for one per image."
    explains, choices = "The method that explains both classes.", click.Choice(attribution_methods())
    return [
        *model_options(),
        *image_options(),
        target_option("The first class; by default the model's own prediction."),
        click.Option(["--against"], metavar="T", multiple=True, help=against),
        click.Option(["--method"], type=choices, default="integrated_gradients", show_default=True, help=explains),
        *score_options(),
        *common_options(),
        *pixel_options(),
        *drawing_options(maps=True, errors=False),
        *run_options(),
    ]


def trust_options() -> list[click.Parameter]:
    """All options of `trust`."""
    methods = "A method to measure. Repeat it for several; by default eight that show the families."
    return [
        *model_options(),
        *(option for option in image_options() if option.name != "sheet"),
        click.Option(["--method"], type=click.Choice(attribution_methods()), multiple=True, help=methods),
        target_option("Class to explain; by default the model's own prediction."),
        *score_options(),
        *common_options(),
        *(option for option in signature_options(trust) if option.name != "out"),
        *pixel_options(),
        *drawing_options(maps=False),
        *run_options(),
    ]


def gallery_options() -> list[click.Parameter]:
    """All options of `gallery`."""
    input_name = [option for option in common_options() if option.name == "input_name"]
    drawing = [option for option in drawing_options(maps=True, errors=False) if option.name != "beside"]  # few maps lie over
    output = [option for option in score_options() if option.name == "output"]
    return [*model_options(), *image_options(), *output, *input_name, *pixel_options(), *drawing, *run_options()]


def model_options() -> list[click.Parameter]:
    """The model, and what opening it needs."""
    unsafe = "Let the file run code of its own (Lambda layers). Only if you trust its author."
    modules = "Python module to import first: it registers the model's classes."
    return [
        click.Argument(["model"], metavar="MODEL", type=click.Path(path_type=Path)),
        click.Option(["--unsafe"], is_flag=True, help=unsafe),
        click.Option(["--custom-objects"], metavar="MODULE", multiple=True, help=modules),
    ]


def image_options() -> list[click.Parameter]:
    """The images, from files or from a data set."""
    data = "A named data set such as mnist:test or idx:DIR, a folder of pictures, or a .npz or .npy file."
    per_class = "The first image of each class, each explained for its own class, in one figure."
    resize = (
        "How a photograph of other proportions gets the model's size: crop takes its middle, fit shows it whole between bars, "
        "stretch changes its proportions.  [default: as the model's card says, else crop]"
    )
    return [
        click.Argument(["images"], metavar="[IMAGES]...", nargs=-1, type=click.Path(path_type=Path)),
        click.Option(["--data"], metavar="NAME:PART", help=data),
        click.Option(["--index"], metavar="N,N-N,...", help="Which images of the data set: 0-499,600.  [default: 0]"),
        click.Option(["--per-class"], is_flag=True, help=per_class),
        click.Option(["--resize"], type=click.Choice(RESIZE_MODES), help=resize),
        click.Option(["--sheet"], is_flag=True, help="All images in one figure; by default one figure per image."),
    ]


def target_option(text: str) -> click.Parameter:
    """The class to explain."""
    return click.Option(["--target"], metavar="T", multiple=True, help=f"{text} Repeat it for several.")


def score_options() -> list[click.Parameter]:
    """Which score is explained, for a model that has more than one row of them per image."""
    output = "Name of the output to explain, for a model of several outputs."
    region = "The pixels whose mean score is explained, for an output that is an image; by default all."
    return [
        click.Option(["--output"], metavar="NAME", help=output),
        click.Option(["--region"], type=int, nargs=4, metavar="TOP LEFT HEIGHT WIDTH", help=region),
    ]


def common_options() -> list[click.Parameter]:
    """What every method that explains images takes, for a command that runs several."""
    input_name = "Name of the input to explain, for a model of several inputs."
    batch_size = "Images at a time; by default as many as suit their size."
    precision = argument_help(method("saliency"))["precision"]
    choices = click.Choice(PRECISIONS)
    return [
        click.Option(["--input-name"], metavar="INPUT", help=input_name),
        click.Option(["--batch-size"], type=int, help=batch_size),
        click.Option(["--precision"], type=choices, default="float32", show_default=True, help=precision),
    ]


def pixel_options() -> list[click.Parameter]:
    """The values of black and white."""
    pixels = "Values of a black and of a white pixel; by default those of the model's card."
    return [click.Option(["--input-range"], type=float, nargs=2, metavar="LOW HIGH", help=pixels)]


def run_options() -> list[click.Parameter]:
    """The folder to write to."""
    folder = click.Path(path_type=Path)
    return [click.Option(["--out"], type=folder, default=Path(), metavar="DIR", help="Folder to write to.  [default: .]")]


def drawing_options(*, maps: bool, errors: bool = True) -> list[click.Parameter]:
    """How a figure is drawn and written; the options of maps, and of their errors, for a command that draws any."""
    formats = "Format of the picture: png, svg, pdf, or several with commas between.  [default: png]"
    dpi = "Pixels per inch of the picture.  [default: 120]"
    common: list[click.Parameter] = [
        click.Option(["--format"], metavar="KIND,...", help=formats),
        click.Option(["--dpi"], type=int, metavar="N", help=dpi),
    ]
    if not maps:
        return common
    scale = "A color scale for each map, or one that the maps of several images of a figure share.  [default: own]"
    clip = "Percent of the pixels, by magnitude, at which the colors end; 100 for the largest of all.  [default: 99.5]"
    overlay = "Maps over the picture, in gray.  [default: those that are coarser than a picture of 64 pixels or more]"
    error = "The standard error of each pixel beside a map that has one: of SmoothGrad and its kin, and of RISE."
    return [
        click.Option(["--scale"], type=click.Choice(["own", "shared"]), help=scale),
        click.Option(["--clip"], type=float, metavar="PERCENT", help=clip),
        click.Option(["--overlay/--no-overlay"], default=None, help=overlay),
        click.Option(["--beside"], is_flag=True, help="A map that lies over the picture bare, too, beside it."),
        *([click.Option(["--error"], is_flag=True, help=error)] if errors else []),
        click.Option(["--colormap"], metavar="NAME", help="A colormap of matplotlib.  [default: RdBu_r or inferno]"),
        click.Option(["--size"], type=float, metavar="INCHES", help="Shorter side of each picture."),
        click.Option(["--title/--no-title"], default=True, help="Titles: picture, class, score, method."),
        *common,
    ]


def taken_drawing(chosen: dict[str, Any], *, maps: bool = True) -> Drawing:
    """The options of `drawing_options`, taken out of those of a command.

    Raises:
        InputError: a value is out of its range.
    """
    from visualize.plotting.style import Drawing  # matplotlib is not imported for --help

    return Drawing.of(chosen, maps=maps)


def signature_options(function: Callable[..., object]) -> list[click.Option]:
    """An option for each keyword-only parameter of a simple type; the others can be used in Python only."""
    texts, parameters = argument_help(function), inspect.signature(function).parameters
    options = []
    for name, hint in _keyword_hints(function).items():
        if name == "input_range":
            continue  # see `pixel_options`
        option = _option(name, hint, parameters[name].default, texts.get(name, ""))
        if option is not None:
            options.append(option)
    return options


def column_choices(function: Callable[..., object]) -> dict[str, tuple[str, ...]]:
    """The options of a method that are one word of a few, or none: each can be repeated for several columns of a figure."""
    hints = {name: hint for name, hint in _keyword_hints(function).items() if _is_optional(hint)}
    first_types = {name: _types(hint)[0] for name, hint in hints.items() if _types(hint)}
    return {name: typing.get_args(kind) for name, kind in first_types.items() if typing.get_origin(kind) is typing.Literal}


def leading_models(model: Path, images: Sequence[Path]) -> tuple[dict[str, Path], tuple[Path, ...]]:
    """The model and those that follow it before the first image, by names that tell them apart; and the images.

    A model is named after its file, or after its folder where the file is called `model`, as that of a training is.
    """
    count = next((number for number, path in enumerate(images) if not _is_model(path)), len(images))
    paths = [model, *images[:count]]
    names = [path.resolve().parent.name if path.stem == "model" else path.stem for path in paths]
    if len(set(names)) < len(names):
        names = [f"{path.resolve().parent.name}/{path.stem}" for path in paths]
    if len(set(names)) < len(names):
        names = [f"{name} {number}" for number, name in enumerate(names, start=1)]
    return dict(zip(names, paths, strict=True)), tuple(images[count:])


def _is_model(path: Path) -> bool:
    """Whether a path is that of a model by its ending, or a folder of the SavedModel format, which is refused later."""
    return path.suffix.lower() in (".keras", ".h5", ".hdf5") or (path / "saved_model.pb").is_file()


def check_options(command: str, options: Options) -> dict[str, Any]:
    """The options, checked as far as that is possible before TensorFlow is imported; `index` as numbers.

    Raises:
        InputError: options that exclude each other, that choose images where there are none, or a malformed value.
    """
    input_range = options.get("input_range")
    if input_range and not input_range[0] < input_range[1]:
        raise InputError(f"`--input-range` must be LOW HIGH, low < high. Received: {input_range[0]:g} {input_range[1]:g}.")
    if "images" not in options:
        return dict(options)
    if command == "report" and not options["images"] and not options["data"]:
        return _check_without_images(options)
    if bool(options["images"]) == bool(options["data"]):
        received = "both" if options["data"] else "neither"
        raise InputError(f"`{command}` needs either IMAGES or --data, such as --data mnist:test. Received: {received}.")
    if options["data"] is None and (options["index"] is not None or options["per_class"]):
        raise InputError("`--index` and `--per-class` choose from a data set: name it with --data.")
    if options["index"] is not None and options["per_class"]:
        raise InputError("`--index` and `--per-class` exclude each other: both choose the images.")
    from visualize.data.images import picture_files  # Pillow is not imported for --help

    return {**options, "images": tuple(picture_files(options["images"])), "index": _numbers(options["index"])}


def _numbers(index: str | None) -> tuple[int, ...] | None:
    try:
        return None if index is None else tuple(number for part in index.split(",") for number in _range(part))
    except ValueError:
        raise InputError(
            f"`--index` must be whole numbers or ranges with commas between, such as 0-499,600. Received: {index!r}."
        ) from None


def _range(text: str) -> range:
    """The numbers that "7" or "0-499" stands for.

    Raises:
        ValueError: it is neither.
    """
    first, dash, last = text.strip().partition("-")
    if not dash or not first:  # a number, perhaps below zero
        return range(int(text), int(text) + 1)
    start, stop = int(first), int(last) + 1
    if not 0 < stop - start <= MOST_IMAGES:
        raise ValueError(text)
    return range(start, stop)


def _check_without_images(options: Options) -> dict[str, Any]:
    """The options of a report on a model alone."""
    chosen = {**options, "precision": options["precision"] != "float32"}
    for name in NEED_IMAGES:
        if chosen[name]:
            raise InputError(f"`--{name.replace('_', '-')}` needs images: name IMAGES or --data. Received: neither.")
    return dict(options)


class _NumberOrWord(click.ParamType):
    """A number if it can be read as one; else the word, which the method checks."""

    name = "number or word"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        """As click calls it."""
        try:
            return float(value)
        except ValueError:
            return value


class _NumberOrNumbers(click.ParamType):
    """A whole number, or one for each axis with commas between."""

    name = "N or N,N,..."

    def convert(
        self, value: str | int | tuple[int, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> int | tuple[int, ...]:
        """As click calls it."""
        if not isinstance(value, str):
            return value
        try:
            numbers = tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a whole number, or whole numbers with commas between.", param, ctx)
        return numbers[0] if len(numbers) == 1 else numbers


def _option(name: str, hint: Any, default: Any, text: str) -> click.Option | None:
    """The option of one parameter; None if its type cannot be written on a command line."""
    flag, metavar = "--" + name.replace("_", "-"), METAVARS.get(name)
    types_ = _types(hint)
    if types_[:2] == (str, Sequence[str]):
        return click.Option([flag], multiple=True, metavar=metavar, help=text)
    if types_ == (int, Sequence[int]):
        return click.Option([flag], type=_NumberOrNumbers(), default=default, help=text)
    if types_[:2] == (float, str):
        return click.Option([flag], type=_NumberOrWord(), default=default, help=text)
    if len(types_) != 1:
        return None
    (kind,) = types_
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal and not _is_optional(hint):
        return click.Option([flag], type=click.Choice(arguments), default=default, show_default=True, help=text)
    if origin is typing.Literal:
        choices = click.Choice([*arguments, "none"])
        return click.Option([flag], type=choices, multiple=True, help=f"{text} Repeat it for several columns in one figure.")
    if origin is tuple and all(argument in (int, float) for argument in arguments):
        metavar = "LOW HIGH" if arguments[0] is float else "HEIGHT WIDTH"
        return click.Option([flag], type=arguments[0], nargs=len(arguments), default=default, metavar=metavar, help=text)
    if kind is bool:
        return click.Option([flag], is_flag=True, default=default, help=text)
    if kind in (int, float, str):
        return click.Option([flag], type=kind, default=default, show_default=default is not None, metavar=metavar, help=text)
    return None


def _keyword_hints(function: Callable[..., object]) -> dict[str, Any]:
    """The type of each keyword-only parameter. The other annotations are not evaluated: `keras.Model` would import Keras."""
    parameters = inspect.signature(function).parameters.values()
    annotations = {each.name: each.annotation for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY}
    namespace = getattr(inspect.unwrap(function), "__globals__", {})
    return typing.get_type_hints(types.SimpleNamespace(__annotations__=annotations), namespace)


def _is_optional(hint: Any) -> bool:
    """Whether an annotation allows None."""
    return type(None) in typing.get_args(hint)


def _types(hint: Any) -> tuple[Any, ...]:
    """The types of an annotation, without None."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return tuple(kind for kind in typing.get_args(hint) if kind is not type(None)) if union else (hint,)
