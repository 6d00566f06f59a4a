"""Class activation maps against NumPy, and against one another where theory says that they agree."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from visualize import (
    InputError,
    Target,
    ablationcam,
    eigencam,
    features,
    gradcam,
    gradcam_plus_plus,
    hirescam,
    layercam,
    saliency,
    scorecam,
    xgradcam,
)


def pooled_model(shape=(9, 12, 2)):
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape)
    maps = keras.layers.Conv2D(5, 3, activation="relu", name="maps")(inputs)
    scores = keras.layers.Dense(3, activation="softmax")(keras.layers.GlobalAveragePooling2D()(maps))
    return keras.Model(inputs, scores)


def resized(maps, size):
    return np.asarray(tf.image.resize(maps[..., None], size))[..., 0]


def test_gradcam_is_cam_where_pooling_and_one_dense_layer_follow():
    model = pooled_model()
    images = np.random.default_rng(0).random((4, 9, 12, 2)).astype("float32")
    maps = np.asarray(model.get_layer("maps")(images))
    kernel = model.layers[-1].get_weights()[0]
    for target in range(3):
        cam = np.maximum((maps * kernel[:, target]).sum(axis=-1), 0) / (7 * 10)
        np.testing.assert_allclose(gradcam(model, images, target).values, resized(cam, (9, 12)), rtol=1e-4, atol=1e-8)


def test_gradcam_weighs_maps_by_their_mean_gradient_where_a_dense_layer_sees_every_place(build, images_for):
    model = build("linear")
    images = images_for(model, 2)
    maps = images
    for layer in model.layers[:4]:
        maps = layer(maps)
    rest = model.layers[4:]
    with tf.GradientTape() as tape:
        tape.watch(maps)
        score = maps
        for layer in rest:
            score = layer(score)
        score = score[:, 2]
    slopes = np.asarray(tape.gradient(score, maps))
    cam = np.maximum((np.asarray(maps) * slopes.mean(axis=(1, 2), keepdims=True)).sum(axis=-1), 0)
    found = gradcam(model, images, 2, layer="relu")
    np.testing.assert_allclose(found.values, resized(cam, images.shape[1:3]), rtol=1e-3, atol=1e-6)
    assert found.settings["layer"] == "relu"
    assert found.settings["layer_reason"] == "named"


def test_the_default_layer_ends_the_block_of_the_last_convolution(build, images_for):
    model = build("softmax")
    found = gradcam(model, images_for(model))
    assert found.settings["layer"] == "relu"
    assert found.settings["layer_reason"] == "the last 8x8 map, which finishes the block of the last convolution conv_2"


def test_a_map_stands_where_the_evidence_is_on_pictures_that_are_not_square():
    # One convolution that copies the pixels; the score sums those of one place.
    inputs = keras.Input((8, 20, 1))
    maps = keras.layers.Conv2D(1, 1, use_bias=False, name="copy")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(keras.layers.Flatten()(maps)))
    model.get_layer("copy").set_weights([np.ones((1, 1, 1, 1))])
    weights = np.zeros((8, 20))
    weights[2, 15] = 1
    model.layers[-1].set_weights([weights.reshape(-1, 1)])
    image = np.zeros((1, 8, 20, 1))
    image[0, 2, 15] = 3
    values = gradcam(model, image, 0).values[0]
    assert values.shape == (8, 20)
    assert np.unravel_index(values.argmax(), values.shape) == (2, 15)
    assert np.count_nonzero(values) == 1


def test_evidence_against_a_class_is_left_out():
    inputs = keras.Input((4, 4, 1))
    maps = keras.layers.Conv2D(1, 1, use_bias=False, name="copy")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(keras.layers.GlobalAveragePooling2D()(maps)))
    model.get_layer("copy").set_weights([np.ones((1, 1, 1, 1))])
    model.layers[-1].set_weights([-np.ones((1, 1))])
    np.testing.assert_array_equal(gradcam(model, np.ones((1, 4, 4, 1)), 0).values, 0)


def test_of_a_shared_layer_the_last_call_is_read(build, images_for):
    model = build("shared_layer")
    images = images_for(model)
    layer, dense = model.get_layer("conv"), model.get_layer("preds")
    maps = np.asarray(layer(layer(images)))
    cam = np.maximum((maps * dense.get_weights()[0][:, 1]).sum(axis=-1), 0) / (12 * 12)
    np.testing.assert_allclose(gradcam(model, images, 1).values, cam, rtol=1e-4, atol=1e-8)


def siamese():
    left, right = keras.Input((6, 6, 1), name="left"), keras.Input((6, 6, 1), name="right")
    shared = keras.layers.Conv2D(3, 3, activation="relu", name="shared")
    sides = [keras.layers.GlobalAveragePooling2D()(shared(side)) for side in (left, right)]
    return keras.Model([left, right], keras.layers.Dense(2, name="preds")(keras.layers.Concatenate()(sides)))


def test_a_layer_that_both_inputs_share_is_read_where_the_explained_one_passes():
    keras.utils.set_random_seed(0)
    model = siamese()
    generator = np.random.default_rng(0)
    images = {name: generator.random((2, 6, 6, 1)).astype("float32") for name in ("left", "right")}
    kernel = model.get_layer("preds").get_weights()[0]
    for name, weights in (("left", kernel[:3, 0]), ("right", kernel[3:, 0])):
        maps = np.asarray(model.get_layer("shared")(images[name]))
        cam = np.maximum((maps * weights).sum(axis=-1), 0) / 16
        found = gradcam(model, images, 0, input_name=name)
        assert found.settings["layer"] == "shared"
        np.testing.assert_allclose(found.values, resized(cam, (6, 6)), rtol=1e-4, atol=1e-7)


def test_depthwise_and_separable_convolutions_can_be_read(build, images_for):
    model = build("separable")
    images = images_for(model)
    assert gradcam(model, images).settings["layer"] == "separable"
    assert gradcam(model, images, layer="depthwise").settings["map"] == [10, 10]


def test_a_layer_on_the_way_of_another_input_is_refused():
    left, right = keras.Input((6, 6, 1), name="left"), keras.Input((6, 6, 1), name="right")
    sides = [
        keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 3, name=f"conv_{name}")(side))
        for name, side in (("left", left), ("right", right))
    ]
    model = keras.Model([left, right], keras.layers.Dense(2)(keras.layers.Concatenate()(sides)))
    images = {"left": np.ones((1, 6, 6, 1)), "right": np.ones((1, 6, 6, 1))}
    for name in ("left", "right"):
        assert gradcam(model, images, input_name=name).settings["layer"] == f"conv_{name}"
    with pytest.raises(InputError, match="'conv_right', which does not depend on the input 'left'"):
        gradcam(model, images, input_name="left", layer="conv_right")


def test_layers_that_cannot_say_where_are_refused(build, images_for):
    model = build("softmax")
    images = images_for(model)
    with pytest.raises(InputError, match=r"whose output is \(None, 4\)\. Choices: 'conv', 'conv_2', 'norm', 'relu', 'pool'\."):
        gradcam(model, images, layer="preds")
    with pytest.raises(InputError, match=r"`layer` must be a layer of the model\. Received: 'convv'\. Nearest: 'conv'"):
        gradcam(model, images, layer="convv")
    small = keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Conv2D(4, 3, name="conv"), keras.layers.Flatten()])
    small.add(keras.layers.Dense(2))
    with pytest.raises(InputError, match="no convolution of this model has a map of more than one position"):
        gradcam(small, np.ones((1, 3, 3, 1)))
    with pytest.raises(InputError, match=r"a 1x1 map: it cannot say where"):
        gradcam(small, np.ones((1, 3, 3, 1)), layer="conv")
    flat = keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(InputError, match="no convolution of this model"):
        gradcam(flat, np.ones((1, 3, 3, 1)))


def test_a_batch_gets_the_maps_of_its_images_alone(build, images_for):
    model = build("softmax")
    images = images_for(model, 5)
    whole = gradcam(model, images, 1).values
    for index in range(5):
        np.testing.assert_allclose(gradcam(model, images[index : index + 1], 1).values[0], whole[index], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(gradcam(model, images, 1, batch_size=2).values, whole, rtol=1e-4, atol=1e-7)


def maps_and_slopes(model, images, layer, target):
    """What a layer makes, and the gradient at it, of a Sequential, layer by layer."""
    maps, rest, below = images, [], True
    for one in model.layers:
        if below:
            maps = one(maps)
        else:
            rest.append(one)
        below = below and one.name != layer
    with tf.GradientTape() as tape:
        tape.watch(maps)
        score = maps
        for one in rest:
            score = one(score)
        score = score[:, target]
    return np.asarray(maps, "float64"), np.asarray(tape.gradient(score, maps), "float64")


def test_each_cam_is_its_formula(build, images_for):
    model = build("linear")
    images = images_for(model, 3)
    maps, slopes = maps_and_slopes(model, images, "relu", 2)
    total = maps.sum(axis=(1, 2), keepdims=True)
    places, features = (1, 2), -1
    below = 2 * slopes**2 + slopes**3 * total
    alphas = np.divide(slopes**2, below, out=np.zeros_like(slopes), where=slopes != 0)
    plus = (alphas * np.maximum(slopes, 0)).sum(axis=places, keepdims=True)
    active = (maps * slopes).sum(axis=places, keepdims=True) / total
    formulas = {
        gradcam_plus_plus: np.maximum((plus * maps).sum(axis=features), 0),
        layercam: np.maximum((np.maximum(slopes, 0) * maps).sum(axis=features), 0),
        hirescam: (slopes * maps).sum(axis=features),
        xgradcam: np.maximum((active * maps).sum(axis=features), 0),
    }
    for method, expected in formulas.items():
        found = method(model, images, 2, layer="relu").values
        np.testing.assert_allclose(found, resized(expected, (12, 12)), rtol=2e-3, atol=1e-5, err_msg=method.__name__)


def test_hirescam_adds_up_to_the_score_less_its_bias_where_a_dense_layer_follows():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 7, 1))
    maps = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="maps")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(maps)))
    model.layers[-1].bias.assign([0.5, -1.5])
    images = np.random.default_rng(0).random((2, 6, 7, 1))  # the map has the size of the image: nothing is resized
    found = hirescam(model, images, 1)
    np.testing.assert_allclose(found.values.sum(axis=(1, 2)), found.scores + 1.5, rtol=1e-4)


def test_the_cams_agree_where_global_average_pooling_follows():
    model = pooled_model()
    images = np.random.default_rng(0).random((2, 9, 12, 2))
    expected = gradcam(model, images, 1).values
    np.testing.assert_allclose(xgradcam(model, images, 1).values, expected, rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(np.maximum(hirescam(model, images, 1).values, 0).max(), expected.max(), rtol=1e-3)


def test_gradcam_plus_plus_is_finite_for_any_score(build, images_for):
    model = build("linear")
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([1e4 * kernel, bias + 1e4])
    found = gradcam_plus_plus(model, images_for(model), 1)
    assert found.scores.min() > 1000  # exp of it is infinite
    assert np.isfinite(found.values).all()
    assert found.values.max() > 0


@pytest.mark.parametrize("shape", [(9, 12, 2), (4, 4, 2)], ids=["more places than channels", "more channels than places"])
def test_eigencam_is_the_first_principal_component(shape):
    model = pooled_model(shape)
    images = np.random.default_rng(4).random((2, *shape)).astype("float32")
    maps = np.asarray(model.get_layer("maps")(images))
    for one, found in zip(maps, eigencam(model, images, layer="maps").values, strict=True):
        places = one.reshape(-1, one.shape[-1])
        left, size, _ = np.linalg.svd(places, full_matrices=False)
        first = (left[:, 0] * size[0]).reshape(one.shape[:2])
        first = first if first.sum() > 0 else -first
        np.testing.assert_allclose(found, resized(first[None].astype("float32"), shape[:2])[0], rtol=1e-4, atol=1e-6)


def video_model(kind):
    """A video of 4 frames, and the layer whose maps are the last that keep the frames."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 10, 10, 2))
    if kind == "frame by frame":
        x = keras.layers.TimeDistributed(keras.layers.Conv2D(3, 3, activation="relu"), name="first")(inputs)
        x = keras.layers.TimeDistributed(keras.layers.Conv2D(5, 3, activation="relu"), name="maps")(x)
    else:
        x = keras.layers.ConvLSTM2D(5, 3, return_sequences=True, name="maps")(inputs)
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling3D()(x)))


