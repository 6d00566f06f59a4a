"""Picture files: every kind that people have, and every kind that they do not."""

import io
import pickle
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from visualize import InputError
from visualize.data.images import read_arrays, read_picture, scaled, with_channels

COLORS = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[0, 0, 0], [255, 255, 255], [128, 64, 32]]], "uint8")
GRAYS = np.array([[0, 51, 102], [153, 204, 255]], "uint8")


@pytest.fixture
def put(tmp_path):
    """`put(picture, name, **options)`: the path of a picture that was written."""

    def written(picture, name, **options):
        picture.save(tmp_path / name, **options)
        return tmp_path / name

    return written


def test_color_and_gray_pictures_are_their_bytes(put):
    color, gray = put(Image.fromarray(COLORS), "color.png"), put(Image.fromarray(GRAYS), "gray.png")
    np.testing.assert_array_equal(read_picture(color, channels=3), COLORS)
    np.testing.assert_array_equal(read_picture(gray, channels=1)[..., 0], GRAYS)
    np.testing.assert_array_equal(read_picture(gray, channels=3), np.stack([GRAYS] * 3, axis=-1))


def test_color_becomes_gray_by_its_luma(put):
    found = read_picture(put(Image.fromarray(COLORS), "color.png"), channels=1)[..., 0]
    np.testing.assert_allclose(found, COLORS @ [0.299, 0.587, 0.114], atol=1)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_white(mode, put):
    picture = Image.new(mode, (2, 1), (0, 0, 0, 0) if mode == "RGBA" else (0, 0))
    picture.putpixel((1, 0), (0, 0, 0, 255) if mode == "RGBA" else (0, 255))
    assert read_picture(put(picture, "clear.png"), channels=1)[0, :, 0].tolist() == [255, 0]


def test_a_transparent_color_of_a_palette_is_white(put):
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((1, 0), 1)
    opaque = read_picture(put(picture, "palette.png"), channels=3)
    assert opaque.tolist() == [[[10, 20, 30], [200, 100, 50]]]
    clear = read_picture(put(picture, "clear.png", transparency=0), channels=3)
    assert clear.tolist() == [[[255, 255, 255], [200, 100, 50]]]


def test_sixteen_bits_become_eight_without_being_cut_off(put):
    deep = np.array([[0, 257, 25700, 65535]], "uint16")
    assert read_picture(put(Image.fromarray(deep), "deep.png"), channels=1)[0, :, 0].tolist() == [0, 1, 100, 255]


def test_sixteen_bits_are_rounded_to_the_nearest_eight(put):
    every = np.arange(65536, dtype="uint16").reshape(256, 256)
    found = read_picture(put(Image.fromarray(every), "every.png"), channels=1)[..., 0]
    np.testing.assert_array_equal(found, (every / 257).round())


def test_one_bit_is_black_or_white(put):
    picture = Image.fromarray(np.array([[0, 255]], "uint8")).convert("1")
    assert read_picture(put(picture, "bits.png"), channels=1)[0, :, 0].tolist() == [0, 255]


def test_a_cmyk_jpeg_has_the_colors_that_it_shows(put):
    picture = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow ink: red
    red = read_picture(put(picture, "ink.jpg", quality=95), channels=3)[8, 8]
    np.testing.assert_allclose(red, [255, 0, 0], atol=12)


def test_a_turned_camera_gives_an_upright_picture(put):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: to be shown 90 degrees clockwise
    path = put(Image.fromarray(GRAYS), "turned.png", exif=exif)
    np.testing.assert_array_equal(read_picture(path, channels=1)[..., 0], np.rot90(GRAYS, -1))


def test_an_animation_is_its_first_frame(put):
    frames = [Image.new("L", (4, 4), value) for value in (0, 120, 255)]
    path = put(frames[0], "moves.gif", save_all=True, append_images=frames[1:])
    assert read_picture(path, channels=1).max() == 0


def test_webp_is_read(put):
    path = put(Image.fromarray(COLORS), "picture.webp", lossless=True)
    np.testing.assert_array_equal(read_picture(path, channels=3), COLORS)


def test_rows_stay_rows(put):
    wide = np.zeros((20, 60), "uint8")
    wide[:, 30:] = 255
    picture = read_picture(put(Image.fromarray(wide), "wide.png"), channels=1)
    assert picture.shape == (20, 60, 1)


def test_scaled_bytes_end_at_the_ends_of_the_range():
    ends = scaled(np.array([0, 255], "uint8"), (-1.5, 2.5))
    assert ends.tolist() == [-1.5, 2.5]
    assert ends.dtype == np.float32
    np.testing.assert_array_equal(scaled(np.arange(256, dtype="uint8"), (0, 1)), (np.arange(256) / 255).astype("float32"))


