"""The forward pass: what it finds on a graph, and that it leaves nothing behind."""

import gc
import weakref
from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf

from visualize import InputError, Target, ablationcam, features, gradcam, maximize, occlusion, saliency, summary
from visualize.engine.compile import Program, compiled, even_slices, progress
from visualize.engine.forward import forward_pass
from visualize.engine.layer_facts import layer_facts
from visualize.models.layers import operations_by_path


def everything(model):
    """All that an explanation could have left on a model."""
    layers = [model, *model._flatten_layers(include_self=False)]
    return {
        "attributes": [{name: id(value) for name, value in vars(layer).items()} for layer in layers],
        "weights": [weight.numpy().tobytes() for weight in model.weights],
        "trainable": [layer.trainable for layer in layers],
        "nodes": [len(layer._inbound_nodes) for layer in layers],
        "policy": keras.config.dtype_policy().name,
        "eager": tf.config.functions_run_eagerly(),
    }


@pytest.mark.slow
def test_no_method_leaves_a_trace_on_any_kind_of_model(kind, build, images_for):
    model = build(kind)
    images = images_for(model)
    model(list(images.values()) if isinstance(images, dict) else images)  # what a first call sets is not ours
    before = everything(model)
    start = {name: array[:1] for name, array in images.items()} if isinstance(images, dict) else None
    saliency(model, images, 0, modifier="guided")
    gradcam(model, images, 0)
    occlusion(model, images, 0, patch=6, stride=6)
    maximize(model, 0, steps=2, start=start)
    assert everything(model) == before


def test_an_exception_while_tracing_leaves_no_trace(build, images_for):
    model = build("softmax")
    images = images_for(model)
    model(images)
    before = everything(model)

    def broken(scores):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        saliency(model, images, broken)
    assert everything(model) == before


def test_an_exception_inside_the_model_leaves_no_trace():
    class Breaking(keras.layers.Layer):
        broken = False

        def call(self, inputs):
            if self.broken:
                raise ZeroDivisionError
            return inputs

    breaking = Breaking()
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3), breaking, keras.layers.Flatten()])
    model(np.ones((1, 4, 4, 1)))
    breaking.broken = True
    before = everything(model)
    with pytest.raises(InputError) as caught:
        saliency(model, np.ones((1, 4, 4, 1)))
    where = f"its layer {breaking.name!r} raised ZeroDivisionError"
    assert str(caught.value) == f"The model cannot be run on images of shape (4, 4, 1): {where}"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert everything(model) == before


def test_a_layers_own_call_attribute_is_put_back(build, images_for):
    model = build("softmax")
    layer = model.get_layer("conv")
    original = layer.call

    def own(inputs):
        return original(inputs)

    vars(layer)["call"] = own
    saliency(model, images_for(model))
    assert vars(layer)["call"] is own


def test_a_model_that_was_explained_can_be_freed(build, images_for):
    model = build("nested")
    images = images_for(model)
    saliency(model, images, lambda scores: scores[:, 0])
    gradcam(model, images)
    occlusion(model, images)
    maximize(model, 0, steps=2)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_what_a_target_function_reads_may_change(build, images_for):
    model = build("linear")
    images, chosen = images_for(model), 0

    def score(scores):
        return scores[:, chosen]

    for chosen in range(3):
        np.testing.assert_allclose(saliency(model, images, score).values, saliency(model, images, chosen).values, rtol=1e-6)


def test_a_function_that_was_explained_can_be_freed(build, images_for):
    model = build("softmax")

    def score(scores):
        return scores[:, 0]

    saliency(model, images_for(model), score)
    gone = weakref.ref(score)
    del score
    gc.collect()
    assert gone() is None


class Counting(keras.layers.Layer):
    """Counts how often Python runs through it."""

    calls = 0

    def call(self, inputs):
        type(self).calls += 1
        return inputs


def test_a_second_call_runs_no_python_of_the_model_whatever_the_number_of_images():
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3), Counting(), keras.layers.Flatten()])
    model.add(keras.layers.Dense(3, activation="softmax"))
    images = np.random.default_rng(0).random((9, 6, 6, 1))

    def all_methods(count):
        saliency(model, images[:count])
        gradcam(model, images[:count])
        occlusion(model, images[:count])
        maximize(model, list(range(min(count, 3))), steps=3)

    for count in (1, 2, 9):  # occlusion plans for one image, for few and for more
        all_methods(count)
    before = Counting.calls
    for count in (1, 5, 3, 9, 8):
        all_methods(count)
    assert Counting.calls == before


