"""Films: pictures that follow one another, as one GIF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from visualize._utils.atomic import atomic_file
from visualize.data.images import read_picture

SECONDS = 0.5  # for a picture, but
LONGEST = 12.0  # for all of them
AT_THE_END = 2.0  # the last one stays longer


def write_film(pictures: Sequence[Path], path: Path) -> Path:
    """Write picture files as an animation, in their order; on white, where some are smaller than others.

    Returns:
        The path.
    """
    sizes = []
    for picture in pictures:
        with Image.open(picture) as opened:
            sizes.append(opened.size)
    size = tuple(map(max, zip(*sizes, strict=True)))
    duration = [round(1000 * min(SECONDS, LONGEST / len(pictures)))] * len(pictures)
    duration[-1] = round(1000 * AT_THE_END)
    with atomic_file(path) as file:
        first, *others = pictures
        frames = (_sheet(picture, size) for picture in others)  # one at a time: there may be hundreds
        _sheet(first, size).save(file, format="GIF", save_all=True, append_images=frames, duration=duration, loop=0)
    return path


def _sheet(picture: Path, size: tuple[int, ...]) -> Image.Image:
    """A picture on white."""
    sheet = Image.new("RGB", size, "white")
    sheet.paste(Image.fromarray(read_picture(picture, channels=3)))
    return sheet
