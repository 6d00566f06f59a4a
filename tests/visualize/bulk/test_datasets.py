"""Sources: every way to name the same pictures gives the same pictures."""

import csv
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import visualize
from visualize.bulk.datasets import source_of
from visualize.data.picture_format import PictureFormat
from visualize.errors import InputError
from visualize.models.layers import describe

COUNT = 10


class Batches(keras.utils.PyDataset):
    """Batches of four, the last of two."""

    def __init__(self, images, labels):
        super().__init__()
        self._arrays = images, labels

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return tuple(array[4 * index : 4 * index + 4] for array in self._arrays)


class Items:
    """An image at a time, with its label, by number."""

    def __init__(self, images, labels):
        self._arrays = images, labels

    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        return tuple(array[index] for array in self._arrays)


class Again:
    """Images one after the other, as often as they are wanted."""

    def __init__(self, images):
        self._images = images

    def __iter__(self):
        return iter(self._images)


@pytest.fixture(scope="module")
def arrays(pictures):
    return pictures(COUNT), np.arange(COUNT) % 4


@pytest.fixture(scope="module")
def files(arrays, tmp_path_factory):
    """The pictures in files of many kinds."""
    import zarr

    folder, (images, labels) = tmp_path_factory.mktemp("sources"), arrays
    (folder / "png").mkdir()
    names = [f"png/{number}.png" for number in range(COUNT)]
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image).save(folder / name)
    np.save(folder / "images.npy", images)
    np.savez(folder / "images.npz", images=images, labels=labels)
    (folder / "list.txt").write_text("\n".join(names) + "\n")
    with (folder / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("label", "path"), *zip("abcdabcdab", names, strict=True)])
    with (folder / "bare.csv").open("w", newline="") as file:
        csv.writer(file).writerows(zip(names, labels.tolist(), strict=True))
    zarr.save_array(folder / "array.zarr", images[..., None])
    group = zarr.open_group(folder / "group.zarr", mode="w")
    group.create_array("images", data=images)
    group.create_array("labels", data=labels)
    return folder


@pytest.fixture(scope="module")
def picture_format(saved):
    model = describe(visualize.open_model(saved("softmax")), class_names=list("abcd"), input_range=(0, 1))
    return PictureFormat.of(model, None)


def named(files):
    return {
        "folder": files / "png",
        "pattern": str(files / "**/*.png"),
        "npy": files / "images.npy",
        "npz": files / "images.npz",
        "list file": files / "list.txt",
        "csv": files / "list.csv",
        "bare csv": files / "bare.csv",
        "zarr": files / "array.zarr",
        "zarr group": files / "group.zarr",
    }


def objects(images, labels):
    channel = images[..., None]
    return {
        "array": images,
        "pair": (channel, labels),
        "list": list(images),
        "PyDataset": Batches(channel, labels),
        "items": Items(channel, labels),
        "iterable": Again(channel),
        "tf batches": tf.data.Dataset.from_tensor_slices((channel, labels)).batch(3),
        "tf images": tf.data.Dataset.from_tensor_slices(channel),
    }


WITH_LABELS = ("npz", "csv", "bare csv", "zarr group", "pair", "PyDataset", "items", "tf batches")
WAYS = (*named(Path()), *objects(np.zeros((COUNT, 1, 1), "uint8"), np.zeros(COUNT, int)))


@pytest.mark.parametrize("way", WAYS)
def test_every_source_gives_the_same_pictures_and_labels(way, arrays, files, picture_format):
    source = source_of({**named(files), **objects(*arrays)}[way], picture_format)
    expected = arrays[0][..., None].astype("float32") / 255
    assert source.count == COUNT
    assert len(set(source.ids(0, COUNT))) == COUNT
    for start, stop in ((0, 3), (3, 10), (0, 10), (9, 10)):
        piece = source.read(start, stop, picture_format)
        np.testing.assert_allclose(piece.images, expected[start:stop], atol=1e-6)
        assert piece.readable.tolist() == list(range(stop - start))
    assert (source.labels is not None) == (way in WITH_LABELS)
    assert source.labels is None or source.labels.tolist() == arrays[1].tolist()


def test_a_folder_is_read_with_those_in_it_in_the_order_of_numbers(tmp_path, picture_format):
    for name in ("10.png", "9.png", "b/1.png", "a/2.png", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert source_of(tmp_path, picture_format).ids(0, 4) == ["9.png", "10.png", "a/2.png", "b/1.png"]


def test_an_array_file_is_mapped_and_not_read(files, picture_format):
    images = source_of(files / "images.npy", picture_format).images
    assert isinstance(images.base, np.memmap) or isinstance(images, np.memmap)


def test_other_pictures_behind_the_same_ids_are_noticed(arrays, picture_format):
    others = arrays[0].copy()
    others[4, 3, 3] += 1
    first, second = (source_of(images, picture_format) for images in (arrays[0], others))
    assert first.ids(0, COUNT) == second.ids(0, COUNT)
    assert first.fingerprint() != second.fingerprint()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (iter([np.zeros((12, 12, 1), "uint8")]), "must be iterable more than once"),
        ([np.zeros((12, 12)), np.zeros((9, 12))], "images of one shape"),
        ((np.zeros((3, 12, 12), "uint8"), np.arange(2)), "whole number as the label of each of its 3 images"),
        (np.zeros((0, 12, 12), "uint8"), "at least one image"),
        (7, "must be a path, a data set's name, an array or an iterable"),
        ("nowhere:part", "or a named data set"),
    ],
)
def test_what_is_no_source_is_refused(data, message, picture_format):
    with pytest.raises(InputError, match=message):
        source_of(data, picture_format)


def test_numbers_that_are_no_bytes_are_refused(picture_format):
    source = source_of(np.full((2, 12, 12), 300, "int32"), picture_format)
    with pytest.raises(InputError, match="must hold bytes"):
        source.read(0, 2, picture_format)


def test_a_label_that_is_no_class_is_refused(files, picture_format):
    (files / "odd.csv").write_text("path,label\npng/1.png,zebra\n")
    with pytest.raises(InputError, match=r"names of the model.s classes"):
        source_of(files / "odd.csv", picture_format)
