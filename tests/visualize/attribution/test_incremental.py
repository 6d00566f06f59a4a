"""Windows: the same as computing every hidden copy in full, on networks drawn at random."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from visualize import InputError, Target, occlusion
from visualize.attribution.incremental import WindowPlan, measured_at_positions, planner
from visualize.attribution.incremental.layer_rules import FLAT_RULES, RULES
from visualize.attribution.incremental.planner import window_plans
from visualize.attribution.incremental.receptive_field import hidden_span, reach_of_kernel
from visualize.engine.compile import Program, compiled
from visualize.engine.forward import forward_pass

layers = keras.layers
ACTIVATIONS = (None, "relu", "relu6", "tanh", "gelu", "silu", "softmax", "leaky_relu", "hard_sigmoid")
# A network is best read as it was drawn, and shrinking one takes minutes: it is left out.
RANDOM = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Drawn:
    """A network drawn layer by layer."""

    def __init__(self, draw):
        self.one_of = lambda *choices: draw(st.sampled_from(choices))
        self.number = lambda low, high: draw(st.integers(low, high))

    def model(self):
        shape = (self.number(7, 13), self.number(7, 13), self.number(1, 3))
        picture = keras.Input(shape, name="picture")
        x = picture
        for _ in range(self.number(1, 5)):
            x = self.one_of(self.window, self.window, self.point, self.residual, self.inception, self.nested, self.shared)(x)
        if self.one_of(False, False, False, True):
            return keras.Model(picture, self.image(x))
        x = self.one_of(self.flat, self.pooled, self.odd)(x)
        last = layers.Dense(3, activation=self.one_of(None, "softmax", "sigmoid"), name="preds")
        return keras.Model(picture, last(x))

    def window(self, x, *, same=False):
        """A layer that sees more than one pixel."""
        make = self.one_of(self.convolution, self.depthwise, self.separable, self.pooling, self.pooling)
        layer = make(x, "same" if same else self.one_of("same", "valid"), *((1, 1) if same else self.grid()))
        if same:
            return layer(x)
        padded = self.one_of(
            lambda x: x,
            lambda x: x,
            layers.ZeroPadding2D(((self.number(0, 2), 1), (0, self.number(1, 2)))),
            layers.Cropping2D(((0, 1), (1, 0))),
        )
        return layer(padded(x)) if min(x.shape[1:3]) > 5 else layer(x) if layer.padding == "same" else x

    def grid(self):
        """Stride and dilation: TensorFlow has no layer with both."""
        return self.one_of((1, 1), (1, 1), (2, 1), (3, 1), (1, 2))

    def kernel(self):
        return self.number(1, 3), self.number(1, 3)

    def convolution(self, x, padding, stride, dilation):
        activation = self.one_of(*ACTIVATIONS)
        groups = self.one_of(1, x.shape[-1])
        return layers.Conv2D(
            groups * self.number(1, 2),
            self.kernel(),
            strides=stride,
            dilation_rate=dilation,
            padding=padding,
            groups=groups,
            activation=activation,
            use_bias=self.one_of(True, False),
        )

    def depthwise(self, x, padding, stride, dilation):
        return layers.DepthwiseConv2D(
            self.kernel(), strides=stride, dilation_rate=dilation, padding=padding, depth_multiplier=self.number(1, 2)
        )

    def separable(self, x, padding, stride, dilation):
        return layers.SeparableConv2D(
            self.number(1, 4),
            self.kernel(),
            strides=stride,
            dilation_rate=dilation,
            padding=padding,
            activation=self.one_of(*ACTIVATIONS),
        )

    def pooling(self, x, padding, stride, dilation):
        kind = self.one_of(layers.MaxPooling2D, layers.AveragePooling2D)
        return kind((self.number(1, 3), self.number(1, 3)), strides=stride, padding=padding)

    def point(self, x):
        """A layer that treats every pixel by itself."""
        return self.one_of(
            layers.BatchNormalization(),
            layers.LayerNormalization(),
            layers.Activation(self.one_of(*ACTIVATIONS[1:])),
            layers.ReLU(6.0),
            layers.LeakyReLU(),
            layers.ELU(),
            layers.PReLU(shared_axes=[1, 2]),
            layers.Softmax(),
            layers.Dropout(0.5),
            layers.SpatialDropout2D(0.5),
            layers.GaussianNoise(1.0),
            layers.Rescaling(2.0, -0.5),
            layers.Dense(2),
            layers.Identity(),
        )(x)

    def residual(self, x):
        """A branch added to its own input."""
        branch = layers.Conv2D(x.shape[-1], self.kernel(), padding="same", activation=self.one_of(*ACTIVATIONS))(x)
        merge = self.one_of(layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum)
        return merge()([x, branch])

    def inception(self, x):
        """Branches side by side."""
        return layers.Concatenate()([x, *(self.window(x, same=True) for _ in range(self.number(1, 2)))])

    def nested(self, x):
        inner = keras.Input(x.shape[1:])
        return keras.Model(inner, self.point(self.window(inner)))(x)

    def shared(self, x):
        convolution = layers.Conv2D(x.shape[-1], self.kernel(), padding="same", activation="relu")
        return convolution(convolution(x))

    def flat(self, x):
        x = layers.Flatten()(self.one_of(layers.Dropout(0.5), layers.Identity())(x))
        return layers.Dense(4, activation=self.one_of(None, "relu", "tanh"))(x) if self.one_of(True, False) else x

    def pooled(self, x):
        return self.one_of(layers.GlobalAveragePooling2D(), layers.GlobalMaxPooling2D())(x)

    def image(self, x):
        """An output for each pixel."""
        inside, behind = self.one_of((None, None), ("softmax", None), ("sigmoid", None), (None, "softmax"), (None, "sigmoid"))
        x = layers.Conv2D(3, self.kernel(), padding="same", activation=inside, name="preds")(x)
        return layers.Activation(behind)(x) if behind else x

    def odd(self, x):
        """A layer without a rule."""
        return layers.GlobalAveragePooling2D()(self.one_of(layers.Conv2DTranspose(2, 2), layers.UpSampling2D())(x))


def weighed(model, seed=3):
    """The model, with weights of every kind that matter."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        noise = 0.3 * generator.standard_normal(weight.shape)
        weight.assign(np.asarray(weight) + (np.abs(noise) if "variance" in weight.path else noise))
    return model


