"""Style: what a user chooses about a figure, apart from what it shows."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from visualize._utils.validation import checked_number, checked_word
from visualize.errors import InputError
from visualize.plotting.colors import check_colormap

DPI = 120
SCALES = ("own", "shared")
FORMATS = ("png", "svg", "pdf")
CLIP = 99.5  # percent
MAX_DPI = 2400


@dataclass(frozen=True, kw_only=True)
class Style:
    """How attributions are drawn. The values that are saved stay as they are.

    Attributes:
        scale: "own" for a color scale of each map, "shared" for one scale of all maps of a method; None for what the results
            themselves say, else "own".
        clip: percent of the pixels of a map, by magnitude, at which its colors end; 100 for the largest magnitude of all.
        overlay: whether maps lie over the picture, in gray; None for those that are coarser than a picture of 64 pixels or
            more.
        beside: whether a map that lies over the picture is drawn bare, too, beside it.
        error: whether the standard error of a map is drawn beside it, where the map has one.
        colormap: name of a colormap of matplotlib; None for one that suits the map.
        size: inches of the shorter side of each picture; None for what suits their number.
        dpi: pixels per inch.
        title: whether there are titles: the picture, the class, the score, the name of the method.
    """

    scale: Literal["own", "shared"] | None = None
    clip: float = CLIP
    overlay: bool | None = None
    beside: bool = False
    error: bool = False
    colormap: str | None = None
    size: float | None = None
    dpi: int = DPI
    title: bool = True

    def __post_init__(self):
        checked_word("scale", self.scale, (*SCALES, None))
        if not 0 < checked_number("clip", self.clip) <= 100:
            raise InputError(f"`clip` must be above 0 and at most 100, in percent. Received: {self.clip:g}.")
        if self.size is not None and not 0.2 <= checked_number("size", self.size) <= 100:
            raise InputError(f"`size` must be between 0.2 and 100 inches. Received: {self.size:g}.")
        if not 10 <= checked_number("dpi", self.dpi) <= MAX_DPI:
            raise InputError(f"`dpi` must be between 10 and {MAX_DPI}. Received: {self.dpi:g}.")
        if self.colormap is not None:
            check_colormap(self.colormap)
        if self.beside and self.overlay is False:
            raise InputError("`beside` needs maps that lie over the picture. Received: `overlay=False`.")

    def check_images(self, count: int) -> None:
        """Refuse a scale that one image alone would share.

        Args:
            count: images of a figure.

        Raises:
            InputError: it is asked for, and there is one.
        """
        if self.scale == "shared" and count == 1:
            raise InputError("`scale` 'shared' needs several images in one figure. Received: one image.")

    @property
    def changes(self) -> dict[str, Any]:
        """What differs from the defaults, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value != getattr(DEFAULT, name)}


DEFAULT = Style()


@dataclass(frozen=True)
class Drawing:
    """How a figure is drawn and written.

    Attributes:
        style: of maps.
        formats: of the picture: "png", "svg", "pdf".
    """

    style: Style = DEFAULT
    formats: tuple[str, ...] = ("png",)

    @property
    def without_maps(self) -> Drawing:
        """What of it holds for a figure that has no maps."""
        return dataclasses.replace(self, style=Style(dpi=self.style.dpi))

    @classmethod
    def of(cls, options: dict[str, Any], *, maps: bool) -> Drawing:
        """Take the drawing out of the options of a command.

        Args:
            options: by name, None where they were not given; those of the drawing are removed.
            maps: whether the command draws maps, and has the options of all of the style.

        Raises:
            InputError: a value is out of its range.
        """
        formats = options.pop("format", None)
        names = [field.name for field in dataclasses.fields(Style) if maps or field.name == "dpi"]
        chosen = {name: value for name in names if (value := options.pop(name, None)) is not None}
        return cls(Style(**chosen), cls.formats if formats is None else _checked_formats(formats))


def _checked_formats(text: str) -> tuple[str, ...]:
    """The formats that "png,svg" names."""
    formats = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",")))
    unknown = [each for each in formats if each not in FORMATS]
    if unknown:
        raise InputError(f"`format` must be some of {', '.join(FORMATS)}, with commas between. Received: {text!r}.")
    return formats
