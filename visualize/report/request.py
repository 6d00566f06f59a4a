"""What was requested: the model, the images and the targets of a report, and of each of its comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visualize.data.loading import Resize, Source, from_data, from_files
from visualize.targets import Target

if TYPE_CHECKING:
    import keras

TRUST_DEFAULTS = {"steps": 20, "samples": 2, "seed": 0}  # of `visualize.trust`, which the command line records, too
Region = tuple[int, int, int, int]  # top, left, height, width
Options = Mapping[str, Any]  # of a command, by name
IMAGE_OPTIONS = ("images", "data", "index", "per_class", "input_name", "resize")  # of `load_images`
Targets = str | list[str] | list[int] | Target | None  # as a method takes its target


@dataclass(frozen=True)
class ReportRequest:
    """What a report is about and where it is written. Each field is an option of `visualize report` and `visualize compare`.

    Attributes:
        model: path of the model's file.
        images: picture files and arrays; none for a report on the model alone.
        data: instead of files, a data set such as "mnist:test", or a `.npz` or `.npy` file.
        index: which images of the data set; None for the first.
        per_class: instead of an index, the first image of each class, each explained for its own class.
        resize: how photographs are brought to the model's size: "crop", "fit" or "stretch"; None for what its card says.
        methods: names of the methods to apply to each image; by default those of `visualize.compare`.
        targets: the class to explain, by name or number: one for all images, one per image, or several of a single image; none
            for the model's own choice.
        output: name of the output to explain, and whose classes are maximized, for a model of several outputs.
        region: top, left, height and width of the pixels whose mean score is explained, for an output that is an image.
        input_name: name of the input to explain, for a model of several inputs.
        batch_size: images at a time; None for as many as suit their size.
        precision: in which the layers compute: "float32", "bfloat16" or "auto".
        input_range: values of a black and of a white pixel; None for what the model's card says.
        trust: whether the deletion and insertion of each map of a comparison are measured, and for a report, of at least six
            images, which of the methods to believe.
        out: the folder to write to.
        unsafe: whether the model's file may run code of its own.
        custom_objects: names of Python modules to import before the model is opened.
    """

    model: Path
    images: tuple[Path, ...] = ()
    data: str | None = None
    index: tuple[int, ...] | None = None
    per_class: bool = False
    resize: Resize | None = None
    methods: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    output: str | None = None
    region: Region | None = None
    input_name: str | None = None
    batch_size: int | None = None
    precision: str = "float32"
    input_range: tuple[float, float] | None = None
    trust: bool = False
    out: Path = Path()
    unsafe: bool = False
    custom_objects: tuple[str, ...] = ()

    @property
    def has_images(self) -> bool:
        """Whether there is anything to explain, beside the model itself."""
        return bool(self.images) or self.data is not None

    @property
    def common_options(self) -> Options:
        """The options that every method has, without those that were left to choose."""
        options = {"input_name": self.input_name, "batch_size": self.batch_size, "precision": self.precision}
        return given(options)

    @property
    def comparison_options(self) -> Options:
        """The options of `compare` by their names, for the record and the name of its files."""
        score = {"method": self.methods, "target": self.targets, "output": self.output, "region": self.region}
        return given(
            {
                **self._image_options,
                **score,
                **self.common_options,
                "input_range": self.input_range,
                "trust": self.trust,
                "sheet": True,
            }
        )

    @property
    def trust_options(self) -> Options:
        """The options of `trust` by their names, with its defaults, for the record and the name of its files."""
        options = {name: value for name, value in self.comparison_options.items() if name not in ("trust", "sheet")}
        return {**options, **TRUST_DEFAULTS}

    @property
    def _image_options(self) -> dict[str, Any]:
        """The options that choose the images and how they are read."""
        return {name: getattr(self, name) for name in IMAGE_OPTIONS}

    def load_images(self, model: keras.Model) -> Source:
        """The images as the model takes them.

        Raises:
            InputError: images that cannot be read or do not fit the model.
        """
        return load_images(model, **self._image_options)

    def column_targets(self, source: Source) -> list[Targets]:
        """The target of each column of a figure, see `column_targets`."""
        return column_targets(self.targets, source, own_labels=self.per_class, output=self.output, region=self.region)

    def target(self, source: Source) -> Targets:
        """The target as a method takes it."""
        return target_of(self.targets, source, own_labels=self.per_class, output=self.output, region=self.region)


def load_images(
    model: keras.Model,
    *,
    images: Sequence[Path] = (),
    data: str | None = None,
    index: Sequence[int] | None = None,
    per_class: bool = False,
    input_name: str | None = None,
    resize: Resize | None = None,
) -> Source:
    """The images of files, or of a data set if one is named, as the model takes them.

    Raises:
        InputError: images that cannot be read or do not fit the model.
    """
    if data is None:
        return from_files(model, images, input_name, resize=resize)
    return from_data(model, data, index, input_name=input_name, each_class=per_class, resize=resize)


def target_of(
    targets: Sequence[str],
    source: Source | None,
    *,
    own_labels: bool = False,
    output: str | None = None,
    region: Region | None = None,
) -> Targets:
    """The target as a method takes it.

    Args:
        targets: classes by name or number; one for all images, or one per image.
        source: the images; None for a method that takes none, for which each of the targets is one result.
        own_labels: whether each image is explained for its own label, if no target is named.
        output: name of the output.
        region: top, left, height and width.
    """
    labels = None if source is None or not own_labels else source.labels
    chosen: Targets = list(targets)
    if not targets:
        chosen = None if labels is None else labels.tolist()
    elif len(targets) == 1 and source is not None:
        chosen = targets[0]
    return chosen if output is None and region is None else Target(chosen, output=output, region=region)


def column_targets(targets: Sequence[str], source: Source | None, **options: Any) -> list[Targets]:
    """The target of each column of a figure: several targets of a single image are explained side by side.

    Args:
        targets: classes by name or number.
        source: the images.
        options: of `target_of`.
    """
    if source is None or len(source.names) > 1 or len(targets) < 2:
        return [target_of(targets, source, **options)]
    return [target_of((target,), source, **options) for target in targets]


def given(options: Options) -> dict[str, Any]:
    """The options without those that were left out: None, empty, or a flag that is not set."""
    return {name: value for name, value in options.items() if value is not None and value != () and value is not False}