@pytest.mark.parametrize("video", ["frame by frame", "convolutional LSTM"])
def test_of_a_video_the_maps_of_all_frames_are_read_by_default(video):
    model = video_model(video)
    videos = np.random.default_rng(0).random((2, 4, 10, 10, 2)).astype("float32")
    result = gradcam(model, videos, 1)
    assert result.settings["layer"] == "maps"
    maps = np.asarray(
        keras.Model(model.inputs[0], model.get_layer("maps").output)(videos)
    )  # (batch, frames, height, width, 5)
    kernel = model.layers[-1].get_weights()[0]
    cam = np.maximum((maps * kernel[:, 1]).sum(axis=-1), 0) / np.prod(maps.shape[1:4])
    expected = np.stack([resized(frame, (10, 10)) for frame in cam.swapaxes(0, 1)], axis=1)
    np.testing.assert_allclose(result.values, expected, rtol=1e-4, atol=1e-7)


def test_a_map_that_cannot_be_laid_over_the_input_is_not_denied():
    inputs = keras.Input((6,), name="numbers")
    maps = keras.layers.Conv2D(3, 3, name="conv")(keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(inputs)))
    generated = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(maps)))
    refused = r"the output of no convolution has the axes of the explained input: that of 'conv' is \(None, 2, 2, 3\)\. If "
    with pytest.raises(InputError, match=refused):
        gradcam(generated, np.zeros((1, 6)))
    with pytest.raises(InputError, match=r"Received: 'conv', whose output is \(None, 2, 2, 3\)\.$"):  # no empty "Choices:"
        gradcam(generated, np.zeros((1, 6)), layer="conv")
    picture = keras.Input((8, 8, 1), name="picture")
    features = keras.layers.Flatten()(keras.layers.Conv2D(3, 3, name="conv")(picture))
    joined = keras.layers.Concatenate()([features, keras.layers.Flatten()(keras.layers.Dense(4)(inputs))])
    two = keras.Model({"picture": picture, "numbers": inputs}, keras.layers.Dense(2)(joined))
    with pytest.raises(InputError, match=r"no convolution stands between the explained input and the score\. .*: 'conv'\."):
        gradcam(two, {"picture": np.zeros((1, 8, 8, 1)), "numbers": np.zeros((1, 6))}, input_name="numbers")


