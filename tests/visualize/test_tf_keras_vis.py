"""tf-keras-vis: what its regularizers return, and what its callbacks receive."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from visualize import maximize
from visualize.tf_keras_vis import regularization_of_each

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of tf-keras-vis' imports from SciPy
PLAIN = {"lp_norm": 0, "total_variation": 0, "jitter": 0}


class Recorder:
    """What a callback of tf-keras-vis has, and nothing else."""

    def __init__(self):
        self.calls, self.begun, self.ended = [], [], 0

    def on_begin(self, **arguments):
        self.begun.append(arguments)

    def __call__(self, step, values, grads, scores, model_outputs, **more):
        self.calls.append((step, values, grads, scores, model_outputs, more))

    def on_end(self):
        self.ended += 1


def roughness(images):
    return tf.reduce_sum((images[:, 1:] - images[:, :-1]) ** 2)


@pytest.fixture(scope="module")
def theirs():
    """The regularizers of tf-keras-vis, and the deprecated ones."""
    from tf_keras_vis.activation_maximization import regularizers
    from tf_keras_vis.utils import regularizers as deprecated

    return regularizers, deprecated


def test_a_regularizer_returns_for_each_image_what_it_returns_for_it_alone(theirs):
    images = tf.constant(np.random.default_rng(0).random((3, 5, 4, 2)), tf.float32)
    for regularizer in (theirs[0].TotalVariation2D(7.0), theirs[0].Norm(3.0, p=3)):
        np.testing.assert_allclose(regularization_of_each(regularizer, images), regularizer(images), rtol=1e-5)
    deprecated = theirs[1].TotalVariation2D(7.0)
    np.testing.assert_allclose(
        regularization_of_each(deprecated, images), theirs[0].TotalVariation2D(7.0)(images), rtol=1e-5
    )  # without its mistake on batches


def test_the_library_is_not_imported_for_its_objects():
    assert "tf_keras_vis" not in sys.modules["visualize.tf_keras_vis"].__dict__


def test_a_callback_receives_the_images_as_they_are(build):
    model, recorder = build("linear"), Recorder()
    tiles = maximize(model, [2, 0], steps=25, frames=2, callbacks=[recorder], regularizers=[roughness])
    assert [step for step, *_ in recorder.calls] == [9, 11, 19, 24]  # after 10, 20 and 25 steps, and where a frame is kept
    assert recorder.begun[0]["steps"] == 25
    assert recorder.begun[0]["input_range"] == (0.0, 1.0)
    assert recorder.ended == 1
    for frame, position in ((0, 1), (1, 3)):
        np.testing.assert_array_equal(recorder.calls[position][1][0], tiles.frames[frame])
    for _, (images,), (gradient,), (scores,), (outputs,), more in recorder.calls:
        expected = model(images.numpy())
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(scores, [expected[0, 2], expected[1, 0]], rtol=1e-4, atol=1e-5)
        ((name, values),) = more["regularizations"]
        assert name == "function"
        np.testing.assert_allclose(values, [roughness(image[None]) for image in images], rtol=1e-5)
        with tf.GradientTape() as tape:
            tape.watch(images)
            scored = model(images)
            loss = roughness(images) - scored[0, 2] - scored[1, 0]
        np.testing.assert_allclose(gradient, tape.gradient(loss, images), rtol=1e-3, atol=1e-5)


def test_the_result_does_not_depend_on_callbacks(build):
    model = build("softmax")
    np.testing.assert_array_equal(
        maximize(model, 1, steps=12, callbacks=Recorder()).pictures, maximize(model, 1, steps=12).pictures
    )


def test_callbacks_begin_anew_for_each_batch_of_units(build):
    recorder = Recorder()
    maximize(build("softmax"), [0, 1, 2], steps=3, batch_size=2, callbacks=[recorder])
    assert [(step, len(values[0])) for step, values, *_ in recorder.calls] == [(2, 1), (2, 2)]
    assert (len(recorder.begun), recorder.ended) == (2, 2)


def test_callbacks_receive_the_outputs_of_a_model_of_two_inputs_too(build):
    recorder = Recorder()
    maximize(build("two_inputs"), 1, steps=2, callbacks=[recorder])
    assert recorder.calls[0][4][0].shape == (1, 4)


def test_a_callback_that_fails_is_ended_and_its_error_is_seen(build):
    class Failing(Recorder):
        def __call__(self, *args, **kwargs):
            raise KeyboardInterrupt

        def on_end(self):
            super().on_end()
            raise RuntimeError("nothing was recorded")

    recorder, failing = Recorder(), Failing()
    with pytest.raises(KeyboardInterrupt):
        maximize(build("softmax"), 1, steps=2, callbacks=[recorder, failing])
    assert (recorder.ended, failing.ended) == (1, 1)


def test_the_callbacks_of_tf_keras_vis_work(tmp_path, capfd):
    from PIL import Image
    from tf_keras_vis.activation_maximization.callbacks import GifGenerator2D, PrintLogger, Progress
    from tf_keras_vis.activation_maximization.regularizers import Norm

    model = keras.Sequential([keras.Input((24, 24, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    callbacks = [Progress(), PrintLogger(10), GifGenerator2D(str(tmp_path / "way.gif"))]
    maximize(model, 1, steps=20, input_range=(0, 255), callbacks=callbacks, regularizers=[Norm(1.0)], **PLAIN)
    printed = capfd.readouterr()
    assert "20/20" in printed.out
    assert "Steps: 020" in printed.out + printed.err
    assert "Norm" in printed.out
    with Image.open(tmp_path / "way.gif") as gif:
        assert gif.n_frames == 2
