"""Pictures and arrays that lie or overreach: read, or refused in one line, within memory."""

import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, PngImagePlugin

from visualize import InputError, describe, open_model
from visualize._utils.native_stderr import decoding, reports_to
from visualize.cli.main import main
from visualize.data.images import read_arrays, read_picture
from visualize.data.loading import from_files
from visualize.models.inputs import inputs_of

UNREADABLE = "must hold plain arrays. Received: something that NumPy cannot read."


def npy(descr, shape, tail=b""):
    """A `.npy` file that says what it likes of itself."""
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    return raw_npy(header + b" " * (-(11 + len(header)) % 64) + b"\n", tail)


def raw_npy(header, tail=b""):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + tail


def refusal(function, path, **options):
    with pytest.raises(InputError) as caught:
        function(path, **options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path} ")
    return str(caught.value).removeprefix(f"{path} ")


@pytest.mark.parametrize(
    ("descr", "shape"), [("<f4", (10**12,)), ("<f4", (2**62, 2**62)), ("<U100000000", (1,)), ("|u1", (10**5, 10**5, 3))]
)
def test_an_array_that_is_only_declared_is_refused_unread(descr, shape, tmp_path):
    (tmp_path / "a.npy").write_bytes(npy(descr, shape))
    assert refusal(read_arrays, tmp_path / "a.npy").startswith("must not unpack to over 100 times its size.")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images.npy", npy(descr, shape))
    assert refusal(read_arrays, tmp_path / "a.npz").startswith("must not unpack to over 100 times its size.")