def test_channels_are_repeated_or_mixed():
    np.testing.assert_array_equal(with_channels(GRAYS, 3), np.stack([GRAYS] * 3, axis=-1))
    assert with_channels(GRAYS, 1).shape == (2, 3, 1)
    assert with_channels(COLORS, 1)[..., 0].tolist() == np.asarray(Image.fromarray(COLORS).convert("L")).tolist()
    with pytest.raises(InputError) as caught:
        with_channels(np.zeros((2, 2, 4), "uint8"), 3)
    assert str(caught.value) == "Pictures must have 1 or 3 channels, to be used as 3. Received: 4."


def refusal(function, path, **options):
    with pytest.raises(InputError) as caught:
        function(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_picture_is_told_so(put, tmp_path):
    path = tmp_path / "text.png"
    path.write_text("hello")
    assert (
        refusal(read_picture, path, channels=3) == f"{path} must be a picture. Received: a file that Pillow cannot identify."
    )
    path.write_bytes(b"")
    assert (
        refusal(read_picture, path, channels=3) == f"{path} must be a picture. Received: a file that Pillow cannot identify."
    )
    missing = tmp_path / "no.png"
    expected = f"`images` must be picture files or arrays. Received: {missing}, which is no file."
    assert refusal(read_picture, missing, channels=3) == expected
    assert refusal(read_picture, tmp_path, channels=3).endswith(f"Received: {tmp_path}, which is no file.")


@pytest.mark.parametrize("name", ["half.png", "half.jpg", "half.gif"])
def test_half_a_picture_is_told_so(name, put):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), "uint8")
    path = put(Image.fromarray(noise), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    message = refusal(read_picture, path, channels=1)
    assert message.startswith(f"{path} must be a whole picture. Received: a file that cannot be decoded (")


def png_that_claims(width, height):
    """A PNG of a few bytes whose header speaks of many pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [10_000, 50_000])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(side, tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_that_claims(side, side))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow alone warns only
        message = refusal(read_picture, path, channels=3)
    assert message == f"{path} must have at most 89,478,485 pixels. Received: more."


def test_a_picture_of_real_numbers_is_not_guessed_at(put):
    path = put(Image.fromarray(np.ones((4, 4), "float32")), "real.tiff")
    assert refusal(read_picture, path, channels=1) == (
        f"{path}: A picture file must state its black and white. Received: real numbers of any range. "
        "Pass them as a .npy array."
    )


def test_a_picture_cannot_have_five_channels(put):
    path = put(Image.fromarray(COLORS), "color.png")
    assert refusal(read_picture, path, channels=5) == (
        f"{path}: The model must take 1 or 3 channels to read a picture file. Received: 5. Pass a .npy array."
    )


def test_arrays_are_read_by_name(tmp_path):
    np.save(tmp_path / "one.npy", GRAYS)
    np.savez(tmp_path / "two.npz", a=GRAYS, b=COLORS)
    np.testing.assert_array_equal(read_arrays(tmp_path / "one.npy")["images"], GRAYS)
    found = read_arrays(tmp_path / "two.npz")
    assert sorted(found) == ["a", "b"]
    np.testing.assert_array_equal(found["b"], COLORS)


def test_pickled_objects_are_refused_and_do_not_run(tmp_path):
    pickled = "{} must hold plain arrays. Received: pickled objects, which could run code."
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    np.savez(tmp_path / "objects.npz", x=np.array([{}], dtype=object))
    for name in ("objects.npy", "objects.npz"):
        assert refusal(read_arrays, tmp_path / name) == pickled.format(tmp_path / name)

    ran = tmp_path / "ran"

    class Runs:
        def __reduce__(self):
            return ran.touch, ()

    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Runs()))
    message = f"{tmp_path / 'raw.npy'} must hold plain arrays. Received: something that NumPy cannot read."
    assert refusal(read_arrays, tmp_path / "raw.npy") == message
    assert not ran.exists()


def test_arrays_that_cannot_be_read_are_told_so(tmp_path):
    whole = io.BytesIO()
    np.savez_compressed(whole, x=np.random.default_rng(0).random(500))
    damaged = bytearray(whole.getvalue())
    damaged[len(damaged) // 2] ^= 0xFF
    for name, content in {"text": b"hello", "empty": b"", "cut": whole.getvalue()[:200], "damaged": bytes(damaged)}.items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(content)
        assert refusal(read_arrays, path) == f"{path} must hold plain arrays. Received: something that NumPy cannot read."
    np.savez(tmp_path / "none.npz")
    path = tmp_path / "none.npz"
    assert refusal(read_arrays, path) == f"{path} must hold an array. Received: an empty archive."
    path = tmp_path / "no.npz"
    assert refusal(read_arrays, path) == f"{path} must be a .npy or .npz file. Received: no such file."
