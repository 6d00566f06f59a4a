"""Listeners: what callbacks of tf-keras-vis are told."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from visualize import maximize

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of tf-keras-vis' imports from SciPy
PLAIN = {"lp_norm": 0, "total_variation": 0, "jitter": 0}


class Recorder:
    """What a callback of tf-keras-vis has, and nothing else."""

    def __init__(self):
        self.told, self.begun, self.ended = [], [], 0

    def on_begin(self, **arguments):
        self.begun.append(arguments)

    def __call__(self, step, values, grads, scores, model_outputs, **more):
        self.told.append((step, values, grads, scores, model_outputs, more))

    def on_end(self):
        self.ended += 1


def roughness(images):
    return tf.reduce_sum((images[:, 1:] - images[:, :-1]) ** 2)


def test_a_callback_is_told_of_the_inputs_as_they_stand(build):
    model, recorder = build("linear"), Recorder()
    found = maximize(model, [2, 0], steps=25, frames=2, callbacks=[recorder], regularizers=[roughness])
    assert [step for step, *_ in recorder.told] == [9, 11, 19, 24]  # after 10, 20 and 25 steps, and where a frame is kept
    assert recorder.begun[0]["steps"] == 25
    assert recorder.begun[0]["input_range"] == (0.0, 1.0)
    assert recorder.ended == 1
    for frame, position in ((0, 1), (1, 3)):
        np.testing.assert_array_equal(recorder.told[position][1][0], found.frames[frame])
    for _, (images,), (slope,), (scores,), (outputs,), more in recorder.told:
        answers = model(images.numpy())
        np.testing.assert_allclose(outputs, answers, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(scores, [answers[0, 2], answers[1, 0]], rtol=1e-4, atol=1e-5)
        ((name, paid),) = more["regularizations"]
        assert name == "function"
        np.testing.assert_allclose(paid, [roughness(image[None]) for image in images], rtol=1e-5)
        with tf.GradientTape() as tape:
            tape.watch(images)
            scored = model(images)
            loss = roughness(images) - scored[0, 2] - scored[1, 0]
        np.testing.assert_allclose(slope, tape.gradient(loss, images), rtol=1e-3, atol=1e-5)


def test_what_is_found_does_not_depend_on_who_listens(build):
    model = build("softmax")
    np.testing.assert_array_equal(
        maximize(model, 1, steps=12, callbacks=Recorder()).pictures, maximize(model, 1, steps=12).pictures
    )


def test_each_batch_of_units_is_told_of_anew(build):
    recorder = Recorder()
    maximize(build("softmax"), [0, 1, 2], steps=3, batch_size=2, callbacks=[recorder])
    assert [(step, len(values[0])) for step, values, *_ in recorder.told] == [(2, 1), (2, 2)]
    assert (len(recorder.begun), recorder.ended) == (2, 2)


def test_a_model_of_two_inputs_is_told_of_too(build):
    recorder = Recorder()
    maximize(build("two_inputs"), 1, steps=2, callbacks=[recorder])
    assert recorder.told[0][4][0].shape == (1, 4)


def test_a_callback_that_fails_is_ended_and_its_mistake_is_seen(build):
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
    told = capfd.readouterr()
    assert "20/20" in told.out
    assert "Steps: 020" in told.out + told.err
    assert "Norm" in told.out
    with Image.open(tmp_path / "way.gif") as gif:
        assert gif.n_frames == 2
