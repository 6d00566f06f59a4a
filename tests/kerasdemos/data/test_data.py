"""MNIST, IDX directories, .npz files: what is read, and what is refused."""

import gzip
import os
import struct
import zipfile

import numpy as np
import pytest

from kerasdemos import data
from kerasdemos.data import datasets, idx_format, validation
from visualize.errors import InputError


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_directory(folder, *, zipped=False, images=12, side=28):
    """A directory of IDX files with random pictures; returns what is in it."""
    rng = np.random.default_rng(7)
    stored = {}
    for image_name, label_name in datasets.FILES.values():
        stored[image_name] = rng.integers(0, 256, (images, side, side), dtype=np.uint8)
        stored[label_name] = (np.arange(images) % 10).astype(np.uint8)
    for name, array in stored.items():
        content = idx_bytes(array)
        path = folder / (f"{name}.gz" if zipped else name)
        path.write_bytes(gzip.compress(content) if zipped else content)
    return stored


def write_npz(path, **changes):
    rng = np.random.default_rng(7)
    arrays = {
        "x_train": rng.integers(0, 256, (30, 28, 28), dtype=np.uint8),
        "y_train": np.arange(30) % 10,
        "x_test": rng.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        "y_test": np.arange(20) % 10,
    }
    arrays.update(changes)
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return arrays


def test_packaged_mnist_is_the_published_data_set():
    pictures = data.load()
    assert pictures.train_images.shape == (60000, 28, 28)
    assert pictures.test_images.shape == (10000, 28, 28)
    assert np.bincount(pictures.test_labels).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert pictures.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert pictures.train_images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)


def test_packaged_mnist_is_read_once_and_cannot_be_changed():
    assert data.load().test_images is data.load().test_images
    with pytest.raises(ValueError, match="read-only"):
        data.load().test_images[0] = 0


def test_a_changed_packaged_file_is_noticed_by_its_md5(monkeypatch):
    monkeypatch.setitem(datasets.MNIST_MD5, "t10k-labels-idx1-ubyte", "0" * 32)
    with pytest.raises(InputError) as refused:
        datasets.mnist_part.__wrapped__("test")
    assert str(refused.value) == (
        "The packaged t10k-labels-idx1-ubyte.gz must have md5 00000000000000000000000000000000 when "
        "unzipped. Received: 27ae3e4e09519cfbb04c329615203637. Install kerasdemos again."
    )


@pytest.mark.parametrize("zipped", [True, False])
def test_a_directory_of_idx_files_is_read_zipped_or_not(tmp_path, zipped):
    stored = write_directory(tmp_path, zipped=zipped)
    pictures = data.load(tmp_path)
    np.testing.assert_array_equal(pictures.train_images, stored["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(pictures.test_labels, stored["t10k-labels-idx1-ubyte"])
    assert pictures.class_names == tuple("0123456789")
    assert pictures.name == tmp_path.name


def test_an_idx_file_is_read_by_its_content_and_not_by_its_name(tmp_path):
    array = np.arange(6, dtype=np.uint8)
    path = tmp_path / "labels"
    path.write_bytes(gzip.compress(idx_bytes(array)))
    np.testing.assert_array_equal(idx_format.read_idx(path, dimensions=1), array)


def test_a_npz_of_keras_layout_is_read(tmp_path):
    stored = write_npz(tmp_path / "some.npz")
    pictures = data.load(str(tmp_path / "some.npz"))
    np.testing.assert_array_equal(pictures.train_images, stored["x_train"])
    np.testing.assert_array_equal(pictures.test_labels, stored["y_test"])


LABELS = idx_bytes(np.arange(6, dtype=np.uint8))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LABELS[:-2], "labels must hold 6 = 6 bytes after its header, as the header says. Received: 4."),
        (LABELS + b"!", "labels must hold 6 = 6 bytes after its header, as the header says. Received: 7."),
        (LABELS[:6], "labels must have an IDX header of 8 bytes. Received: 6 bytes."),
        (
            idx_bytes(np.zeros((1, 2, 2), np.uint8)),
            "labels must begin with the IDX magic number 00000801 (bytes in 1 dimension). Received: 00000803.",
        ),
        (
            b"",
            "labels must begin with the IDX magic number 00000801 (bytes in 1 dimension). Received: an empty file.",
        ),
        (
            gzip.compress(LABELS)[:-9],
            "labels must be a whole gzip file. Received: Compressed file ended before the end-of-stream marker was reached",
        ),
    ],
    ids=["truncated", "too long", "header only", "wrong magic", "empty", "half a gzip"],
)
def test_a_damaged_idx_file_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        idx_format.read_idx(path, dimensions=1)
    assert str(refused.value) == f"{tmp_path}/{message}"


def test_a_gzip_with_damaged_bytes_is_refused(tmp_path):
    content = bytearray(gzip.compress(LABELS))
    content[-6] ^= 0xFF  # in its checksum
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"must be a whole gzip file. Received: CRC check failed"):
        idx_format.read_idx(path, dimensions=1)


def test_a_directory_without_a_file_says_which(tmp_path):
    write_directory(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(InputError) as refused:
        data.load(tmp_path)
    assert str(refused.value) == (
        f"{tmp_path} must hold t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz. Received: neither is there."
    )


def test_images_and_labels_that_differ_in_number_are_refused(tmp_path):
    write_directory(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(11, np.uint8)))
    with pytest.raises(InputError) as refused:
        data.load(tmp_path)
    assert str(refused.value) == (
        f"The images and labels of {tmp_path} (train) must be equally many. Received: 12 images and 11 labels."
    )


