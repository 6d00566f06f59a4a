"""EfficientNet-Lite: its layers, its arithmetic against NumPy, and what it sees on photographs."""

import keras
import numpy as np
import pytest
from PIL import Image

from kerasdemos.data import photos
from kerasdemos.data.package_files import PackageFile
from kerasdemos.pretrained import efficientnet_lite, imagenet, registry
from kerasdemos.pretrained.export import open_network
from kerasdemos.pretrained.torch_file import read_tensors

EPSILON = 1e-3


@pytest.fixture(scope="module")
def lite0():
    return open_network(registry.load("efficientnet_lite0"))


@pytest.fixture(scope="module")
def names():
    return imagenet.class_names(needed_by="the test", install="it")


def central_square(pixels, side):
    """The largest square in the middle of a picture, in the size and range of the networks."""
    picture = Image.fromarray(pixels)
    length = min(picture.size)
    left, top = (picture.width - length) / 2, (picture.height - length) / 2
    box = (left, top, left + length, top + length)
    square = picture.resize((side, side), Image.Resampling.BILINEAR, box=box)
    return (np.asarray(square, "float32")[None] - 127) / 128


def motorcycle():
    path = PackageFile("scikit-image", "skimage/data/motorcycle_left.png").locate(needed_by="the test", install="it")
    return np.asarray(Image.open(path).convert("RGB"))


def photograph(name):
    return photos(name)["images"][0]


@pytest.mark.parametrize(
    ("name", "parameters", "layers", "blocks", "side"),
    [("efficientnet_lite0", 4_694_024, 144, 16, 224), ("efficientnet_lite1", 5_470_344, 189, 21, 240)],
)
def test_the_networks_have_their_parameters_layers_and_names(name, parameters, layers, blocks, side):
    model = registry.load(name).build()
    assert model.count_params() == parameters == registry.load(name).parameters
    assert len(model.layers) == layers
    assert len([layer for layer in model.layers if layer.name.endswith("_dwconv")]) == blocks
    assert (model.input_shape, model.output_shape) == ((None, side, side, 3), (None, 1000))
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)


def test_layers_are_named_as_in_keras_own_efficientnet(lite0):
    theirs = {layer.name for layer in keras.applications.EfficientNetB0(weights=None).layers}
    ours = {layer.name for layer in lite0.layers}
    assert ours - theirs == {"images"}
    assert not any("se_" in name for name in ours)


