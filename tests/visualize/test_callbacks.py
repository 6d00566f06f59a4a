"""Pictures while training: what is drawn, and that the training does not notice."""

import functools
import random
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageSequence

import visualize
from visualize import InputError
from visualize.callbacks import Pictures
from visualize.settings import Display

EPOCHS = 2


class Counting(keras.layers.Layer):
    """Hands its input on, and counts how often Python goes through it while the model is trained."""

    def __init__(self):
        super().__init__()
        self.trained = 0

    def call(self, inputs, training=False):
        self.trained += bool(training)
        return inputs


def network(policy="float32"):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        layers = [keras.layers.Conv2D(4, 3, activation="relu", name="conv"), keras.layers.Dropout(0.3), Counting()]
        layers += [keras.layers.BatchNormalization(), keras.layers.GaussianNoise(0.1), keras.layers.Flatten()]
        layers += [keras.layers.Dropout(0.5), keras.layers.Dense(3, dtype="float32", activation="softmax", name="preds")]
        model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    finally:
        keras.config.set_dtype_policy(before)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


def data():
    generator = np.random.default_rng(0)
    return generator.random((24, 8, 8, 1)).astype("float32"), generator.integers(0, 3, 24)


def trained(callbacks=(), policy="float32", epochs=EPOCHS):
    """Everything that a training leaves: weights, optimizer, seeds, the next random numbers, and how often it was traced."""
    keras.utils.set_random_seed(3)
    model = network(policy)
    history = model.fit(*data(), batch_size=8, epochs=epochs, verbose=0, callbacks=list(callbacks))
    left = [np.asarray(variable) for variable in [*model.variables, *model.optimizer.variables]]
    left += [np.array(history.history["loss"]), random.random(), np.random.random()]  # noqa: NPY002
    left += [np.asarray(tf.random.uniform([2])), np.asarray(keras.random.uniform([2]))]
    return left, next(layer.trained for layer in model.layers if isinstance(layer, Counting))


@functools.cache
def alone(policy):
    return trained(policy=policy)


