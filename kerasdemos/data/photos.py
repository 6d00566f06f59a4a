"""A few photographs by name: those that scikit-image and matplotlib bring along, in their own size.

`photos` is an entry point of the group `visualize.datasets`: `--data photos:chelsea`.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from kerasdemos.data.package_files import PackageFile
from visualize.data.images import read_picture
from visualize.errors import InputError

PHOTOGRAPHS = {
    "astronaut": PackageFile("scikit-image", "skimage/data/astronaut.png"),
    "chelsea": PackageFile("scikit-image", "skimage/data/chelsea.png"),
    "coffee": PackageFile("scikit-image", "skimage/data/coffee.png"),
    "grace_hopper": PackageFile("matplotlib", "matplotlib/mpl-data/sample_data/grace_hopper.jpg"),
    "rocket": PackageFile("scikit-image", "skimage/data/rocket.jpg"),
}


class Photograph(TypedDict):
    """One photograph, as `visualize` takes a data set."""

    images: np.ndarray  # (1, height, width, 3) uint8, 0 black and 255 white


def photos(name: str = "") -> Photograph:
    """A photograph that anybody may use, for `--data photos:NAME`. Nothing is downloaded.

    | name | what it shows, (height, width) | credit and license |
    |---|---|---|
    | astronaut | Eileen Collins, (512, 512) | NASA, public domain |
    | chelsea | a cat, (300, 451) | Stefan van der Walt, CC0 |
    | coffee | a cup of espresso, (400, 600) | Rachel Michetti, courtesy of Pikolo Espresso Bar, CC0 |
    | grace_hopper | Grace Hopper in uniform, (600, 512) | James S. Davis, U.S. Navy, public domain |
    | rocket | a Falcon 9 at its launch, (427, 640) | SpaceX, public domain |

    Args:
        name: one of the names in the table.

    Returns:
        "images", (1, height, width, 3) uint8, 0 black and 255 white.

    Raises:
        InputError: there is no photograph of that name, or the package that has it is not installed.
    """
    if name not in PHOTOGRAPHS:
        raise InputError(f"`--data photos:NAME` must have {', '.join(PHOTOGRAPHS)} as its NAME. Received: {name!r}.")
    path = PHOTOGRAPHS[name].locate(needed_by=f"photos:{name}", install='"kerasdemos[photos]"')
    return {"images": read_picture(path, channels=3)[None]}
