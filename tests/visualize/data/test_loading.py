"""Loading images: from files and data sets to what the model takes."""

import struct

import keras
import numpy as np
import pytest
from PIL import Image

from visualize import InputError, describe, open_model, saliency
from visualize.data.loading import Source, from_data, from_files
from visualize.models import layers as models

ASSUMED = "input range 0 to 1 assumed, as nothing says otherwise; a card or --input-range LOW HIGH settles it"
ONE_FOR_EACH = "must be a .npz file with one array for each input of this model, ['numbers', 'picture']. Received: one array."


@pytest.fixture
def opened(saved):
    """`opened(kind)`: a model of which nothing is known yet."""
    return lambda kind: open_model(saved(kind))


@pytest.fixture
def digits(tmp_path):
    """A folder of IDX files: three pictures to train, five to test, of 4 x 6 pixels and two classes."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "digits"
    folder.mkdir()
    parts = {"train": (3, [1, 0, 1]), "t10k": (5, [1, 1, 0, 1, 0])}
    pictures = {}
    for part, (count, labels) in parts.items():
        pictures[part] = generator.integers(0, 256, (count, 4, 6), "uint8")
        header = struct.pack(">IIII", 0x803, count, 4, 6)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + pictures[part].tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + bytes(labels))
    return folder, pictures


def refusal(function, *arguments, **options):
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_pictures_take_size_channels_and_range_of_the_model(opened, tmp_path):
    model = describe(opened("not_square"), input_range=(-1, 1))
    colors = np.zeros((20, 32, 3), "uint8")
    colors[:, 16:] = 255
    Image.fromarray(colors).save(tmp_path / "half.png")
    source = from_files(model, [tmp_path / "half.png"])
    assert source.images.shape == (1, 10, 16, 1)
    assert source.images.dtype == np.float32
    np.testing.assert_array_equal(source.images[0, :, :7], -1)
    np.testing.assert_array_equal(source.images[0, :, 9:], 1)
    assert source.names == ("half.png",)
    assert source.notes == ("half.png: resized from 20x32 to 10x16 (height x width)",)


def test_without_a_card_the_range_is_assumed_and_said_once(opened, tmp_path):
    model = opened("softmax")
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((12, 12), 255, "uint8")).save(tmp_path / name)
    source = from_files(model, [tmp_path / "a.png", tmp_path / "b.png"])
    assert source.images.max() == 1
    assert source.notes == (ASSUMED,)
    assert models.card_of(model).input_range is None  # to assume is not to know
    assert from_files(model, tmp_path / "a.png").notes == (ASSUMED,)


def test_a_model_that_rescales_by_itself_is_given_bytes(tmp_path):
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((4, 4, 1)), *layers])
    Image.fromarray(np.full((4, 4), 200, "uint8")).save(tmp_path / "a.png")
    source = from_files(model, [tmp_path / "a.png"])
    assert source.images.max() == 200
    assert source.notes == (
        "input range 0 to 255 assumed, as the model first rescales its input by 0.003922; "
        "a card or --input-range LOW HIGH settles it",
    )


def test_floats_are_taken_as_they_are_and_bytes_are_scaled(opened, tmp_path):
    model = describe(opened("softmax"), input_range=(0, 2))
    floats = np.random.default_rng(0).standard_normal((2, 12, 12, 1)).astype("float32")
    np.save(tmp_path / "floats.npy", floats)
    np.save(tmp_path / "bytes.npy", np.full((12, 12, 1), 255, "uint8"))
    source = from_files(model, [tmp_path / "floats.npy", tmp_path / "bytes.npy"])
    np.testing.assert_array_equal(source.images[:2], floats)
    np.testing.assert_array_equal(source.images[2], 2)
    assert source.names == ("floats.npy 0", "floats.npy 1", "bytes.npy")
    assert source.notes == ()


@pytest.mark.parametrize(("shape", "count"), [((12, 12), 1), ((12, 12, 1), 1), ((5, 12, 12), 5), ((5, 12, 12, 1), 5)])
def test_gray_arrays_need_no_channel_axis(shape, count, opened, tmp_path):
    for kind in ("uint8", "float32"):
        array = np.random.default_rng(0).integers(0, 256, shape).astype(kind)
        np.save(tmp_path / "gray.npy", array)
        source = from_files(describe(opened("softmax"), input_range=(0, 255)), [tmp_path / "gray.npy"])
        np.testing.assert_array_equal(source.images, array.reshape(count, 12, 12, 1))


def test_the_arrays_of_a_model_of_two_inputs_come_in_one_file(opened, images_for, tmp_path):
    model = opened("two_inputs")
    images = images_for(model)
    np.savez(tmp_path / "both.npz", **images)
    source = from_files(model, [tmp_path / "both.npz"])
    assert source.names == ("both.npz 0", "both.npz 1", "both.npz 2")
    for name, array in images.items():
        np.testing.assert_array_equal(source.images[name], array)
    np.savez(tmp_path / "bytes.npz", picture=np.full((2, 12, 12, 1), 255, "uint8"), numbers=images["numbers"][:2])
    np.testing.assert_array_equal(from_files(model, [tmp_path / "bytes.npz"]).images["picture"], 1)


def test_what_does_not_fit_a_model_of_two_inputs_is_refused(opened, images_for, tmp_path):
    model = opened("two_inputs")
    Image.new("L", (12, 12)).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", np.zeros((12, 12, 1)))
    np.savez(tmp_path / "both.npz", **images_for(model))
    np.savez(tmp_path / "one.npz", picture=np.zeros((1, 12, 12, 1)))
    np.savez(tmp_path / "number.npz", picture=np.zeros((1, 12, 12, 1)), numbers=3.0)
    assert refusal(from_files, model, [tmp_path / "a.png"]) == f"{tmp_path / 'a.png'} {ONE_FOR_EACH}"
    assert refusal(from_files, model, [tmp_path / "a.npy"]) == f"{tmp_path / 'a.npy'} {ONE_FOR_EACH}"
    assert refusal(from_data, model, "mnist:test", None) == (
        "`data` needs a model of one input. Received: 'mnist:test', for the inputs ['numbers', 'picture']. "
        "Name a .npz file with one array for each instead of images."
    )
    assert refusal(from_files, model, [tmp_path / "one.npz"]) == (
        f"{tmp_path / 'one.npz'} must hold one array for each input, ['numbers', 'picture']. Received: ['picture']."
    )
    assert refusal(from_files, model, [tmp_path / "both.npz"] * 2) == (
        "`paths` must name one file if it holds an array for each input. "
        f"Received: 2 files, one of them {tmp_path / 'both.npz'} with the arrays ['numbers', 'picture']."
    )
    assert len(from_files(model, [tmp_path / "number.npz"]).names) == 1  # the model refuses the number itself


def test_numbers_without_axes_for_channels_are_left_for_the_method_to_refuse(tmp_path):
    model = keras.Sequential([keras.Input((3, 6, 6)), keras.layers.Conv2D(2, 3, data_format="channels_first")])
    np.save(tmp_path / "a.npy", np.zeros(7, "float32"))
    assert from_files(model, tmp_path / "a.npy").images.shape == (7,)
    assert refusal(saliency, model, np.zeros(7, "float32")).startswith("'input_layer")


def test_arrays_of_several_sizes_are_refused(opened, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((12, 12, 1)))
    np.save(tmp_path / "b.npy", np.zeros((9, 12, 1)))
    message = refusal(from_files, opened("softmax"), [tmp_path / "a.npy", tmp_path / "b.npy"])
    assert message == "`images` must be of one size for a model that takes any. Received: (12, 12, 1), (9, 12, 1)."


def test_a_picture_of_four_channels_in_an_array_is_refused(opened, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((12, 12, 4), "uint8"))
    message = refusal(from_files, opened("color"), [tmp_path / "a.npy"])
    assert message == "Pictures must have 1 or 3 channels, to be used as 3. Received: 4."


def test_the_packaged_digits_are_given_by_part_and_index(opened):
    model = describe(opened("softmax"), input_range=(0, 255))
    test, train = (from_data(model, f"mnist:{part}", [0, 7]) for part in ("test", "train"))
    assert test.labels.tolist() == [7, 9]
    assert train.labels.tolist() == [5, 3]
    assert test.names == ("mnist:test 0", "mnist:test 7")
    assert test.images.shape == (2, 12, 12, 1)
    assert test.notes == ("mnist:test: resized from 28x28 to 12x12 (height x width)",)
    assert from_data(model, "mnist:test", None).names == ("mnist:test 0",)


def test_a_gray_data_set_serves_a_model_of_color_as_a_gray_picture_does(opened, tmp_path):
    model = describe(opened("color"), input_range=(0, 255))
    same = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten()])
    digit = from_data(describe(same, input_range=(0, 255)), "mnist:test", 7).images[0]
    Image.fromarray(digit[..., 0].astype("uint8")).save(tmp_path / "7.png")
    found, picture = from_data(model, "mnist:test", [0, 7]), from_files(model, tmp_path / "7.png")
    np.testing.assert_array_equal(found.images[1], picture.images[0])
    assert found.images.shape == (2, 12, 12, 3)
    assert found.labels.tolist() == [7, 9]
    assert (found.notes, picture.notes) == tuple(
        (f"{name}: resized from 28x28 to 12x12 (height x width)",) for name in ("mnist:test", "7.png")
    )


def test_one_gray_array_serves_a_model_of_color(opened, tmp_path):
    np.save(tmp_path / "gray.npy", np.full((9, 12), 51, "uint8"))
    np.testing.assert_allclose(from_files(opened("color"), tmp_path / "gray.npy").images, np.full((1, 12, 12, 3), 0.2))


def test_channels_first_are_not_taken_for_three_gray_pictures(opened, tmp_path):
    np.save(tmp_path / "first.npy", np.zeros((3, 12, 12), "uint8"))
    assert "Received: 12." in refusal(from_files, opened("color"), tmp_path / "first.npy")


def test_each_class_has_its_first_picture(opened):
    source = from_data(opened("softmax"), "mnist:test", None, each_class=True)
    assert source.labels.tolist() == list(range(10))
    assert source.names[:3] == ("mnist:test 3", "mnist:test 2", "mnist:test 1")
    assert source.sheet == "per-class"


def test_a_folder_or_a_pattern_is_a_data_set_numbered_in_the_order_of_names(opened, tmp_path):
    model, folder = describe(opened("softmax"), input_range=(0, 255)), tmp_path / "photos"
    folder.mkdir()
    for value, name in ((10, "p10.png"), (2, "p2.png"), (30, "q30.png"), (1, "p1.PNG")):
        Image.new("L", (12, 12), value).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    for data, index, values in (
        (folder, None, [1]),
        (f"{folder}/", [0, 1, 2, 3], [1, 2, 10, 30]),
        (folder / "p*.png", [1, 0], [10, 2]),
    ):
        source = from_data(model, data, index)
        assert source.images[:, 0, 0, 0].tolist() == values
        assert source.index == tuple(index or [0])
        assert (source.labels, len(source.names)) == (None, len(values))
    assert refusal(from_data, model, folder, [4]) == "`index` must be between 0 and 3. Received: 4."
    assert "which has none" in refusal(from_data, model, str(folder), None, each_class=True)
    for empty in (tmp_path / "digits", tmp_path / "*.jpg", folder / "*.gif"):
        (tmp_path / "digits").mkdir(exist_ok=True)
        message = f"`images` must be picture files or arrays. Received: {empty}, where there is none."
        assert refusal(from_data, model, str(empty), None) == message
    np.save(folder / "two.npy", np.zeros((2, 12, 12, 1), "float32"))
    assert "files of one picture each" in refusal(from_data, model, str(folder / "*.npy"), [0])


def test_a_folder_of_idx_files_is_a_data_set(opened, digits):
    folder, pictures = digits
    model = describe(opened("softmax"), input_range=(0, 255))
    keras_model = describe(keras.Sequential([keras.Input((4, 6, 1)), keras.layers.Flatten()]), input_range=(0, 255))
    test = from_data(keras_model, f"idx:{folder}", [4, 2])
    np.testing.assert_array_equal(test.images[..., 0], pictures["t10k"][[4, 2]])
    assert test.labels.tolist() == [0, 0]
    train = from_data(keras_model, f"idx:{folder}#train", [1])
    np.testing.assert_array_equal(train.images[0, ..., 0], pictures["train"][1])
    assert from_data(model, f"idx:{folder}", None).images.shape == (1, 12, 12, 1)


def test_class_names_of_a_data_set_are_taken_where_they_fit(opened):
    ten = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    assert from_data(ten, "mnist:test").class_names == tuple("0123456789")
    assert models.card_of(ten).class_names == ()  # the model is left as it was
    assert from_data(opened("softmax"), "mnist:test").class_names == ()


def test_an_npz_is_a_data_set_in_the_layout_of_keras_or_ours(opened, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (3, 12, 12), "uint8")
    model = describe(opened("softmax"), input_range=(0, 255))
    for images, labels in (("x_test", "y_test"), ("images", "labels"), ("x", "y")):
        np.savez(tmp_path / "set.npz", **{images: pictures, labels: np.array([2, 0, 2])})
        source = from_data(model, str(tmp_path / "set.npz"), [2, 0])
        np.testing.assert_array_equal(source.images[..., 0], pictures[[2, 0]])
        assert source.labels.tolist() == [2, 2]
        assert from_data(model, str(tmp_path / "set.npz"), None, each_class=True).labels.tolist() == [0, 2]


def test_an_array_alone_is_a_data_set_whatever_its_name(opened, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (3, 12, 12), "uint8")
    model = describe(opened("softmax"), input_range=(0, 255))
    np.savez(tmp_path / "set.npz", pixels=pictures)
    np.save(tmp_path / "set.npy", pictures)
    np.save(tmp_path / "one.npy", pictures[1])
    for name in ("set.npz", "set.npy"):
        source = from_data(model, str(tmp_path / name), [2, 0])
        np.testing.assert_array_equal(source.images[..., 0], pictures[[2, 0]])
        np.testing.assert_array_equal(source.images, from_files(model, tmp_path / name).images[[2, 0]])
        assert source.names == (f"{name} 2", f"{name} 0")
        assert source.index == (2, 0)
    np.testing.assert_array_equal(from_data(model, str(tmp_path / "one.npy")).images[0, ..., 0], pictures[1])


def test_a_data_set_that_cannot_serve_is_refused(opened, tmp_path):
    model, path = opened("softmax"), tmp_path / "set.npz"
    pictures = np.zeros((3, 12, 12), "uint8")
    ask = (from_data, model, str(path))
    np.savez(path, pixels=pictures, others=pictures)
    assert refusal(*ask, None) == f"{path} must hold an array named images, x_test or x. Received: ['others', 'pixels']."
    np.savez(path, images=pictures)
    assert refusal(*ask, [3]) == "`index` must be between 0 and 2. Received: 3."
    assert refusal(*ask, [-1]) == "`index` must be between 0 and 2. Received: -1."
    message = f"`per_class` needs a data set with labels. Received: {str(path)!r}, which has none."
    assert refusal(*ask, None, each_class=True) == message
    wrong = f"{path} must have a whole number as the label of each of its 3 images. Received: labels of shape "
    for labels, what in ((np.eye(3), "(3, 3), dtype float64."), (np.arange(2), "(2,), dtype int64."),
                         (np.array(["a", "b", "c"]), "(3,), dtype <U1.")):  # fmt: skip
        np.savez(path, images=pictures, labels=labels)
        assert refusal(*ask, None, each_class=True) == wrong + what
    path.unlink()
    assert refusal(*ask, None) == f"{path} must be a .npy or .npz file. Received: no such file."


def test_an_unknown_data_set_is_answered_with_the_known(opened):
    choices = "a folder of pictures, a .npz or .npy file, or a named data set (idx:..., mnist:..., photos:...)"
    message = f"`data` must be {choices}. Received: 'cifar:test'."
    assert refusal(from_data, opened("softmax"), "cifar:test", None) == message


def test_what_a_data_set_itself_refuses_is_passed_on(opened, tmp_path):
    model = opened("softmax")
    assert "must have train or test as its PART. Received: 'tset'" in refusal(from_data, model, "mnist:tset", None)
    assert "must name a directory of IDX files" in refusal(from_data, model, f"idx:{tmp_path / 'no'}", None)


def test_the_first_of_a_source_is_the_first_of_everything():
    images = {"picture": np.arange(6).reshape(3, 2), "numbers": np.arange(3)}
    first = Source(images, ("a", "b", "c"), np.array([5, 6, 7]), ("note",), index=(9, 8, 7)).first()
    assert {name: array.tolist() for name, array in first.images.items()} == {"picture": [[0, 1]], "numbers": [0]}
    assert (first.names, first.labels.tolist(), first.notes, first.index) == (("a",), [5], ("note",), (9,))


def test_a_folder_and_a_pattern_are_their_pictures_in_natural_order(opened, tmp_path):
    for number in (10, 2, 1):
        Image.fromarray(np.full((12, 12), number, "uint8")).save(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    for paths in (tmp_path, tmp_path / "*.png", [tmp_path / "[0-9]*.png"]):
        assert from_files(opened("softmax"), paths).names == ("1.png", "2.png", "10.png")
    for empty in (tmp_path / "*.jpg", tmp_path / "none"):
        (tmp_path / "none").mkdir(exist_ok=True)
        with pytest.raises(InputError, match="where there is none"):
            from_files(opened("softmax"), empty)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32"])
def test_tokens_are_no_bytes_to_scale(tmp_path, dtype):
    tokens = np.arange(12).reshape(2, 6)
    np.save(tmp_path / "tokens.npy", tokens)
    words = keras.Input((6,), dtype=dtype)
    vectors = keras.layers.Embedding(20, 3)(keras.ops.cast(words, "int32"))
    model = keras.Model(words, keras.layers.Dense(2)(keras.layers.Flatten()(vectors)))
    source = from_data(model, str(tmp_path / "tokens.npy"), index=[0, 1])
    np.testing.assert_array_equal(source.images, tokens)
    assert source.notes == ()
