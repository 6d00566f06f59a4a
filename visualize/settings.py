"""Settings: how a result was made, as typed records that are written as JSON.

Every field of a record can be read as an attribute, `settings.unit`, and as a key, `settings["unit"]`. What belongs to one
method alone, the parameters that it was called with and what it found out, stands under `options` and among the keys.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

OLD_NAMES = {"explained": "input_name"}  # keys of earlier versions


@dataclass(frozen=True, eq=False)
class Settings(Mapping[str, Any]):
    """A record of plain JSON values. As a mapping it has each field that is not None, and the options.

    Attributes:
        unit: of the values.
        options: what belongs to one method alone, by name.
    """

    unit: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The record that holds these values, also those of a file of an earlier version."""
        if isinstance(values, cls):
            return values
        values = {OLD_NAMES.get(name, name): value for name, value in values.items()}
        fields = {name: values.pop(name) for name in cls._names() if name in values}
        return cls(**fields, options=values)

    @classmethod
    def _names(cls) -> list[str]:
        return [each.name for each in dataclasses.fields(cls) if each.name != "options"]

    def with_values(self, **values: Any) -> Self:
        """The same record with other values of some fields or options."""
        return type(self).of({**self, **values})

    def __getitem__(self, name: str) -> Any:
        if name in OLD_NAMES and name not in self.options:
            warnings.warn(f"settings[{name!r}] is called {OLD_NAMES[name]!r} now.", FutureWarning, stacklevel=2)
            name = OLD_NAMES[name]
        if name in self._names():
            return getattr(self, name)
        return self.options[name]

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in self._names() if getattr(self, name) is not None)
        yield from self.options

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a key; the default where there is no such key, or its field is None."""
        return dict(self).get(name, default)

    def __contains__(self, name: object) -> bool:
        return any(name == known for known in self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)})"


@dataclass(frozen=True, eq=False, repr=False)
class AttributionSettings(Settings):
    """How an Attribution was made.

    Attributes:
        signed: whether values can be below zero.
        model: of a comparison of models, the name that tells this one from the others.
        score: what was explained: "logit", "output", "mean logit", ...
        classes: number of classes of the model; None where its output has no classes.
        class_names: their names; empty where nothing states them.
        modifier: how ReLUs propagated gradients back.
        precision: in which the layers computed.
        input_name: the explained input.
        input_range: values of a black and a white pixel; None where nothing states them.
        input_range_assumed: whether the input range is a guess.
        output: the output, of a model of several.
        target_layer: the layer whose units were explained, if not the model's output.
        region: "chosen" where the score is the mean over a region, else "whole".
        layer: the layer or layers whose feature maps were read.
        layer_reason: why this layer.
        map: spatial shape of its feature maps.
        coarse: whether the values are those of a layer's maps, of patches or of masks, larger than pixels.
        method: of a contrast, the method that explained both classes.
        left_out: of a comparison, the methods that the model does not allow, with the reasons.
        remarks: sentences on what a reader must know of these maps.
    """

    signed: bool = False
    model: str | None = None
    score: str = "score"
    classes: int | None = None
    class_names: Sequence[str] = ()
    modifier: str | None = None
    precision: str | None = None
    input_name: str | None = None
    input_range: Sequence[float] | None = None
    input_range_assumed: bool | None = None
    output: str | None = None
    target_layer: str | None = None
    region: str | None = None
    layer: str | Sequence[str] | None = None
    layer_reason: str | None = None
    map: Sequence[int | None] | None = None
    coarse: bool | None = None
    method: str | None = None
    left_out: Mapping[str, str] | None = None
    remarks: Sequence[str] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class TilesSettings(Settings):
    """How Tiles were made.

    Attributes:
        layer: whose kernels, feature maps or units they show; None for the scores of the model.
        input_range: values of a black and a white pixel; None where nothing states them.
        input_range_assumed: whether the input range is a guess.
        output: of maximized inputs, the output whose scores were maximized, of a model of several.
        score: of maximized inputs, what was maximized: "logit", "activation", ...
        targets: of maximized inputs, the class, unit or objective of each.
        scores: of maximized inputs, the score that each reached.
        still: of maximized inputs, the targets for which no input was found that they respond to.
        remarks: of maximized inputs, sentences on what a reader must know of them.
        held: of maximized inputs, the inputs of the model that were held, and at what.
        filters, channels: of kernels, how many filters over how many channels the layer has.
        channel: of kernels, the one channel that they are over.
        class_names: of features at the layer of the scores, the name of each of its units.
    """

    layer: str | None = None
    input_range: Sequence[float] | None = None
    input_range_assumed: bool | None = None
    output: str | None = None
    score: str | None = None
    targets: Sequence[int | str] | None = None
    scores: Sequence[float] | None = None
    still: Sequence[int | str] | None = None
    remarks: Sequence[str] | None = None
    held: Mapping[str, str] | None = None
    filters: int | None = None
    channels: int | None = None
    channel: int | None = None
    class_names: Sequence[str] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class StructureSettings(Settings):
    """What is known of a whole model.

    Attributes:
        name: of the model.
        parameters: how many it has.
        trainable: how many of them are trainable.
        layers: how many layers it calls.
        precision: its dtype policy.
    """

    name: str = ""
    parameters: int = 0
    trainable: int = 0
    layers: int = 0
    precision: str = "float32"


@dataclass(frozen=True)
class Display:
    """How a result wants to be drawn; it says nothing of the values.

    Attributes:
        columns: how many tiles in a row; None to let the figure decide.
        axes: of a tile that is a table of numbers and no picture, what its rows and its columns are: ("channel", "filter").
        most: how many of many tiles, rows or units to draw, the strongest of them; None to let the figure decide.
        full: whether the diagram of a model has a box for every layer, however many there are.
        shared_scale: whether the maps of all images share one color scale.
        epoch: of a training, after which the result was made; the figure states it.
        alpha: "saliency" where maximized inputs fade to white by their saliency.
    """

    columns: int | None = None
    axes: tuple[str, ...] = ()
    most: int | None = None
    full: bool = False
    shared_scale: bool = False
    epoch: int | None = None
    alpha: str = "none"

    def __post_init__(self):
        object.__setattr__(self, "axes", tuple(self.axes))  # a file has a list