def pictures(model, count=2):
    return np.random.default_rng(5).standard_normal((count, *model.input_shape[1:])).astype("float32")


@dataclass(frozen=True)
class PlannedScores(Program):
    """Every score at every position of the patch, by one plan by its number and by the one of most windows."""

    starts: tuple[tuple[int, ...], ...]
    patch: int
    number: int

    def trace(self, model, tensors):
        images, fills = tensors["images"], tensors["fills"]
        forward = forward_pass(model, images, images)
        plans, _ = window_plans(forward, self.starts, self.patch, batch=2)
        scores, layer_paths = {}, {}
        for number in sorted({self.number % len(plans), len(plans) - 1}) if plans else []:
            assert plans[number].frontier, "what is computed in windows must reach the rest of the model"
            dtypes = {str(unit): tf.float32 for unit in range(forward.scores.shape[-1])}

            def measure(hidden, copies, known_outputs):
                again = forward_pass(model, hidden, hidden, known_outputs=known_outputs)
                assert again.score_kind == forward.score_kind
                return {str(unit): again.scores[:, unit] for unit in range(again.scores.shape[-1])}

            by_unit = measured_at_positions(plans[number], fills, measure, dtypes)
            scores[str(number)] = tf.stack(list(by_unit.values()), axis=-1)
            layer_paths[str(number)] = [step.call.path for step in plans[number].steps]
        return scores, layer_paths


@dataclass(frozen=True)
class Scores(Program):
    """The scores of images as they are."""

    def trace(self, model, tensors):
        return {"scores": forward_pass(model, tensors["images"], tensors["images"]).scores}, {}