def batch_normalized(x, layer):
    gamma, beta, mean, variance = (np.asarray(weight, "float64") for weight in layer.get_weights())
    return (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta


def windows(x, kernel, stride):
    """Each position of the output, with the part of (height, width, channels) that is below the kernel there.

    The picture is padded with zeros as TensorFlow pads "same": what is odd goes below and to the right.
    """
    rows, columns = kernel.shape[:2]
    height, width = -(-x.shape[0] // stride), -(-x.shape[1] // stride)
    lacking = (max((height - 1) * stride + rows - x.shape[0], 0), max((width - 1) * stride + columns - x.shape[1], 0))
    x = np.pad(x, [*((each // 2, each - each // 2) for each in lacking), (0, 0)])
    for row, column in np.ndindex(height, width):
        top, left = row * stride, column * stride
        yield (row, column), x[top : top + rows, left : left + columns]


def assembled(outputs):
    """(height, width, channels) of the outputs by their positions."""
    height, width = np.max(list(outputs), axis=0) + 1
    return np.array([[outputs[row, column] for column in range(width)] for row in range(height)])


def convolved(x, kernel, stride):
    return assembled({at: np.tensordot(window, kernel, axes=3) for at, window in windows(x, kernel, stride)})


def depthwise(x, kernel, stride):
    return assembled({at: (window * kernel[..., 0]).sum(axis=(0, 1)) for at, window in windows(x, kernel, stride)})


def relu6(x):
    return np.minimum(np.maximum(x, 0), 6)


def weights(model, name):
    return np.asarray(model.get_layer(name).get_weights()[0], "float64")


def until(model, name):
    return keras.Model(model.inputs, model.get_layer(name).output)


def test_the_stem_and_the_first_block_are_those_of_the_paper(lite0):
    x = central_square(photograph("chelsea"), 224)
    computed = relu6(batch_normalized(convolved(x[0], weights(lite0, "stem_conv"), 2), lite0.get_layer("stem_bn")))
    np.testing.assert_allclose(computed, until(lite0, "stem_activation").predict(x, verbose=0)[0], atol=1e-4)
    computed = relu6(batch_normalized(depthwise(computed, weights(lite0, "block1a_dwconv"), 1), lite0.get_layer("block1a_bn")))
    computed = computed @ weights(lite0, "block1a_project_conv")[0, 0]
    computed = batch_normalized(computed, lite0.get_layer("block1a_project_bn"))
    keras_output = until(lite0, "block1a_project_bn").predict(x, verbose=0)[0]
    np.testing.assert_allclose(computed, keras_output, atol=1e-3 * np.abs(keras_output).max())


def test_a_wide_block_with_a_shortcut_is_that_of_the_paper(lite0):
    x = central_square(photograph("coffee"), 224)
    inputs = until(lite0, "block3a_project_bn").predict(x, verbose=0)[0].astype("float64")  # (28, 28, 40)
    computed = relu6(
        batch_normalized(inputs @ weights(lite0, "block3b_expand_conv")[0, 0], lite0.get_layer("block3b_expand_bn"))
    )
    computed = relu6(batch_normalized(depthwise(computed, weights(lite0, "block3b_dwconv"), 1), lite0.get_layer("block3b_bn")))
    computed = computed @ weights(lite0, "block3b_project_conv")[0, 0]
    computed = inputs + batch_normalized(computed, lite0.get_layer("block3b_project_bn"))
    keras_output = until(lite0, "block3b_add").predict(x, verbose=0)[0]
    np.testing.assert_allclose(computed, keras_output, atol=1e-3 * np.abs(keras_output).max())


@pytest.mark.parametrize(
    ("pixels", "name", "probability"),
    [
        (lambda: photograph("coffee"), "espresso", 0.94),
        (lambda: photograph("chelsea"), "Egyptian Mau", 0.39),
        (lambda: photograph("grace_hopper"), "military uniform", 0.30),
        (motorcycle, "moped", 0.72),
    ],
    ids=["coffee", "chelsea", "grace_hopper", "motorcycle"],
)
def test_lite0_names_what_photographs_show(lite0, names, pixels, name, probability):
    outputs = lite0.predict(central_square(pixels(), 224), verbose=0)[0]
    assert names[int(outputs.argmax())] == name
    assert outputs.max() == pytest.approx(probability, abs=0.03)


@pytest.mark.slow
def test_lite1_names_what_photographs_show(names):
    model = open_network(registry.load("efficientnet_lite1"))
    for pixels, name in ((photograph("coffee"), "espresso"), (photograph("chelsea"), "Egyptian Mau"), (motorcycle(), "moped")):
        outputs = model.predict(central_square(pixels, 240), verbose=0)[0]
        assert names[int(outputs.argmax())] == name


def test_weights_of_another_network_are_refused(lite0):
    model = registry.load("efficientnet_lite0").build()
    with pytest.raises(KeyError, match=r"_conv_stem\.weight"):
        efficientnet_lite.set_weights(model, {})
    weights = registry.load("efficientnet_lite1").weights
    content = weights.file.locate(needed_by="the test", install="it").read_bytes()
    with pytest.raises(ValueError, match="shape"):
        efficientnet_lite.set_weights(model, read_tensors(content, "lite1"))


def test_every_class_has_a_name_of_its_own(names):
    assert len(set(names)) == 1000
    assert [names[index] for index in (1, 285, 657, 744, 836, 837, 967)] == [
        "goldfish",
        "Egyptian Mau",
        "missile",
        "projectile",
        "sunglass",
        "sunglasses",
        "espresso",
    ]
