"""Windows: the same as computing every hidden copy in full, on networks drawn at random."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from visualize import InputError, occlusion, open_model, probe, tracing, windows
from visualize.windows.planner import plans

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
        """A branch added to what it was made of."""
        branch = layers.Conv2D(x.shape[-1], self.kernel(), padding="same", activation=self.one_of(*ACTIVATIONS))(x)
        merge = self.one_of(
            layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum
        )
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


def found_by_every_plan(model, images, starts, patch, fills):
    """What each plan finds, and what the full computation finds: (batch, places, classes) each."""

    def every(model, images, fills):
        seen = probe.look(model, images, images)
        outcome, noted = {}, {}
        for number, plan in enumerate(plans(seen, starts, patch, batch=2)[0]):
            kinds = {str(unit): tf.float32 for unit in range(seen.scores.shape[-1])}

            def scores(hidden, copies, known, kinds=kinds):
                again = probe.look(model, hidden, hidden, known=known)
                assert again.score_kind == seen.score_kind
                return {unit: again.scores[:, int(unit)] for unit in kinds}

            outcome[str(number)] = tf.stack(list(windows.over_places(plan, fills, scores, kinds).values()), axis=-1)
            noted[str(number)] = [step.call.path for step in plan.steps]
        return outcome, noted

    def full(model, images):
        return {"scores": probe.look(model, images, images).scores}, {}

    spec = tf.TensorSpec([None, *images.shape[1:]], tf.float32)
    trace = tracing.trace(model, ("every", patch, str(starts)), every, {"images": spec, "fills": spec})
    copies = np.stack([hidden_copy(images, fills, top, left, patch) for top in starts[0] for left in starts[1]], axis=1)
    slow = tracing.trace(model, ("slow",), full, {"images": spec})(images=tf.constant(copies.reshape(-1, *images.shape[1:])))
    expected = slow["scores"].numpy().reshape(*copies.shape[:2], -1)
    found = {number: one.numpy() for number, one in trace(images=tf.constant(images), fills=tf.constant(fills)).items()}
    return found, expected, trace.notes


def hidden_copy(images, fills, top, left, patch):
    copies = images.copy()
    copies[:, top : top + patch, left : left + patch] = fills[:, top : top + patch, left : left + patch]
    return copies


def starts_of(length, patch, stride):
    return list(range(0, max(0, length - patch) + stride, stride))


def check(model, patch, stride):
    images = pictures(model)
    fills = np.random.default_rng(8).standard_normal(images.shape).astype("float32")
    starts = [starts_of(length, patch, stride) for length in images.shape[1:3]]
    found, expected, steps = found_by_every_plan(model, images, starts, patch, fills)
    scale = max(1.0, np.abs(expected).max())
    for number, scores in found.items():
        np.testing.assert_allclose(scores / scale, expected / scale, atol=3e-5, err_msg=f"in windows: {steps[number]}")
    return steps


def check_drawn(data):
    model = weighed(Drawn(data.draw).model())
    patch = data.draw(st.integers(1, 6))
    check(model, patch, data.draw(st.integers(1, patch)))


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
@settings(RANDOM, max_examples=6)
@given(st.data())
def test_every_plan_for_a_network_drawn_at_random_gives_what_full_copies_give(data):
    check_drawn(data)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
@settings(RANDOM, max_examples=150)
@given(st.data())
def test_every_plan_for_many_networks_drawn_at_random_gives_what_full_copies_give(data):
    check_drawn(data)
