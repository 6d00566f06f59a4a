"""Threads: while one explains a model, others call it, and meet nothing of that."""

import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

import visualize
from visualize.engine import compile as graphs

L = keras.layers
IMAGES = np.random.default_rng(0).random((2, 16, 16, 1), "float32")


def model_of():
    keras.utils.set_random_seed(1)
    blocks = [L.Conv2D(4, 3, padding="same", activation="relu") for _ in range(8)]
    return keras.Sequential([keras.Input((16, 16, 1)), *blocks, L.Flatten(), L.Dense(3, activation="softmax")])


@pytest.mark.slow
def test_others_call_and_predict_a_model_while_it_is_explained():
    model = model_of()
    expected, mistakes, stop = model(IMAGES).numpy(), [], threading.Event()

    def use(call):
        while not stop.is_set():
            try:
                np.testing.assert_allclose(np.asarray(call(IMAGES)), expected, rtol=1e-4, atol=1e-6)
                assert not tf.config.functions_run_eagerly()
            except BaseException as error:
                mistakes.append(repr(error))
                return

    users = [threading.Thread(target=use, args=(call,)) for call in (model, model, lambda x: model.predict(x, verbose=0))]
    for user in users:
        user.start()
    methods = [visualize.saliency, visualize.gradcam, lambda *a: visualize.gradcam(*a, precision="bfloat16")]
    for number in range(100):
        methods[number % 3](model if number % 10 else model_of(), IMAGES[:, :16], number % 3)
        if number % 4 == 0:
            graphs._graphs.pop(model, None)  # so that it is traced again and again
    stop.set()
    for user in users:
        user.join()
    assert mistakes == []


def test_several_threads_may_explain_one_model_at_once():
    model = model_of()
    expected = [visualize.saliency(model, IMAGES, target).values for target in range(3)]
    graphs._graphs.pop(model)
    results = {}

    def explain(target):
        results[target] = [visualize.saliency(model, IMAGES, target).values for _ in range(5)]

    threads = [threading.Thread(target=explain, args=(target,)) for target in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for target in range(3):
        for values in results[target]:
            np.testing.assert_allclose(values, expected[target], rtol=1e-5, atol=1e-7)


def test_the_graphs_of_a_model_are_bounded():
    inputs = keras.Input((None, None, 1))
    x = L.GlobalAveragePooling2D()(L.Conv2D(2, 3, activation="relu")(inputs))
    model = keras.Model(inputs, L.Dense(2)(x))
    for size in range(8, 48):
        visualize.saliency(model, np.ones((1, size, 8, 1), "float32"), 0)
    assert len(graphs._graphs[model]) == graphs.MAX_GRAPHS
