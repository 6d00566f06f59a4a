"""The page of a report: one HTML file with its pictures inside, of a limited size."""

from __future__ import annotations

import base64
import io
import re
import urllib.parse
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from PIL import Image

from visualize._utils.atomic import atomic_file

MAX_BYTES = 10_000_000  # of the file
WIDTHS = (1600, 1200, 900, 640, 480)  # pixels: the largest width at which all pictures fit is taken
MIN_WIDTH_BESIDE = 900  # pixels of pictures beside which there are others for phones


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes:
        path: the original, a PNG in the folder of the report or below it.
        title: its caption.
        alt: what it shows, for readers who cannot see it.
        command: the command line that draws it again.
        narrow: the same for the screen of a phone, a JPEG; empty where the figure itself is narrow or cannot be.
    """

    path: Path
    title: str
    alt: str
    command: str
    narrow: bytes = b""


@dataclass(frozen=True)
class Table:
    """Rows of text.

    Attributes:
        caption: above the table.
        header: the names of the columns.
        rows: one text per column.
        numbers: indices of the columns that hold numbers and are aligned to the right.
        rest: a sentence on what was left out, or "".
        loose: whether there may be many columns with long names; on a phone each row is then shown as a list.
        folded: whether it is long: its caption opens it, and a printed page has it open.
        bars: how long the bar of each row is, from 0 to 1; none for a table without bars.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    rest: str = ""
    loose: bool = False
    folded: bool = False
    bars: tuple[float, ...] = ()


@dataclass(frozen=True)
class Part:
    """A section of the report. Everything but its anchor and title may be empty.

    Attributes:
        anchor: its id in the page.
        title: its heading.
        lines: plain sentences.
        facts: pairs of a name and a value.
        tables: above the pictures.
        pictures: in their order.
        below: tables below the pictures.
        missing: sentences on what could not be drawn, and why.
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
        model: the sections on the model.
        images: the sections on one image each.
        methods: the name and the first line of help of each method.
        command: the command line that makes the report again.
        made: when it was made, and with which versions.
        trust: what was measured of the methods; None where it was not asked for.
    """

    title: str
    lead: str
    model: tuple[Part, ...]
    images: tuple[Part, ...]
    methods: tuple[tuple[str, str], ...]
    command: str
    made: str
    trust: Part | None = None

    @property
    def pictures(self) -> list[Picture]:
        """Every picture, in the order of the page."""
        trust = () if self.trust is None else (self.trust,)
        return [picture for part in (*self.images, *trust, *self.model) for picture in part.pictures]


@dataclass(frozen=True)
class Embedded:
    """A picture as it is embedded in the page.

    Attributes:
        data: a `data:` URL, or "" if there was no room for it.
        width, height: of the original, in pixels.
        scaled: whether it has fewer pixels than the original.
        narrow: the same for the screen of a phone; None where there is none.
    """

    data: str
    width: int
    height: int
    scaled: bool
    narrow: Embedded | None = None


def write(page: Page, path: Path, *, max_bytes: int = MAX_BYTES) -> Path:
    """Write the page with its pictures embedded, as large as fits; what does not fit is a link to the original.

    Args:
        page: what to show.
        path: of the `.html`; the originals stand beside it or below its folder.
        max_bytes: how large the file may become.

    Returns:
        The path.
    """
    links = {picture.path: _embedded(picture.path, None) for picture in page.pictures}
    pictures = _fitting(page.pictures, max_bytes - len(render(page, path.parent, links)))
    content = render(page, path.parent, pictures)
    # The markup around the pictures takes room, too.
    while len(content) > max_bytes and any(each.data for each in pictures.values()):
        last = [name for name, each in pictures.items() if each.data][-1]
        pictures[last] = links[last]
        content = render(page, path.parent, pictures)
    with atomic_file(path) as file:
        file.write(content)
    return path


def render(page: Page, folder: Path, embedded: Mapping[Path, Embedded]) -> bytes:
    """The page as HTML. Every text is escaped: whatever it holds, it is never read as markup."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["link"] = lambda picture: _link(picture, folder)
    environment.filters["pieces"] = _pieces
    source = resources.files("visualize.report").joinpath("report.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(page=page, embedded=embedded).encode("utf-8", "replace")


def _fitting(figures: Sequence[Picture], room: int) -> dict[Path, Embedded]:
    """The pictures at the largest width at which all of them fit; at the smallest width, without the last ones if need be.

    Those for phones are left out before the others get narrower than `MIN_WIDTH_BESIDE`.
    """
    pictures: dict[Path, Embedded] = {}
    narrow = {figure.path: _embedded_jpeg(figure.narrow) for figure in figures if figure.narrow}
    for width in WIDTHS:
        pictures = {figure.path: _embedded(figure.path, width) for figure in figures}
        size = sum(len(each.data) for each in pictures.values())
        if width >= MIN_WIDTH_BESIDE and size + sum(len(each.data) for each in narrow.values()) <= room:
            return {path: replace(each, narrow=narrow.get(path)) for path, each in pictures.items()}
        if width <= MIN_WIDTH_BESIDE and size <= room:
            return pictures
    for path, picture in pictures.items():
        room -= len(picture.data)
        if room < 0:  # also for all that follow: whether a picture is shown must not depend on how well it compresses
            pictures[path] = _embedded(path, None)
    return pictures


def _embedded(path: Path, width: int | None) -> Embedded:
    """A picture of at most `width` pixels in width; without its data if `width` is None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # it is our own figure
        with Image.open(path) as picture:
            if width is None:
                return Embedded("", *picture.size, scaled=False)
            scaled = picture.width > width
            content = _scaled_png(picture, width) if scaled else path.read_bytes()
            return Embedded(_data_url(content, "png"), *picture.size, scaled=scaled)


def _embedded_jpeg(content: bytes) -> Embedded:
    with Image.open(io.BytesIO(content)) as picture:
        return Embedded(_data_url(content, "jpeg"), *picture.size, scaled=False)


def _data_url(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64," + base64.b64encode(content).decode()


def _scaled_png(picture: Image.Image, width: int) -> bytes:
    size = (width, max(1, round(picture.height * width / picture.width)))
    content = io.BytesIO()
    picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(content, format="PNG", optimize=True)
    return content.getvalue()


def _pieces(text: str) -> list[str]:
    """The pieces of a text between which a narrow column may break it: behind `/` and `_`, and before a capital's word."""
    return re.split(r"(?<=[/_])(?=[^/_])|(?<=[a-z])(?=[A-Z][a-z])", text)


def _link(picture: Picture, folder: Path) -> str:
    """The address of the original, relative to the page; a file's address whatever its name is."""
    return "./" + urllib.parse.quote(picture.path.relative_to(folder).as_posix())
