"""Framing: how a photograph of any proportions is brought to the size of a model, and where the result lies on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from visualize._utils.limits import check_tensor
from visualize._utils.validation import checked_word
from visualize.models.card import RESIZE_MODES, Card

PHOTOGRAPH_SIDE = 64  # pixels of the shorter side from which a picture counts as a photograph, no drawing of pixels
MAX_SIDE = 2048  # pixels of the longer side of a photograph that is kept to draw on

Box = tuple[float, float, float, float]
Size = tuple[int | None, int | None]


@dataclass(frozen=True, eq=False)
class Original:
    """A photograph as it was in its file, and which part of it the model was shown.

    Attributes:
        pixels: (height, width, 1 or 3) uint8, reduced if the photograph is longer than 2,048 pixels.
        size: height and width of the photograph.
        box: (top, left, bottom, right) of the model's picture on the photograph, in pixels of `size`. With "crop" it lies
            inside, with "fit" it reaches beyond two sides, with "stretch" it is the whole photograph.
        mode: how it was brought to size: "crop", "fit" or "stretch".
    """

    pixels: np.ndarray
    size: tuple[int, int]
    box: Box
    mode: str


@dataclass(frozen=True)
class Framing:
    """A way to bring photographs to the size of a model.

    Attributes:
        mode: "crop" takes the largest part from the middle that has the model's proportions, "fit" shows the whole photograph
            between bars of the color of its edge, "stretch" changes its proportions.
        share: of "crop", the side of its part, 1 for the largest. (Many networks are evaluated on the middle 224 pixels of
            photographs whose shorter side has 256: .875.)
    """

    mode: str = "crop"
    share: float = 1.0

    @classmethod
    def of(cls, card: Card, resize: str | None) -> Framing:
        """What was asked for, else what a card says, else the largest part from the middle.

        Raises:
            InputError: `resize` is no mode.
        """
        mode = card.resize or cls.mode if resize is None else checked_word("resize", resize, RESIZE_MODES)
        return cls(mode, card.resize_share or cls.share)

    def apply(self, picture: np.ndarray, size: Size) -> tuple[np.ndarray, Original | None]:
        """A picture in another size.

        Args:
            picture: (height, width, channels) uint8.
            size: height and width; a length that is None is free: it follows from the other one and the proportions of the
                picture, or stays.

        Returns:
            The picture, (*size, channels) uint8, and what it was made of; None if it had the right size already.
        """
        height, width = picture.shape[:2]
        new = self._free_lengths(size, height, width)
        if new == (height, width):
            return picture, None
        check_tensor("A picture in the size of the model", (*new, picture.shape[2]), 4)
        if self.mode == "fit":
            framed, box = _fitted(picture, new)
        else:
            box = self._part(height, width, new)
            framed = _resized(picture, new, box)
        return framed, Original(_reduced(picture), (height, width), box, self.mode)

    def _free_lengths(self, size: Size, height: int, width: int) -> tuple[int, int]:
        match size:
            case (int(tall), None) if self.mode != "stretch":
                return tall, max(1, round(width * tall / height))
            case (None, int(wide)) if self.mode != "stretch":
                return max(1, round(height * wide / width)), wide
        return size[0] or height, size[1] or width

    def _part(self, height: int, width: int, size: tuple[int, int]) -> Box:
        """Which part of a photograph becomes a picture of `size`, in its pixels."""
        if self.mode == "stretch":
            return 0.0, 0.0, float(height), float(width)
        scale = self.share * min(height / size[0], width / size[1])  # pixels of the photograph per pixel of the model
        tall, wide = scale * size[0], scale * size[1]
        top, left = (height - tall) / 2, (width - wide) / 2
        return top, left, top + tall, left + wide


def describe_change(original: Original, size: tuple[int, int]) -> str:
    """What became of a photograph, for the user: "the middle 300x300 of 300x451 pixels, resized to 224x224"."""
    (height, width), (top, left, bottom, right) = original.size, original.box
    after = f"{size[0]}x{size[1]} (height x width)"
    if original.mode == "crop" and max(top, left) >= 0.5:
        part = f"the middle {bottom - top:.0f}x{right - left:.0f} of {height}x{width}"
        return f"{part} resized to {after}; --resize fit shows it whole"
    if original.mode == "fit" and min(top, left) <= -0.5:
        return f"resized from {height}x{width}, between bars, to {after}"
    return f"resized from {height}x{width} to {after}"


def _resized(picture: np.ndarray, size: tuple[int, int], box: Box) -> np.ndarray:
    """A part of a picture, (height, width, channels), in another size."""
    top, left, bottom, right = box
    inside = max(left, 0.0), max(top, 0.0), min(right, picture.shape[1]), min(bottom, picture.shape[0])
    planes = [
        Image.fromarray(plane).resize((size[1], size[0]), Image.Resampling.BILINEAR, box=inside)
        for plane in np.moveaxis(picture, -1, 0)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def _fitted(picture: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, Box]:
    """A whole picture in the middle of one of `size`, and where that one lies on it."""
    height, width = picture.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    tall, wide = (max(1, min(round(length * scale), most)) for length, most in zip((height, width), size, strict=True))
    above, before = (size[0] - tall) // 2, (size[1] - wide) // 2
    framed = np.empty((*size, picture.shape[2]), np.uint8)
    framed[:] = _edge_color(picture)
    framed[above : above + tall, before : before + wide] = _resized(picture, (tall, wide), (0, 0, height, width))
    top, left = -above * height / tall, -before * width / wide
    return framed, (top, left, top + size[0] * height / tall, left + size[1] * width / wide)


def _edge_color(picture: np.ndarray) -> np.ndarray:
    """The median color of the outermost pixels."""
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])  # (pixels, channels)
    return np.median(edge, axis=0).astype(np.uint8)


def _reduced(picture: np.ndarray) -> np.ndarray:
    """A picture with at most 2,048 pixels along its longer side."""
    height, width = picture.shape[:2]
    scale = MAX_SIDE / max(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return picture if scale >= 1 else _resized(picture, size, (0, 0, height, width))


def place(values: np.ndarray, size: tuple[int, int], box: Box) -> np.ndarray:
    """A map of the model's picture in the pixels of a photograph.

    Args:
        values: (height, width), of the model's picture.
        size: height and width of the photograph.
        box: (top, left, bottom, right) of the model's picture on it.

    Returns:
        (*size,) float32, interpolated between the centers of the pixels; NaN where the model saw nothing.
    """
    (rows, row_parts, row_inside), (columns, column_parts, column_inside) = (
        _neighbors(length, low, high, count)
        for length, low, high, count in zip(size, box[:2], box[2:], values.shape, strict=True)
    )
    values = values.astype("float32")
    lines = values[rows] * (1 - row_parts)[:, None] + values[rows + (values.shape[0] > 1)] * row_parts[:, None]
    placed = lines[:, columns] * (1 - column_parts) + lines[:, columns + (values.shape[1] > 1)] * column_parts
    placed[~row_inside] = np.nan
    placed[:, ~column_inside] = np.nan
    return placed


def _neighbors(length: int, low: float, high: float, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Along one axis: the pixel of a map before each of a photograph, how far it is to the next, and whether it is shown."""
    centers = np.arange(length) + 0.5
    positions = np.clip((centers - low) / (high - low) * count - 0.5, 0, count - 1)
    before = np.minimum(positions.astype(int), max(count - 2, 0))
    return before, (positions - before).astype("float32"), (centers > low) & (centers < high)