def test_weights_that_change_after_the_trace_count(build, images_for):
    model = build("linear")
    images = images_for(model)
    before = saliency(model, images, 1).values
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([2 * kernel, bias])
    np.testing.assert_allclose(saliency(model, images, 1).values, 2 * before, rtol=1e-5)


def test_an_activation_that_is_changed_after_the_trace_counts(build, images_for):
    model = build("softmax")
    images = images_for(model)
    before = saliency(model, images, 1)
    model.get_layer("conv").activation = keras.activations.tanh
    assert not np.allclose(saliency(model, images, 1).values, before.values)


@pytest.mark.slow
@pytest.mark.parametrize("same", ["softmax", "softmax_layer", "sigmoid"])
def test_the_score_is_the_logit_whatever_stands_behind_it(same, build, images_for):
    linear, other = build("linear"), build(same)
    images = images_for(linear)
    for method in (saliency, gradcam, occlusion):
        expected, found = method(linear, images, 1), method(other, images, 1)
        assert (expected.settings["score"], found.settings["score"]) == ("output", "logit")
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5)


def test_the_logit_is_found_behind_the_casts_of_mixed_precision(build, images_for):
    full = build("softmax")
    images = images_for(full)
    for kind, tolerance in (("mixed_float16", 0.02), ("mixed_bfloat16", 0.1)):
        found = saliency(build(kind), images, 1)
        assert found.settings["score"] == "logit"
        assert found.values.dtype == np.float32
        np.testing.assert_allclose(found.scores, saliency(full, images, 1).scores, atol=tolerance)


@dataclass(frozen=True)
class Facts(Program):
    """A graph that notes what is known of each layer."""

    def trace(self, model, tensors):
        return {}, {"facts": layer_facts(forward_pass(model, tensors["images"], tensors["images"]))}


def test_one_call_of_the_model_sees_every_layer_in_the_order_of_the_calls(build):
    graph = compiled(build("nested"), Facts(), {"images": tf.TensorSpec([None, 12, 12, 3])})
    facts = {fact.path: fact for fact in graph.notes["facts"]}
    assert list(facts) == ["base/conv", "base/conv_2", "base/norm", "base/relu", "base", "pool", "preds"]
    assert facts["base/conv_2"].shape == (None, 8, 8, 8)
    assert facts["base/conv_2"].parameters == 3 * 3 * 6 * 8 + 8
    assert facts["base/conv"].convolution
    assert facts["base/conv"].has_kernels
    assert not facts["base"].leaf
    assert [path for path, fact in facts.items() if fact.spatial] == [
        "base/conv",
        "base/conv_2",
        "base/norm",
        "base/relu",
        "base",
    ]


def test_slices_are_few_and_even():
    assert even_slices(10, 4) == [(0, 3), (3, 6), (6, 10)]
    assert even_slices(8, 4) == [(0, 4), (4, 8)]
    assert even_slices(1, 128) == [(0, 1)]


def test_progress_is_told_batch_by_batch_and_only_within_the_context(build, images_for):
    model = build("softmax")
    images = images_for(model, 6)
    told = []
    with progress(lambda done, total: told.append((done, total))):
        saliency(model, images, batch_size=2)
    saliency(model, images, batch_size=2)
    assert told == [(2, 6), (4, 6), (6, 6)]


def test_what_is_no_built_model_is_refused():
    with pytest.raises(InputError, match=r"`model` must be a keras\.Model\. Received: str\."):
        saliency("model.keras", np.ones((1, 4, 4, 1)))
    unbuilt = keras.Sequential([keras.layers.Conv2D(2, 3), keras.layers.Flatten()])
    with pytest.raises(InputError, match="`model` must be built"):
        saliency(unbuilt, np.ones((1, 4, 4, 1)))


def test_a_function_gets_every_place_of_an_image_output():
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3)])
    found = saliency(model, np.ones((1, 4, 4, 1)), lambda maps: tf.reduce_mean(maps[..., 0], axis=[1, 2]))
    kernel = model.layers[0].get_weights()[0][..., 0, 0]
    np.testing.assert_allclose(found.values[0, 0, 0], abs(kernel[0, 0]) / 4, rtol=1e-5)


