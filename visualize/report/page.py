"""The page of a report: one HTML file that needs no other, of a limited size."""

from __future__ import annotations

import base64
import io
import urllib.parse
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from PIL import Image

from visualize._utils.atomic import atomic_file

MOST_BYTES = 10_000_000  # of the file
WIDTHS = (1600, 1200, 900, 640, 480)  # pixels that a picture may be wide, until all of them fit
WIDE = 560  # pixels: on a phone a wider picture is moved sideways in its frame, for its letters would be too small


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes:
        path: the original, a PNG in the folder of the report or below it.
        title: what it is.
        alt: what is to be seen.
        command: the words of the command line that draws it again.
    """

    path: Path
    title: str
    alt: str
    command: str


@dataclass(frozen=True)
class Table:
    """Rows of text.

    Attributes:
        caption: what they are.
        header: the names of the columns.
        rows: one text a column.
        numbers: which columns hold numbers, and stand to the right.
        rest: a word on what was left out, or "".
        loose: whether its columns may be many and have long names; on a phone each row is then a list.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    rest: str = ""
    loose: bool = False


@dataclass(frozen=True)
class Part:
    """A section of the report: some lines, facts, tables and figures, each of which may be missing.

    Attributes:
        anchor: its name in the address of the page.
        title: its heading.
        lines: plain sentences.
        facts: names and what they are.
        tables: in their order.
        pictures: in their order.
        below: the tables that stand below the pictures.
        missing: sentences on what could not be made, and why.
    """

    anchor: str
    title: str
    lines: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    below: tuple[Table, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """The whole report.

    Attributes:
        title: of the document.
        lead: one sentence below it.
        model: the parts that speak of the model.
        images: the parts that speak of one image each.
        methods: each method and its first line of help.
        command: the words of the command line that makes the report again.
        made: when, and with which versions.
    """

    title: str
    lead: str
    model: tuple[Part, ...]
    images: tuple[Part, ...]
    methods: tuple[tuple[str, str], ...]
    command: str
    made: str

    @property
    def pictures(self) -> list[Picture]:
        """Every picture, in the order of the page."""
        return [picture for part in (*self.model, *self.images) for picture in part.pictures]


@dataclass(frozen=True)
class Embedded:
    """A picture as the page holds it.

    Attributes:
        data: a `data:` address, or "" where there was no room for it.
        width, height: of the original, in pixels.
        scaled: whether it has fewer pixels than the original.
    """

    data: str
    width: int
    height: int
    scaled: bool

    @property
    def wide(self) -> bool:
        """Whether a phone cannot show it whole with letters to read."""
        return self.width > WIDE


def write(page: Page, path: Path, *, most_bytes: int = MOST_BYTES) -> Path:
    """Write the page with its pictures in it, each as large as fits; what does not fit is a link to the original.

    Args:
        page: what to show.
        path: of the `.html`; the originals stand beside it or below its folder.
        most_bytes: how large the file may become.
    """
    bare = {picture.path: _embedded(picture.path, None) for picture in page.pictures}
    found = _fitting(list(bare), most_bytes - len(render(page, path.parent, bare)))
    content = render(page, path.parent, found)
    while len(content) > most_bytes and any(
        one.data for one in found.values()
    ):  # what stands around a picture takes room, too
        last = [name for name, one in found.items() if one.data][-1]
        found[last] = bare[last]
        content = render(page, path.parent, found)
    with atomic_file(path) as file:
        file.write(content)
    return path


def render(page: Page, folder: Path, embedded: Mapping[Path, Embedded]) -> bytes:
    """The page as HTML, in which every text stands as it is: whatever it holds, it is no markup."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["link"] = lambda picture: _link(picture, folder)
    source = resources.files("visualize.report").joinpath("report.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(page=page, embedded=embedded).encode("utf-8", "replace")


def _fitting(paths: Sequence[Path], room: int) -> dict[Path, Embedded]:
    """The pictures with as many pixels as there is room for, alike for all; in the end without the last of them."""
    for width in WIDTHS:
        found = {path: _embedded(path, width) for path in paths}
        if sum(len(one.data) for one in found.values()) <= room:
            return found
    for path, one in found.items():
        room -= len(one.data)
        if room < 0:  # and so for all that follow: which are there must not depend on how well one happens to pack
            found[path] = _embedded(path, None)
    return found


def _embedded(path: Path, width: int | None) -> Embedded:
    """A picture of at most so many pixels in width; without its data where `width` is None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we drew it ourselves
        with Image.open(path) as picture:
            size = picture.size
            if width is None:
                return Embedded("", *size, scaled=False)
            content, scaled = path.read_bytes(), size[0] > width
            if scaled:
                smaller = picture.convert("RGB").resize(
                    (width, max(1, round(size[1] * width / size[0]))), Image.Resampling.LANCZOS
                )
                held = io.BytesIO()
                smaller.save(held, format="PNG", optimize=True)
                content = held.getvalue()
    return Embedded("data:image/png;base64," + base64.b64encode(content).decode(), *size, scaled=scaled)


def _link(picture: Picture, folder: Path) -> str:
    """The original as an address relative to the page; never one of another kind, whatever its name."""
    return "./" + urllib.parse.quote(picture.path.relative_to(folder).as_posix())