def planned_and_full_scores(model, images, starts, patch, fills, number):
    """The scores by two plans, and by the full computation: (batch, positions, classes) each; and the plans' layers."""
    spec = tf.TensorSpec([None, *images.shape[1:]], tf.float32)
    copies = np.stack([hidden_copy(images, fills, top, left, patch) for top in starts[0] for left in starts[1]], axis=1)
    try:
        slow = compiled(model, Scores(), {"images": spec})({"images": tf.constant(copies.reshape(-1, *images.shape[1:]))})
    except tf.errors.AbortedError:
        reject()  # oneDNN refuses some convolutions of one channel, whoever calls them
    expected = slow["scores"].numpy().reshape(*copies.shape[:2], -1)
    graph = compiled(model, PlannedScores(starts, patch, number), {"images": spec, "fills": spec})
    planned = {
        name: scores.numpy() for name, scores in graph({"images": tf.constant(images), "fills": tf.constant(fills)}).items()
    }
    return planned, expected, graph.notes


def hidden_copy(images, fills, top, left, patch):
    copies = images.copy()
    copies[:, top : top + patch, left : left + patch] = fills[:, top : top + patch, left : left + patch]
    return copies


def starts_of(length, patch, stride):
    return tuple(range(0, max(0, length - patch) + stride, stride))


def check(model, patch, stride, number=0):
    """One plan by its number and the one of most windows give the scores of full copies."""
    images = pictures(model)
    fills = np.random.default_rng(8).standard_normal(images.shape).astype("float32")
    starts = tuple(starts_of(length, patch, stride) for length in images.shape[1:3])
    planned, expected, layer_paths = planned_and_full_scores(model, images, starts, patch, fills, number)
    scale = max(1.0, np.abs(expected).max())
    for name, scores in planned.items():
        np.testing.assert_allclose(scores / scale, expected / scale, atol=3e-5, err_msg=f"in windows: {layer_paths[name]}")


def check_drawn(data):
    model = weighed(Drawn(data.draw).model())
    patch = data.draw(st.integers(1, 6))
    check(model, patch, data.draw(st.integers(1, patch)), data.draw(st.integers(0, 20)))


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
@settings(RANDOM, max_examples=4)
@given(st.data())
def test_windows_of_a_network_drawn_at_random_give_what_full_copies_give(data):
    check_drawn(data)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
@settings(RANDOM, max_examples=80)
@given(st.data())
def test_windows_of_many_networks_drawn_at_random_give_what_full_copies_give(data):
    check_drawn(data)


def of_layers(*stack, shape=(9, 11, 2)):
    return weighed(keras.Sequential([keras.Input(shape), *stack]))


def head():
    return layers.Flatten(), layers.Dense(3, name="preds")


def both_paths(model, images, *, patch=3, stride=2, **options):
    """Check that windows give what the full computation gives, and return the settings of the result by windows."""
    windows, full = (
        occlusion(model, images, 1, patch=patch, stride=stride, path=path, **options) for path in ("windows", "full")
    )
    assert full.settings["path"] == "full"
    scores = [result.arrays["position_scores"] for result in (windows, full)]
    np.testing.assert_allclose(*scores, rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(windows.values, full.values, rtol=1e-4, atol=2e-5)
    np.testing.assert_array_equal(*(result.arrays["position_classes"] for result in (windows, full)))
    return windows.settings


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "same"), [(3, 1, 1, True), (3, 2, 1, True), (2, 3, 1, False), (3, 1, 2, True)]
)
def test_a_span_of_outputs_is_all_that_read_a_changed_input(kernel, stride, dilation, same):
    for length in (7, 8, 12):
        reach = reach_of_kernel(length, kernel, stride, dilation, same=same)
        changed = reach.changed_outputs(hidden_span(np.arange(length - 1), 2, length))
        inputs_read = reach.inputs_read(changed.window)
        for position in range(length - 1):
            reads = [{o * stride - reach.before + k * dilation for k in range(kernel)} for o in range(reach.length)]
            touched = [o for o, inputs in enumerate(reads) if inputs & {position, position + 1}]
            first, stop = changed.first[position], changed.stop[position]
            assert set(touched) <= set(range(first, stop))  # with a dilation, some between read no changed input
            assert not touched or (first, stop) == (touched[0], touched[-1] + 1)
            window = changed.window.pixels[position]
            assert set(range(first, stop)) <= set(window)
            assert 0 <= window[0] <= window[-1] < reach.length
            assert set().union(*(reads[o] for o in window)) <= set(inputs_read.pixels[position])