def frames(path):
    with Image.open(path) as animation:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(animation)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "policy"),
    [
        (visualize.gradcam, "float32"),
        (visualize.saliency, "mixed_float16"),
    ],
)
def test_a_training_that_is_watched_ends_with_the_very_same_numbers(method, policy, tmp_path):
    expected, traced = alone(policy)
    watch = Pictures(data()[0][:2], method, folder=tmp_path)
    left, traced_again = trained([watch], policy)
    assert len(watch.written) == EPOCHS
    for one, other in zip(left, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert traced_again == traced


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        visualize.occlusion,
        visualize.smoothgrad,
        functools.partial(visualize.rise, masks=8),
        visualize.integrated_gradients,
        visualize.scorecam,
        visualize.eigencam,
        visualize.compare,
        visualize.contrast,
        functools.partial(visualize.maximize, steps=5),
        visualize.filters,
    ],
)
def test_a_training_does_not_notice_any_method(method, tmp_path):
    expected, traced = alone("float32")
    named = getattr(method, "func", method)
    images = None if named in (visualize.maximize, visualize.filters) else data()[0][:2]
    left, traced_again = trained([Pictures(images, method, folder=tmp_path)])
    for one, other in zip(left, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert traced_again == traced


@pytest.mark.slow
def test_each_picture_is_that_of_the_model_after_its_epoch(tmp_path):
    images = data()[0][:2]
    options = {"target": [0, 2], "modifier": "guided"}
    trained([Pictures(images, visualize.saliency, folder=tmp_path / "new", every=2, **options)], epochs=3)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["saliency-0002.png", "saliency.gif"]
    keras.utils.set_random_seed(3)
    model = network()
    model.fit(*data(), batch_size=8, epochs=2, verbose=0)
    attribution = visualize.saliency(model, images, **options)
    figure = visualize.draw(replace(attribution, display=Display(epoch=2)))
    assert "epoch 2" in [text.get_text() for text in figure.texts]
    expected = visualize.write_png(figure, tmp_path / "expected.png")
    assert expected.read_bytes() == (tmp_path / "new" / "saliency-0002.png").read_bytes()


@pytest.mark.slow
def test_the_film_shows_the_pictures_in_order(tmp_path):
    images = data()[0][:1]
    watch = Pictures(images, folder=tmp_path, prefix="cam", target=1)
    trained([watch], epochs=3)
    shown = frames(tmp_path / "cam.gif")
    assert [path.name for path in watch.written] == ["cam-0001.png", "cam-0002.png", "cam-0003.png"]
    pictures = [np.asarray(Image.open(path).convert("RGB")).astype(int) for path in watch.written]
    distances = [[np.abs(one - other).mean() for other in pictures] for one in shown]
    assert np.argmin(distances, axis=1).tolist() == [0, 1, 2]
    assert np.diagonal(distances).max() < 2  # a GIF has 256 colors


def test_between_its_epochs_nothing_is_done(tmp_path):
    calls = []

    def method(model, images, target=None):
        calls.append(int(model.optimizer.iterations))
        return visualize.saliency(model, images, target)

    trained([Pictures(data()[0][:1], method, folder=tmp_path, every=3)], epochs=7)
    assert calls == [0, 9, 18]  # before the first step, to see whether all is well, then after epochs 3 and 6
    own = {name for name in vars(Pictures) if name.startswith("on_")}
    assert own == {"on_train_begin", "on_epoch_end", "on_train_end"}


@pytest.mark.slow
def test_a_second_fit_has_a_film_of_its_own(tmp_path):
    model, watch = network(), Pictures(data()[0][:1], visualize.saliency, folder=tmp_path)
    model.fit(*data(), epochs=1, verbose=0, callbacks=[watch])
    model.fit(*data(), initial_epoch=1, epochs=3, verbose=0, callbacks=[watch])
    assert [path.name for path in watch.written] == ["saliency-0002.png", "saliency-0003.png"]
    assert len(frames(tmp_path / "saliency.gif")) == 2
    assert len(list(tmp_path.glob("saliency-*.png"))) == 3


@pytest.mark.slow
def test_methods_without_images_are_drawn_too(tmp_path):
    trained([Pictures(None, visualize.filters, folder=tmp_path, layer="conv")], epochs=1)
    assert (tmp_path / "filters-0001.png").is_file()


@pytest.mark.slow
def test_summaries_can_be_read_back(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    watch = Pictures(data()[0][:1], visualize.saliency, folder=tmp_path / "pictures", tensorboard=tmp_path / "log")
    expected, _ = alone("float32")
    left, _ = trained([watch, keras.callbacks.TensorBoard(tmp_path / "log")])
    for one, other in zip(left, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    events = EventAccumulator(str(tmp_path / "log"), size_guidance={"tensors": 0}).Reload()
    found = events.Tensors("saliency")
    assert [event.step for event in found] == [0, 1]  # as Keras counts, from 0
    for event, path in zip(found, watch.written, strict=True):
        width, height, *pictures = event.tensor_proto.string_val
        shown = tf.io.decode_png(pictures[0]).numpy()
        assert (int(height), int(width)) == shown.shape[:2]
        np.testing.assert_array_equal(shown, np.asarray(Image.open(path).convert("RGB")))


def test_without_tensorboard_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "kerasdemos\[tensorboard\]"'):
        Pictures(data()[0][:1], folder=tmp_path, tensorboard=tmp_path / "log")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"every": 0}, "`every` must be a whole number from 1. Received: 0."),
        ({"patch": 3}, "`patch` must be an option of gradcam: layer, modifier, input_name, batch_size, precision."),
        ({"images": None}, "`images` must be a batch of images for gradcam. Received: None."),
        ({"method": visualize.filters}, "`images` must be None for filters, which takes none. Received: ndarray."),
        (
            {"method": visualize.eigencam, "target": 1},
            "`target` must be None for eigencam, which takes none. Received: int.",
        ),
        ({"prefix": "a/b"}, "`prefix` must be the beginning of a file's name. Received: 'a/b'."),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(wrong, message, tmp_path):
    with pytest.raises(InputError) as caught:
        Pictures(**{"images": data()[0][:1], "folder": tmp_path, **wrong})
    assert str(caught.value) == message


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match=r"`folder` must be a directory. Received: .*taken, a file"):
        Pictures(data()[0][:1], folder=tmp_path / "taken")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layer": "no_such"}, "`layer` must be a layer of the model"),
        ({"target": 3}, "`target` must be between 0 and 2. Received: 3."),
        (
            {"method": lambda model, images: None},
            "`method` must return an Attribution or Tiles. Received from <lambda>: NoneType.",
        ),
    ],
)
def test_what_does_not_fit_the_model_is_refused_before_the_first_epoch(wrong, message, tmp_path):
    model = network()
    before = model.get_weights()
    with pytest.raises(InputError) as caught:
        model.fit(*data(), verbose=0, callbacks=[Pictures(**{"images": data()[0][:1], "folder": tmp_path, **wrong})])
    assert str(caught.value).startswith(message)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert list(tmp_path.iterdir()) == []


def test_options_are_taken_by_their_old_names(build, images_for, tmp_path):
    model = build("softmax")
    with pytest.warns(FutureWarning, match="input_name"):
        visualize.callbacks.Pictures(images_for(model), method=visualize.gradcam, folder=tmp_path, explained="images")
