"""Framing: how a photograph of any proportions is brought to the size of a model, and where its maps belong on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MODES = ("crop", "fit", "stretch")
MAX_SIDE = 2048  # pixels of the longer side of an original that is kept to draw on

Box = tuple[float, float, float, float]


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

    def box(self, height: int, width: int, size: tuple[int, int]) -> Box:
        """Which part of a photograph of this height and width, in its pixels, becomes a picture of `size`."""
        if self.mode == "stretch":
            return 0.0, 0.0, float(height), float(width)
        scales = height / size[0], width / size[1]  # pixels of the photograph per pixel of the model
        scale = max(scales) if self.mode == "fit" else self.share * min(scales)
        tall, wide = scale * size[0], scale * size[1]
        top, left = (height - tall) / 2, (width - wide) / 2
        return top, left, top + tall, left + wide