@pytest.mark.parametrize(
    "ending",
    [
        lambda: (layers.Conv2D(3, 1, activation="softmax"),),
        lambda: (layers.Conv2D(1, 3, padding="same", activation="sigmoid"),),
        lambda: (layers.Conv2D(3, 1), layers.Softmax()),
        lambda: (layers.Conv2D(3, 1), layers.Activation("softmax"), layers.Dropout(0.5)),
        lambda: (layers.Flatten(), layers.Dense(3, activation="softmax")),
        lambda: (layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid")),
    ],
    ids=["softmax", "sigmoid", "softmax_layer", "activation_layer", "dense", "pooled"],
)
def test_the_score_is_the_logit_in_windows_too(ending):
    model = of_layers(layers.Conv2D(4, 3, padding="same", activation="relu"), *ending())
    windows_settings = both_paths(model, pictures(model))
    assert windows_settings["score"].endswith("logit")


def test_the_output_of_a_layer_in_front_of_its_activation_is_hidden_likewise():
    explained = layers.Conv2D(8, 1, activation="sigmoid", name="explained")
    model = of_layers(layers.Conv2D(4, 3, padding="same"), explained, *head(), shape=(24, 24, 2))
    target = Target(1, layer="explained")
    windows, full = (occlusion(model, pictures(model), target, patch=4, stride=4, path=path) for path in ("windows", "full"))
    np.testing.assert_allclose(windows.values, full.values, rtol=1e-4, atol=2e-5)


def test_what_is_outside_of_a_region_explains_nothing_of_it():
    model = of_layers(layers.Conv2D(4, 3, padding="same"), layers.Conv2D(3, 1, activation="softmax"), shape=(8, 8, 2))
    images = pictures(model)
    for path in ("windows", "full"):
        result = occlusion(model, images, Target(1, region=(0, 0, 8, 3)), patch=4, stride=4, path=path)
        assert np.abs(result.values[:, :, :4]).min() > 0
        np.testing.assert_allclose(result.values[:, :, 4:], 0, atol=1e-6)


@dataclass(frozen=True)
class PlansOnly(Program):
    """The plans, among the notes of a graph."""

    tops: Sequence[int]
    lefts: Sequence[int]
    patch: int
    batch: int

    def trace(self, model, tensors):
        forward = forward_pass(model, tensors["images"], tensors["images"])
        return {}, {"plans": window_plans(forward, (self.tops, self.lefts), self.patch, batch=self.batch)[0]}


def plans_of(model, tops, lefts, patch, *, batch=1) -> list[WindowPlan]:
    """Every plan in windows of a model."""
    spec = {"images": tf.TensorSpec([None, *model.input_shape[1:]])}
    return compiled(model, PlansOnly(tops, lefts, patch, batch), spec).notes["plans"]


def test_windows_grow_as_the_receptive_field_of_a_network_does():
    model = of_layers(layers.Conv2D(2, 3), layers.Conv2D(2, 3), layers.MaxPooling2D(), *head(), shape=(28, 28, 1))

    steps = plans_of(model, starts_of(28, 4, 4), starts_of(28, 4, 4), 4)[-1].steps
    # 4 pixels are read by 6 outputs, these by 8, these by 4 after the pooling, which are laid out as a row
    assert [step.output.rows.window.size for step in steps if step.output is not None] == [6, 8, 4, 4]


@pytest.mark.slow
@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Conv2D(4, 3, strides=2, padding="same", groups=2, activation="softmax"),
        lambda: layers.Conv2D(4, (3, 2), dilation_rate=2),
        lambda: layers.DepthwiseConv2D(3, strides=2, padding="same"),
        lambda: layers.SeparableConv2D(4, 3, padding="same"),
        lambda: layers.MaxPooling2D(3, strides=2, padding="same"),
        lambda: layers.AveragePooling2D(3, strides=1, padding="same"),
        lambda: layers.ZeroPadding2D(((2, 0), (1, 3))),
        lambda: layers.Cropping2D(((1, 2), (0, 3))),
    ],
)
def test_a_layer_finds_in_its_windows_what_it_finds_in_full(layer):
    model = of_layers(layers.Rescaling(1.0, -3.0), layer(), layers.GlobalMaxPooling2D(), layers.Dense(3))
    assert both_paths(model, pictures(model))["path"] == "windows"  # below zero, where padding with zeros would be the highest
    check(model, 3, 2)


