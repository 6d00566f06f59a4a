"""A model, pictures and the bytes of folders, for the tests of bulk runs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COUNT, SIZE = 40, 12


def pictures(count=COUNT, seed=0):
    """Random gray pictures, (count, 12, 12) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE), "uint8")


def content(folder):
    """Every file of a folder, hidden ones included, by its name."""
    folder = Path(folder)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(name="content", scope="session")
def content_fixture():
    return content


@pytest.fixture(name="pictures", scope="session")
def pictures_fixture():
    return pictures


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Pictures with labels in a .npz."""
    path = tmp_path_factory.mktemp("bulk") / "set.npz"
    np.savez(path, images=pictures(), labels=np.arange(COUNT) % 4)
    return path


@pytest.fixture(scope="session")
def picture_folder(tmp_path_factory):
    """The same pictures in a folder and one in it, a broken one in every shard of eight."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "b").mkdir()
    for number, picture in enumerate(pictures()):
        path = folder / ("b" if number >= 20 else "") / f"{number}.png"
        if number % 8 == 3:
            path.write_bytes(b"no picture")
        else:
            Image.fromarray(picture).save(path)
    return folder