def test_a_layer_that_is_called_once_for_each_frame_has_a_map_for_each():
    keras.utils.set_random_seed(0)
    frame, video = keras.Input((10, 10, 2)), keras.Input((4, 10, 10, 2))
    maps = keras.layers.Conv2D(3, 3, activation="relu", name="conv")(frame)
    network = keras.Model(frame, keras.layers.GlobalAveragePooling2D()(maps), name="network")
    head = keras.layers.Dense(2, name="head")
    each = keras.layers.TimeDistributed(network, name="each")(video)
    model = keras.Model(video, head(keras.layers.GlobalAveragePooling1D()(each)))
    convolved = keras.layers.TimeDistributed(keras.layers.Conv2D(3, 3, activation="relu"), name="conv")(video)
    flat_head = keras.layers.Dense(2)
    flat = keras.Model(video, flat_head(keras.layers.GlobalAveragePooling3D()(convolved)))
    flat.set_weights(model.get_weights())  # the same function of the video: a mean over frames and positions
    videos = np.random.default_rng(0).random((2, 4, 10, 10, 2)).astype("float32")
    for method in (gradcam, hirescam, ablationcam):
        result, expected = method(model, videos, 1), method(flat, videos, 1, layer="conv")
        assert result.settings["layer"] == "each/network/conv"
        np.testing.assert_allclose(result.values, expected.values, rtol=1e-4, atol=1e-7)
    tiles, expected = features(model, videos, layer="each/network/conv")[1], features(flat, videos)[1]
    assert len(tiles.pictures) == 3 * 4
    np.testing.assert_allclose(tiles.pictures, expected.pictures, rtol=1e-4, atol=1e-6)
    unit = saliency(model, videos, Target(2, layer="each/network/conv")).values
    np.testing.assert_allclose(unit, saliency(flat, videos, Target(2, layer="conv")).values, rtol=1e-4, atol=1e-7)


