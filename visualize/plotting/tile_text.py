"""What is written around tiles: what they are, what is left out, and what a reader must know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from visualize.plotting.figure import ResultFigure
from visualize.plotting.strongest import Drawn
from visualize.plotting.text import epoch_label, wrapped
from visualize.results import Tiles

MARGIN, HEADING = 0.15, 0.42  # inches: left and right of all text; down to the tiles if the heading is one line
TITLE_LINE, SMALL_LINE = 0.19, 0.15  # inches: the height of a line
TITLE_SIZE, SMALL_SIZE = 10, 8  # points
BOLD = 1.15  # width of bold letters, relative to others


@dataclass(frozen=True)
class TileText:
    """The lines above and below tiles.

    Attributes:
        title: what the tiles are.
        left_out: below it, what is left out.
        remarks: at the lower edge of the figure.
    """

    title: Sequence[str]
    left_out: Sequence[str]
    remarks: Sequence[str]

    @classmethod
    def of(cls, drawn: Drawn, width: float) -> TileText:
        """The text for tiles in a figure of this width."""
        room = width - 2 * MARGIN
        title = wrapped(title_of(drawn.tiles), room, TITLE_SIZE * BOLD)
        left_out = wrapped(drawn.left_out, room, SMALL_SIZE)
        remarks = [line for remark in drawn.tiles.settings.remarks or () for line in wrapped(remark, room, SMALL_SIZE)]
        return cls(title, left_out, remarks)

    @property
    def above(self) -> float:
        """Inches from the upper edge of the figure down to the tiles."""
        return HEADING + (len(self.title) - 1) * TITLE_LINE + len(self.left_out) * SMALL_LINE

    @property
    def below(self) -> float:
        """Inches at the lower edge of the figure."""
        return len(self.remarks) * SMALL_LINE + 0.08 if self.remarks else 0.0

    def write(self, figure: ResultFigure) -> None:
        """Write the lines on a figure."""
        height = figure.get_figheight()
        y = 0.22
        for line in self.title:
            figure.text(0.5, 1 - y / height, line, ha="center", va="center", fontsize=TITLE_SIZE, fontweight="bold")
            y += TITLE_LINE
        for line in self.left_out:
            figure.text(0.5, 1 - y / height, line, ha="center", va="center", fontsize=SMALL_SIZE)
            y += SMALL_LINE
        y = self.below - SMALL_LINE / 2
        for line in self.remarks:
            figure.text(MARGIN / figure.get_figwidth(), y / height, line, ha="left", va="center", fontsize=SMALL_SIZE)
            y -= SMALL_LINE


def title_of(tiles: Tiles) -> str:
    """What the tiles are."""
    settings = tiles.settings
    epoch = f"{epoch_label(tiles)}: " if epoch_label(tiles) else ""
    if tiles.method == "filters":
        filters, channels = settings.filters or 0, settings.channels or 0
        size = f"{filters:,} over {channels:,} channel{'s' if channels != 1 else ''}"
        if settings.channel is not None:
            size = f"{filters:,} over channel {settings.channel}"
        rows = ", one row each" if tiles.display.columns is not None else ""
        return f"{epoch}filters of {settings.layer}: {size}{rows}"
    if tiles.method == "features":
        return f"{epoch}features of {settings['layer']}"
    return f"{epoch}{_maximized(tiles)}"


def _maximized(tiles: Tiles) -> str:
    """What the tiles of `maximize` maximize."""
    layer, targets = tiles.settings.get("layer"), tiles.settings.get("targets", ())
    objectives = [target for target in targets if isinstance(target, str)]  # their names say what they are
    if len(tiles.pictures) == 1:
        return f"input that maximizes {objectives[0] if objectives else f'a channel of {layer}' if layer else 'the score'}"
    if not objectives:
        return f"inputs that maximize {layer or 'each score'}"
    return f"inputs that maximize {objectives[0] if len(set(targets)) == 1 else 'each objective'}"