def test_pooling_over_all_keeps_its_axes_where_it_should():
    model = of_layers(layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(keepdims=True), layers.Conv2D(3, 1), layers.Flatten())
    check(model, 3, 2)


@pytest.mark.parametrize("fill", ["blur", "mean", 0.7, [0.1, 0.9]])
def test_every_fill_that_hides_a_patch_alone_is_done_in_windows(fill):
    model = of_layers(layers.Conv2D(4, 3, padding="same", activation="relu"), layers.MaxPooling2D(), *head())
    assert both_paths(model, pictures(model), fill=fill)["path"] == "windows"


def test_windows_say_what_they_save_and_where_full_maps_begin():
    model = of_layers(layers.Conv2D(4, 3), layers.UpSampling2D(name="up"), layers.Conv2D(4, 3), *head())
    windows_settings = both_paths(model, pictures(model))
    assert (windows_settings["path"], windows_settings["full_from"]) == ("windows", "up")
    assert windows_settings["path_reason"] == "up: UpSampling2D has no rule"
    assert windows_settings["estimated_saving"] > 0
    assert windows_settings["operations_saving"] >= 1


def test_where_no_layer_is_computed_in_full_there_is_no_reason_why_one_is():
    wide = [layers.Conv2D(8, 3, padding="same") for _ in range(3)]  # in windows to its output, an image
    model = of_layers(*wide, shape=(24, 24, 2))
    windows_settings = both_paths(model, pictures(model, 1), patch=3, stride=3)
    assert (windows_settings["full_from"], windows_settings["path_reason"]) == (None, "")


class Doubled(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


class Own(layers.Conv2D):
    """Who inherits from a layer may do anything in its call."""

    def call(self, inputs):
        return super().call(inputs) + tf.reduce_max(inputs, axis=[1, 2, 3], keepdims=True)


class OwnRelu(layers.ReLU):
    def call(self, inputs):
        return super().call(inputs) - tf.reduce_max(inputs, axis=[1, 2, 3], keepdims=True)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (OwnRelu, "OwnRelu has no rule"),
        (Doubled, "Doubled has no rule"),
        (lambda: Own(2, 3), "Own has no rule"),
        (
            lambda: layers.Conv2D(2, 3, activation=tf.math.softmax),
            "its activation is not known to treat every pixel by itself",
        ),
        (lambda: layers.BatchNormalization(axis=1), "it works along axis 1, not along the channels"),
        (lambda: layers.Softmax(axis=1), "it works along axis 1, not along the channels"),
        (lambda: layers.PReLU(), "it has numbers of its own for each pixel"),
        (lambda: layers.Conv2D(2, 3, dtype="bfloat16"), "it computes in bfloat16, where round-off is no longer small"),
    ],
)
def test_a_layer_without_a_rule_is_computed_in_full_and_the_result_says_so(layer, reason):
    odd = layer()
    odd.name = "odd"
    model = of_layers(odd, *head())
    result = occlusion(model, pictures(model), 1, patch=3, stride=2)
    assert result.settings["path"] == "full"
    assert result.settings["path_reason"] == f"odd: {reason}"
    with pytest.raises(InputError, match="`path` must be 'full' or 'auto': no layer can be computed in windows"):
        occlusion(model, pictures(model), 1, patch=3, stride=2, path="windows")


@pytest.mark.parametrize("name", [*RULES, *FLAT_RULES])
def test_each_rule_is_of_a_layer_of_keras(name):
    assert getattr(layers, name).__name__ == name  # else the rule would never be used