def test_what_is_neither_a_directory_nor_a_file_is_refused(tmp_path):
    with pytest.raises(InputError) as refused:
        data.load(tmp_path / "nothing")
    assert str(refused.value) == (
        f"`--data` must be a directory of IDX files or a .npz file. Received: {tmp_path}/nothing, no such file."
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"y_test": None},
            "{path} must hold the arrays x_train, y_train, x_test, y_test. Received: x_train, y_train, x_test.",
        ),
        (
            {"y_test": np.array([{}], dtype=object)},
            "{path} must hold plain numbers in y_test. Received: pickled objects, which are never loaded.",
        ),
        (
            {"y_test": np.zeros(19, int)},
            "The images and labels of {path} (test) must be equally many. Received: 20 images and 19 labels.",
        ),
        (
            {"x_test": np.zeros((20, 28, 28), np.float32)},
            "The images of {path} (test) must be uint8 of shape (count, height, width). "
            "Received: float32 of shape (20, 28, 28).",
        ),
        (
            {"y_test": np.zeros((20, 10), int)},
            "The labels of {path} (test) must be whole numbers of shape (count,). Received: int64 of shape (20, 10).",
        ),
    ],
    ids=["missing", "pickled", "count", "float images", "one-hot labels"],
)
def test_a_npz_that_does_not_fit_is_refused(tmp_path, changes, message):
    path = tmp_path / "some.npz"
    write_npz(path, **changes)
    with pytest.raises(InputError) as refused:
        data.load(path)
    assert str(refused.value) == message.format(path=path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 half"])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    path = tmp_path / "some.npz"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        data.load(path)
    assert str(refused.value) == (
        f"{path} must be a .npz file with x_train, y_train, x_test, y_test. "
        "Received: a file that is damaged or of another format."
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"x_test": np.ones((20, 32, 30), np.uint8)},
            "The images of some.npz (test) must be 28 x 28 pixels. Received: 32 x 30.",
        ),
        (
            {"y_train": np.arange(30) % 26},
            "The labels of some.npz (train) must be from 0 to 9. Received: 0 to 25.",
        ),
        (
            {"y_train": np.arange(30) % 10 - 1},
            "The labels of some.npz (train) must be from 0 to 9. Received: -1 to 8.",
        ),
        (
            {"x_test": np.ones((4, 28, 28), np.uint8), "y_test": np.arange(4)},
            "some.npz (test) must hold at least 10 images. Received: 4.",
        ),
        (
            {"x_test": np.zeros((20, 28, 28), np.uint8)},
            "The images of some.npz (test) must not all be black. Received: only zeros.",
        ),
    ],
    ids=["size", "letters", "negative", "few", "black"],
)
def test_pictures_that_the_networks_cannot_take_are_refused(tmp_path, changes, message):
    write_npz(tmp_path / "some.npz", **changes)
    with pytest.raises(InputError) as refused:
        validation.check_digits(data.load(tmp_path / "some.npz"))
    assert str(refused.value) == message


def test_named_mnist_is_its_test_part_unless_told():
    pictures = data.load()
    for part in ("", "test"):
        loaded = data.mnist(part)
        assert loaded["images"] is pictures.test_images
        assert loaded["labels"] is pictures.test_labels
        assert loaded["class_names"] == list("0123456789")
    assert data.mnist("train")["images"] is pictures.train_images


def test_named_idx_is_the_test_part_of_a_directory_unless_told(tmp_path):
    stored = write_directory(tmp_path)
    np.testing.assert_array_equal(data.idx(str(tmp_path))["images"], stored["t10k-images-idx3-ubyte"])
    loaded = data.idx(f"{tmp_path}#train")
    np.testing.assert_array_equal(loaded["images"], stored["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(loaded["labels"], stored["train-labels-idx1-ubyte"])


def test_named_data_sets_of_other_parts_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"`--data mnist:PART` must have train or test as its PART. Received: 'all'."):
        data.mnist("all")
    nowhere = str(tmp_path / "nowhere")
    with pytest.raises(InputError, match=f"must name a directory of IDX files. Received: {nowhere!r}."):
        data.idx(nowhere)
    with pytest.raises(InputError, match=r"Received: ''."):
        data.idx("")
    write_directory(tmp_path)
    with pytest.raises(InputError, match=r"must have train or test as its PART. Received: 'val'."):
        data.idx(f"{tmp_path}#val")


def test_a_pipe_in_the_place_of_a_data_set_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "set.npz")
    with pytest.raises(InputError, match="a file that is damaged or of another format"):
        data.load(tmp_path / "set.npz")
    os.mkfifo(tmp_path / "images")
    with pytest.raises(InputError, match="something that is not a regular file"):
        idx_format.read_idx(tmp_path / "images", dimensions=3)


def test_zipped_files_that_are_bombs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(idx_format, "MOST_BYTES", 2000)
    (tmp_path / "images.gz").write_bytes(gzip.compress(bytes(2001)))
    with pytest.raises(InputError, match="must have at most 2,000 bytes when unzipped"):
        idx_format.read_idx(tmp_path / "images.gz", dimensions=3)


def test_arrays_that_are_only_declared_or_no_arrays_are_refused(tmp_path):
    header = str({"descr": "|u1", "fortran_order": False, "shape": (10**13,)}).encode().ljust(117) + b"\n"
    for content, message in (
        (
            b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header,
            r"must not unpack to over 100 times its size. Received: .* that stand for 40,000,000,000,000.",
        ),
        (b"hello", "must hold a whole array x_train. Received: bytes that are no array."),
    ):
        with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
            for name in ("x_train", "y_train", "x_test", "y_test"):
                archive.writestr(f"{name}.npy", content)
        with pytest.raises(InputError, match=message):
            data.load(tmp_path / "set.npz")