def joining_model():
    """A video of 4 frames, which a convolutional LSTM joins into one map."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 10, 10, 2))
    joined = keras.layers.ConvLSTM2D(5, 3, name="joined")(inputs)
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(joined)))


def test_the_map_of_a_layer_that_joins_frames_holds_for_each_of_them():
    """Oracle: CAM of the one map, resized, in every frame."""
    model, videos = joining_model(), np.random.default_rng(0).random((2, 4, 10, 10, 2)).astype("float32")
    result = gradcam(model, videos, 1, layer="joined")
    assert list(result.settings.map) == [8, 8]
    maps = np.asarray(keras.Model(model.inputs[0], model.get_layer("joined").output)(videos))  # (batch, height, width, 5)
    cam = np.maximum((maps * model.layers[-1].get_weights()[0][:, 1]).sum(axis=-1), 0) / 64
    expected = np.repeat(resized(cam, (10, 10))[:, None], 4, axis=1)
    np.testing.assert_allclose(result.values, expected, rtol=1e-4, atol=1e-7)
    ablated = ablationcam(model, videos, 1, layer="joined").values  # which puts changed maps in the layer's place
    np.testing.assert_array_equal(ablated, np.repeat(ablated[:, :1], 4, axis=1))
    assert ablated.max() > 0
    assert scorecam(model, videos, 1, layer="joined").values.shape == eigencam(model, videos, layer="joined").values.shape
    with pytest.raises(InputError, match=r"Maps of all frames in one, to be read by naming `layer`: 'joined'\.$"):
        gradcam(model, videos, 1)
