"""Images: pictures and arrays in files, as numbers that a model takes."""

from __future__ import annotations

import glob
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from visualize._utils.native_stderr import decoding
from visualize.data.arrays import load_arrays
from visualize.errors import InputError

# Not all that Pillow reads: for EPS it would run Ghostscript on a program in the file.
FORMATS = ("AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP")
SUFFIXES = (  # of pictures in folders
    *(".avif", ".bmp", ".gif", ".ico", ".jp2", ".jpeg", ".jpg", ".mpo", ".pgm", ".png", ".ppm", ".tga", ".tif", ".tiff"),
    ".webp",
)
BAND = 2**20  # pixels that are converted at a time


def picture_files(paths: Iterable[str | Path]) -> list[Path]:
    """Files by name, for paths that may be folders or patterns such as `photos/*.jpg`: "2.png" before "10.png".

    Raises:
        InputError: a folder or a pattern without any picture.
    """
    files = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [each for each in path.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file()]
        elif set("*?[") & set(str(path)) and not path.exists():
            inside = [Path(each) for each in glob.glob(str(path), recursive=True) if Path(each).is_file()]
        else:
            files.append(path)
            continue
        if not inside:
            raise InputError(f"`images` must be picture files or arrays. Received: {path}, where there is none.")
        files += sorted(inside, key=_natural_order)
    return files


def _natural_order(path: Path) -> list[tuple[int, int | str]]:
    """A key that sorts the numbers in names as numbers."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


def read_picture(path: str | Path, *, channels: int) -> np.ndarray:
    """A picture file as bytes, (height, width, channels) uint8, rotated as its EXIF data says.

    Args:
        path: a file in one of `FORMATS`, whatever its name; the first frame of an animation.
        channels: 1 for gray, 3 for red, green and blue. Transparent parts become white.

    Raises:
        InputError: the file does not exist, is not a picture, or has more than 89 million pixels (which take 700 MB).
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"`images` must be picture files or arrays. Received: {path}, which is no file.")
    try:
        with warnings.catch_warnings(), decoding(path.name):
            warnings.simplefilter("ignore")  # on tags and EXIF data that Pillow skips
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_formats()) as picture:
                ImageOps.exif_transpose(picture, in_place=True)  # copies only what needs rotation
                return _pixels(picture, channels)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(f"{path} must have at most {Image.MAX_IMAGE_PIXELS:,} pixels. Received: more.") from None
    except UnidentifiedImageError:
        raise InputError(f"{path} must be a picture. Received: a file that Pillow cannot identify.") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except Exception as error:  # Pillow's decoders raise errors of many classes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} must be a whole picture. Received: a file that cannot be decoded ({reason}).") from None


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a `.npz` file by name; of a `.npy` file its only array, under the name "images".

    Raises:
        InputError: the file does not exist, has another format, or holds pickled objects, which could run code.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} must be a .npy or .npz file. Received: no such file.")
    try:
        loaded = load_arrays(path)
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise errors of many classes
        pickled = "Object arrays" in str(error)
        what = "pickled objects, which could run code" if pickled else "something that NumPy cannot read"
        raise InputError(f"{path} must hold plain arrays. Received: {what}.") from None
    arrays = {"images": loaded} if isinstance(loaded, np.ndarray) else loaded
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise InputError(f"{path} must hold plain arrays. Received: an archive of something else.")
    if not arrays:
        raise InputError(f"{path} must hold an array. Received: an empty archive.")
    return arrays


def scaled(pixels: np.ndarray, input_range: Sequence[float]) -> np.ndarray:
    """Bytes as float32 in a model's range: 0 becomes its low end and 255 its high end."""
    low, high = input_range
    return (low + (high - low) / 255.0 * pixels.astype("float64")).astype("float32")


def with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Bytes, (height, width) or (height, width, any), as (height, width, channels): gray is repeated, color turns gray.

    Raises:
        InputError: the bytes have neither 1 nor 3 channels, and another number is needed.
    """
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.shape[-1] == channels:
        return pixels
    if pixels.shape[-1] == 1:
        return np.repeat(pixels, channels, axis=-1)
    if pixels.shape[-1] == 3 and channels == 1:
        return np.asarray(Image.fromarray(pixels).convert("L"))[..., None]
    raise InputError(f"Pictures must have 1 or 3 channels, to be used as {channels}. Received: {pixels.shape[-1]}.")


def _formats() -> list[str]:
    """The `FORMATS` that the installed Pillow supports."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _pixels(picture: Image.Image, channels: int) -> np.ndarray:
    """A picture as bytes, (height, width, channels), converted a band of rows at a time: a copy of all might not fit."""
    if picture.mode == "F":
        raise InputError(
            "A picture file must state its black and white. Received: real numbers of any range. Pass them as a .npy array."
        )
    if channels not in (1, 3):
        raise InputError(
            f"The model must take 1 or 3 channels to read a picture file. Received: {channels}. Pass a .npy array."
        )
    pixels = np.empty((picture.height, picture.width, channels), np.uint8)
    rows = max(1, BAND // picture.width)
    for top in range(0, picture.height, rows):
        band = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        pixels[top : top + rows] = _converted(band, channels)
    return pixels


def _converted(picture: Image.Image, channels: int) -> np.ndarray:
    if picture.mode.startswith("I"):  # 16 bits per pixel, which convert() would clip at 255
        deep = np.clip(np.asarray(picture), 0, 65535).astype("int32")
        deep += 128  # to round to the nearest; 257 is odd, so there are no ties
        deep //= 257
        picture = Image.fromarray(deep.astype("uint8"))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layered = picture if picture.mode == "RGBA" else picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered)
    return np.asarray(picture.convert("L"))[..., None] if channels == 1 else np.asarray(picture.convert("RGB"))