def test_a_branch_that_is_spread_over_the_map_is_computed_in_full():
    picture = keras.Input((9, 9, 2))
    x = layers.Conv2D(3, 3, name="conv")(picture)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    x = layers.Multiply(name="excite")([x, layers.Dense(3, activation="sigmoid", name="gate")(gate)])
    model = weighed(keras.Model(picture, layers.Dense(3)(layers.Flatten()(x))))
    windows_settings = both_paths(model, pictures(model))
    assert windows_settings["path"] == "windows"


class AlwaysTraining(keras.Model):
    """A model that calls one of its layers in training mode, in whatever mode it is called itself."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.norm, self.head = layers.Conv2D(3, 3), layers.BatchNormalization(name="norm"), layers.Dense(3)

    def call(self, inputs):
        return self.head(tf.reduce_max(self.norm(self.first(inputs), training=True), axis=(1, 2)))


def test_a_layer_that_the_model_calls_in_training_mode_is_computed_in_full():
    model = AlwaysTraining()
    model(np.zeros((1, 9, 9, 1), "float32"))
    images = np.ones((1, 9, 9, 1), "float32")
    assert occlusion(model, images, 1, patch=3).settings["path"] == "full"
    with pytest.raises(InputError, match=r"no layer can be computed in windows \('norm' need each image alone\)"):
        occlusion(model, images, 1, patch=3, path="windows")


@keras.saving.register_keras_serializable(package="tests")
class Raw(keras.Model):
    """Layers with a rule, and between them an operation that is no layer, and the picture once more."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = layers.Conv2D(4, 3, padding="same"), layers.Conv2D(4, 3, padding="same")
        self.head = layers.Dense(3)

    def call(self, inputs):
        x = self.first(inputs)
        x = self.second(tf.roll(x, 2, axis=1)) + x
        return self.head(tf.reduce_max(x, axis=(1, 2)) + tf.reduce_mean(inputs, axis=(1, 2, 3))[:, None])


def test_what_a_subclassed_model_does_besides_its_layers_is_computed_in_full():
    model = Raw()
    model(np.zeros((1, 9, 9, 1), "float32"))
    images = np.random.default_rng(0).random((2, 9, 9, 1)).astype("float32")
    assert both_paths(weighed(model), images)["path"] == "windows"


@pytest.mark.parametrize("which", ["nested", "softmax", "two_inputs"])
def test_a_reloaded_model_is_computed_in_windows(which, reloaded, images_for):
    model = reloaded(which)
    windows_settings = both_paths(model, images_for(model), patch=4, stride=3)
    assert windows_settings["path"] == "windows"


@pytest.mark.slow
def test_every_kind_of_model_finds_the_same_by_either_path(kind, reloaded, images_for):
    model = reloaded(kind)
    if "float16" in kind:
        assert "it computes in" in occlusion(model, images_for(model), 0).settings["path_reason"]
        return
    target = 0 if kind == "one_sigmoid" else 1
    images = images_for(model)
    windows, full = (occlusion(model, images, target, patch=4, stride=3, path=path) for path in ("windows", "full"))
    np.testing.assert_allclose(windows.arrays["position_scores"], full.arrays["position_scores"], rtol=1e-4, atol=1e-5)


def test_memory_is_bounded_by_computing_some_positions_at_a_time(monkeypatch):
    model = of_layers(layers.Conv2D(4, 3, padding="same"), layers.MaxPooling2D(), *head())
    monkeypatch.setattr(planner, "LIVE", 5000)
    for plan in plans_of(model, range(8), range(10), 2, batch=2):
        assert plan.edges[0] == 0
        assert plan.edges[-1] == 80
        assert len(plan.edges) - 1 > 5
        assert max(np.diff(plan.edges)) < 15
    both_paths(model, pictures(model), patch=2, stride=1)


def test_an_unknown_path_is_refused(build, images_for):
    with pytest.raises(InputError, match=r"`path` must be 'auto', 'windows' or 'full'\. Received: 'fast'\."):
        occlusion(build("softmax"), images_for(build("softmax")), 0, path="fast")
