"""The photographs by name."""

import inspect

import numpy as np
import pytest
import skimage.data

from kerasdemos.data import photos
from kerasdemos.data.package_files import PackageFile
from kerasdemos.data.photos import PHOTOGRAPHS
from visualize.errors import InputError


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_a_photograph_is_that_of_scikit_image_in_its_own_size(name):
    images = photos(name)["images"]
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, getattr(skimage.data, name)()[None])


def test_the_docstring_gives_size_credit_and_license_of_each():
    rows = [line.strip() for line in (inspect.getdoc(photos) or "").splitlines() if line.startswith("| ")][1:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(PHOTOGRAPHS)
    for name, row in zip(PHOTOGRAPHS, rows, strict=True):
        height, width = photos(name)["images"].shape[1:3]
        assert f"({height}, {width}) | " in row
        assert row.endswith((", CC0 |", ", public domain |"))


def test_an_unknown_name_is_refused_with_the_choices():
    for name in ("", "dog"):
        with pytest.raises(
            InputError, match=r"must have astronaut, chelsea, coffee, grace_hopper, rocket as its NAME\. Received: '"
        ):
            photos(name)


def test_without_scikit_image_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(PackageFile, "_distribution", lambda _: None)
    with pytest.raises(
        InputError, match=r'photos:chelsea needs the package scikit-image: pip install "kerasdemos\[photos\]"\.'
    ):
        photos("chelsea")


def test_a_package_without_the_file_is_named():
    file = PackageFile("scikit-image", "skimage/data/nothing.png")
    with pytest.raises(
        InputError, match=r"The package scikit-image must bring skimage/data/nothing\.png, which x needs\. Received"
    ):
        file.locate(needed_by="x", install="it")