def test_the_policy_of_the_caller_does_not_matter(build, images_for):
    model = build("softmax")
    images = images_for(model)
    plain = saliency(model, images, 1).values
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        fresh = build("softmax_layer")  # built under another policy, and an old model explained under it
        np.testing.assert_array_equal(saliency(model, images, 1).values, plain)
        assert np.isfinite(saliency(fresh, images, 1).values).all()
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")


def test_a_tf_function_that_needs_autograph_is_still_explained(images_for):
    class Branching(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten = keras.layers.Flatten()
            self.dense = keras.layers.Dense(2)

        @tf.function
        def call(self, inputs):
            outputs = self.dense(self.flatten(inputs))
            if tf.reduce_sum(inputs) < 0:  # AutoGraph makes a graph of this
                outputs = -outputs
            return outputs

    model = Branching()
    images = np.random.default_rng(0).random((2, 3, 4, 1)).astype("float32")
    try:
        model(images)
    except tf.errors.OperatorNotAllowedInGraphError:
        pytest.skip("AutoGraph cannot transform this model on this version of Python")
    kernel = model.dense.get_weights()[0]
    np.testing.assert_allclose(saliency(model, images, 1).values[0], np.abs(kernel[:, 1]).reshape(3, 4), rtol=1e-5)


@pytest.mark.slow
def test_threads_do_not_disturb_one_another(build, images_for):
    from concurrent.futures import ThreadPoolExecutor

    model = build("softmax")
    images = images_for(model)
    alone = [saliency(build("softmax"), images, target).values for target in range(4)]
    model(images)
    before = everything(model)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda target: saliency(model, images, target).values, range(4)))
        list(pool.map(lambda target: gradcam(model, images, target), range(4)))
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-7)
    assert everything(model)["attributes"] == before["attributes"]


def test_an_output_in_a_dict_of_one_is_taken(build, images_for):
    inner = build("linear")
    inputs = keras.Input((12, 12, 1))
    model = keras.Model(inputs, {"scores": inner(inputs)})
    images = images_for(inner)
    np.testing.assert_allclose(saliency(model, images, 1).values, saliency(inner, images, 1).values, rtol=1e-5)


def test_a_picture_that_is_too_small_for_the_network_is_refused():
    inputs = keras.Input((None, None, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 5)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(pooled))
    with pytest.raises(InputError, match=r"The model must take images of shape \(3, 3, 1\)\. Received from Keras: "):
        saliency(model, np.ones((1, 3, 3, 1)))


def residual_models():
    """A residual sum written as `a + b`, and the same with a layer that adds; reloaded, and within another model."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    first = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(inputs)
    second = keras.layers.Conv2D(4, 3, padding="same", name="second")(first)
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    total = first + second
    by_layer = keras.Model(inputs, head[1](head[0](keras.layers.Add(name="total")([first, second]))))
    by_operation = keras.Model(inputs, head[1](head[0](total)))
    return by_layer, by_operation, total._keras_history.operation.name


def test_a_sum_written_with_a_plus_is_named_and_read_as_a_layer_that_adds(tmp_path):
    by_layer, by_operation, name = residual_models()
    by_operation.save(tmp_path / "model.keras")
    outer = keras.Input((8, 8, 1))
    nested = keras.Model(outer, keras.models.clone_model(by_operation)(outer))
    nested.set_weights(by_operation.get_weights())
    images = np.random.default_rng(0).random((2, 8, 8, 1)).astype("float32")
    for model in (by_operation, keras.models.load_model(tmp_path / "model.keras"), nested):
        for method in (gradcam, ablationcam):
            expected = method(by_layer, images, 1)  # by default, too, the addition that finishes the block is read
            for result in (method(model, images, 1), method(model, images, 1, layer=name)):
                np.testing.assert_allclose(result.values, expected.values, rtol=1e-4, atol=1e-7)
        tiles, expected = features(model, images, layer=name)[1], features(by_layer, images, layer="total")[1]
        np.testing.assert_allclose(tiles.pictures, expected.pictures, rtol=1e-5, atol=1e-6)
        unit = saliency(model, images, Target(2, layer=name)).values
        np.testing.assert_allclose(unit, saliency(by_layer, images, Target(2, layer="total")).values, rtol=1e-4, atol=1e-7)
        assert not any("call" in vars(operation) for operation in operations_by_path(model).values())  # no hook is left
        assert not any(row["kind"] == "Add" for row in summary(model).rows)  # the table has layers alone
    with pytest.raises(InputError, match=f"Choices: 'first', 'second', '{name}'"):
        gradcam(by_operation, images, layer=by_operation.layers[-1].name)