def test_an_archive_that_is_a_bomb_is_refused_unread(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("images.npy", npy("|u1", (300 << 20,), bytes(300 << 20)))
    assert refusal(read_arrays, path).startswith("must not unpack to over 100 times its size.")


def test_a_hole_as_large_as_no_memory_is_refused_unread(tmp_path):
    path = tmp_path / "hole.npy"
    path.write_bytes(npy("|u1", (2**42,)))
    try:
        os.truncate(path, 2**42 + 128)
    except OSError:
        pytest.skip("this file system has no files of 4 TB")
    assert "of this machine's memory. Received: 4,398,046,511,104 bytes." in refusal(read_arrays, path)


HEADERS = {
    "negative": npy("<f4", (-1,)),
    "negative twice": npy("<f4", (-2, -2)),
    "code": npy("__import__('os').system('true')", (1,)),
    "a number": npy(3, (1,)),
    "no shape": npy("<f4", "a"),
    "brackets": raw_npy(b"(" * 9000 + b"\n"),
    "signs": raw_npy(b"-" * 9000 + b"1\n"),
    "indented": raw_npy(b"\n  a\n b\n"),
    "unended": raw_npy(b"{'descr':'''"),
    "version": b"\x93NUMPY\x09\x00aaaa",
    "magic alone": b"\x93NUMPY",
    "cut": npy("<f4", (9,), bytes(8)),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_none_is_refused(name, tmp_path):
    (tmp_path / "a.npy").write_bytes(HEADERS[name])
    assert refusal(read_arrays, tmp_path / "a.npy") == UNREADABLE


def test_an_archive_of_texts_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images.npy", b"hello")
    assert refusal(read_arrays, tmp_path / "a.npz") == "must hold plain arrays. Received: an archive of something else."


def test_a_pipe_is_no_picture_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="which is no file"):
        read_picture(tmp_path / "pipe", channels=1)
    with pytest.raises(InputError, match="no such file"):
        read_arrays(tmp_path / "pipe")


def test_texts_and_profiles_that_are_bombs_are_refused(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("a", "x" * (80 << 20), zip=True)
    Image.new("L", (4, 4)).save(tmp_path / "text.png", pnginfo=text)
    Image.new("L", (4, 4)).save(tmp_path / "profile.png", icc_profile=bytes(80 << 20))
    for name in ("text.png", "profile.png"):
        assert "a file that cannot be decoded (Decompressed data too large" in refusal(
            read_picture, tmp_path / name, channels=1
        )


def test_a_program_for_a_printer_is_not_run(tmp_path):
    path = tmp_path / "program.png"
    head = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n"
    path.write_text(f"{head}({tmp_path / 'ran'}) (w) file closefile\n")
    Image.open(path).close()  # Pillow takes it for a picture
    assert refusal(read_picture, path, channels=1) == "must be a picture. Received: a file that Pillow cannot identify."
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process its own peak of memory")
@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGB", "RGBA", "I;16", "CMYK"])
def test_the_largest_picture_takes_eight_bytes_a_pixel_at_most(mode, tmp_path):
    pixels = 9400 * 9400  # the most are 89 million
    path = tmp_path / ("large.tif" if mode == "CMYK" else "large.png")
    compressed = {"compression": "tiff_deflate"} if mode == "CMYK" else {}
    Image.new(mode, (9400, 9400)).save(path, **compressed)
    code = """if True:
        import sys
        from pathlib import Path
        from visualize.data.images import read_picture
        peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) << 10
        before = peak()
        read_picture(sys.argv[1], channels=3)
        print(peak() - before)
    """
    ended = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert int(ended.stdout) < 8 * pixels


def test_the_smallest_picture_is_read(tmp_path):
    Image.new("L", (1, 1), 7).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png", channels=3).tolist() == [[[7, 7, 7]]]


def saliency(saved, *images):
    result = CliRunner().invoke(
        main, ["saliency", str(saved("softmax")), *map(str, images), "--out", str(images[0].parent)], color=True
    )
    errors = [line for line in result.stderr.splitlines() if not line.startswith("Note: ")]
    return result, errors


NUMBERS = {
    "nan": np.full((1, 12, 12, 1), np.nan, "f4"),
    "infinity": np.full((1, 12, 12, 1), np.inf, "f4"),
    "overflowing": np.full((1, 12, 12, 1), 1e300),
    "complex": np.zeros((1, 12, 12, 1), complex),
    "records": np.zeros((1, 12, 12, 1), [("a", "f4")]),
    "texts": np.full((1, 12, 12, 1), "a"),
    "dates": np.zeros((1, 12, 12, 1), "M8[s]"),
    "no images": np.zeros((0, 12, 12, 1), "f4"),
    "no pixels": np.zeros((1, 0, 12, 1), "f4"),
    "no bytes": np.zeros((1, 0, 12, 1), "u1"),
    "a number": np.float32(3),
    "one axis": np.zeros(12, "f4"),
    "five axes": np.zeros((1, 1, 12, 12, 1), "f4"),
    "five axes of bytes": np.zeros((1, 1, 12, 12, 1), "u1"),
    "five channels": np.zeros((1, 12, 12, 5), "f4"),
    "five channels of bytes": np.zeros((1, 12, 12, 5), "u1"),
    "no channels": np.zeros((1, 12, 12, 0), "u1"),
    "another size": np.zeros((1, 11, 12, 1), "f4"),
    "nothing of nothing": np.zeros((10**12, 0), "f4"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_that_are_no_pictures_of_the_model_are_refused(name, saved, tmp_path):
    np.save(tmp_path / "a.npy", NUMBERS[name])
    with np.errstate(over="ignore"):
        result, errors = saliency(saved, tmp_path / "a.npy")
    assert result.exit_code == 2, (result.output, result.exception)
    assert len(errors) == 1
    assert os.listdir(tmp_path) == ["a.npy"]


@pytest.mark.parametrize("dtype", [">f4", "<f2", ">f8", ">i2", "<u8", "?"])
def test_numbers_of_any_layout_are_the_same_picture(dtype, saved, tmp_path):
    values = np.random.default_rng(0).integers(0, 2, (1, 12, 12, 1))
    np.save(tmp_path / "a.npy", np.asfortranarray(values.astype(dtype)))
    model = open_model(saved("softmax"))
    found = inputs_of(model, from_files(describe(model, input_range=(0, 255)), [tmp_path / "a.npy"]).images).images
    assert found.dtype == np.dtype("=f4")
    np.testing.assert_array_equal(found, values)


def test_a_picture_with_a_hostile_name_is_drawn_and_written_inside(saved, tmp_path):
    for number, name in enumerate(["\x1b[31m\n<i>.png", "\udcff.png"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        Image.new("L", (9, 9), 90).save(folder / "plain.png")  # it is resized, and the note on that has its name
        (folder / "plain.png").rename(folder / name)
        result, errors = saliency(saved, folder / name)
        assert (result.exit_code, errors) == (0, []), (name, result.exception)
        assert "\x1b" not in result.stdout + result.stderr
        assert all(letter.isprintable() or letter == "\n" for letter in result.stderr)
        assert len(os.listdir(folder)) == 4


def test_nothing_foreign_is_on_standard_error(saved, tmp_path):
    """Of each file there is a picture, with at most our own notes, or one line of ours."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40), "uint8")
    picture = Image.fromarray(pixels)
    picture.save(tmp_path / "exif.jpg", exif=b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x05" + b"\xff" * 20)
    picture.convert("1").save(tmp_path / "fax.tif", compression="group4")
    content = bytearray((tmp_path / "fax.tif").read_bytes())
    content[10:60] = bytes(byte ^ 0x5A for byte in content[10:60])
    (tmp_path / "fax.tif").write_bytes(content)
    picture.save(tmp_path / "lzw.tif", compression="tiff_lzw")
    content = bytearray((tmp_path / "lzw.tif").read_bytes())
    content[100:120] = b"\xff" * 20
    (tmp_path / "lzw.tif").write_bytes(content)
    (tmp_path / "cut.tif").write_bytes(content[: len(content) // 2])
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1L, 12L, 12L, 1L), }"
    (tmp_path / "python2.npy").write_bytes(raw_npy(header + b" " * (117 - len(header)) + b"\n", bytes(4 * 144)))
    np.save(tmp_path / "doubles.npy", np.full((1, 12, 12, 1), 1e300))
    for name in ("exif.jpg", "fax.tif", "lzw.tif", "cut.tif", "python2.npy", "doubles.npy"):
        words = [sys.executable, "-m", "visualize", "saliency", saved("softmax"), tmp_path / name, "--out", tmp_path / "out"]
        ended = subprocess.run(list(map(str, words)), capture_output=True, text=True)
        lines = ended.stderr.splitlines()
        assert ended.returncode in (0, 2), ended.stderr
        assert all(line.startswith("Note: " if ended.returncode == 0 else "Error: ") for line in lines), ended.stderr
        assert len(lines) == 1 or ended.returncode == 0, ended.stderr
        reported = "Note: fax.tif is damaged. Its decoder reports: Fax4Decode: "
        assert any(line.startswith(reported) for line in lines) == (name == "fax.tif"), ended.stderr


def test_in_python_standard_error_is_left_alone(tmp_path, capfd):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    written = []
    with reports_to(written.append), decoding("a.png"):
        os.write(2, b"one\ntwo\n")
    assert written == ["a.png is damaged. Its decoder reports: one"]
    with decoding("a.png"):
        os.write(2, b"three\n")
    assert capfd.readouterr().err == "three\n"
