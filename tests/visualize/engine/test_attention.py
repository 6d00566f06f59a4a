"""Attention on the graph: which maps a transformer has, which layer a CAM may choose, and what is refused."""

import keras
import numpy as np
import pytest

import visualize
from visualize import InputError
from visualize.inspection.summary import layer_facts
from visualize.models.layers import cam_layer

layers, ops = keras.layers, keras.ops
REFUSED = r"the map of 'patch' is from before the attention, .* little\. Use `rise` or `occlusion`, or name the layer"


def keras_attention(tokens):
    return layers.MultiHeadAttention(2, 8, name="mha")(tokens, tokens)


def own_attention(tokens):
    query, key, value = (
        ops.transpose(layers.Reshape((16, 2, 8), name=f"{name}_heads")(layers.Dense(16, name=name)(tokens)), (0, 2, 1, 3))
        for name in ("query", "key", "value")
    )
    weights = ops.softmax(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / 8**0.5)
    return layers.Reshape((16, 16), name="joined")(ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3)))


def softmax_by_hand(tokens):
    similar = ops.exp(ops.matmul(tokens, ops.transpose(tokens, (0, 2, 1))))
    return ops.matmul(similar / ops.sum(similar, axis=-1, keepdims=True), tokens)


def pooling_attention(tokens):
    weights = ops.softmax(layers.Dense(1)(tokens), axis=1)
    return ops.matmul(ops.transpose(weights, (0, 2, 1)), tokens)


def patches(images, patch=8):
    return layers.Conv2D(16, patch, strides=patch, name="patch")(images)


def stem(images):
    return patches(layers.MaxPooling2D(name="pool")(layers.Conv2D(8, 3, padding="same", name="stem")(images)), 4)


def pooled(images):
    return patches(layers.AveragePooling2D(2, name="pool")(images), 4)


def transformer(attention=keras_attention, embed=patches, grid=False):
    images = keras.Input((32, 32, 3), name="picture")
    tokens = layers.Reshape((16, 16), name="tokens")(embed(images))
    tokens = layers.Add(name="block")([tokens, attention(tokens)])
    if grid:
        features = layers.GlobalAveragePooling2D()(layers.Reshape((4, 4, 16), name="grid")(tokens))
    else:
        features = layers.GlobalAveragePooling1D()(tokens)
    return keras.Model(images, layers.Dense(4)(features))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype("float32")


def maps_of(model):
    return [fact.path for fact in layer_facts(model) if fact.spatial and fact.within]


@pytest.mark.parametrize("attention", [keras_attention, own_attention, softmax_by_hand])
def test_the_map_before_the_attention_is_read_only_where_it_is_named(attention, images):
    model = transformer(attention)
    assert maps_of(model) == ["patch"]
    for method in (visualize.gradcam, visualize.eigencam):
        with pytest.raises(InputError, match=REFUSED):
            method(model, images)
    assert visualize.gradcam(model, images, 2, layer="patch").settings["map"] == [4, 4]


def test_a_reloaded_or_nested_transformer_is_no_other(tmp_path):
    transformer().save(tmp_path / "model.keras")
    nested = keras.Sequential([keras.Input((32, 32, 3)), transformer(own_attention)])
    for model in (keras.models.load_model(tmp_path / "model.keras"), nested):
        with pytest.raises(InputError, match="from before the attention"):
            cam_layer(layer_facts(model))


@pytest.mark.parametrize("embed", [stem, pooled])
def test_a_convolution_behind_others_or_a_pooling_is_no_patch_embedding(embed, images):
    assert visualize.gradcam(transformer(embed=embed), images).settings["layer"] == "patch"


def test_tokens_that_are_put_back_on_the_grid_are_a_map(images):
    model = transformer(own_attention, grid=True)
    assert maps_of(model) == ["patch", "grid"]
    assert visualize.gradcam(model, images).settings["layer"] == "grid"


def test_attention_that_pools_all_places_mixes_none(images):
    assert visualize.gradcam(transformer(pooling_attention, grid=False), images).settings["layer"] == "patch"


@pytest.mark.parametrize(
    ("attention", "layer"),
    [(keras_attention, "mha/query"), (keras_attention, "mha/value"), (own_attention, "query_heads")],
)
def test_tokens_and_heads_are_no_map(attention, layer, images):
    with pytest.raises(InputError) as caught:
        visualize.gradcam(transformer(attention), images, layer=layer)
    assert str(caught.value) == (
        f"`layer` must have maps, (batch, height, width, channels). Received: {layer!r}, whose output is (None, 16, 2, 8), "
        "the tokens and heads of attention. Choices: 'patch'."
    )


def test_a_comparison_leaves_class_activation_maps_out(images):
    results = visualize.compare(transformer(), images, batch_size=1)
    assert [result.method for result in results] == ["saliency", "smoothgrad", "integrated_gradients", "occlusion", "rise"]
    left_out = results[0].settings["left_out"]
    assert set(left_out) == {"guided_gradcam", "gradcam", "layercam"}
    assert "from before the attention" in left_out["gradcam"]


@pytest.mark.parametrize(("attention", "marked"), [(keras_attention, ["mha"]), (own_attention, [])])
def test_attention_layers_are_marked(attention, marked):
    assert [fact.path for fact in layer_facts(transformer(attention)) if fact.attention] == marked


def test_a_layer_that_holds_its_own_attention_is_marked():
    class SelfAttention(keras.Layer):
        def call(self, tokens):
            return softmax_by_hand(tokens)

    model = transformer(SelfAttention(name="own"))
    assert [fact.path for fact in layer_facts(model) if fact.attention] == ["own"]


def test_a_network_without_attention_has_the_maps_that_it_had():
    pictures = keras.Input((16, 16, 3))
    x = layers.Reshape((4, 4, 9))(layers.Dense(144)(layers.Flatten()(layers.Conv2D(4, 3, name="conv")(pictures))))
    model = keras.Model(pictures, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    facts = layer_facts(model)
    assert not any(fact.attention or fact.before_attention or fact.patch_embedding for fact in facts)
    assert maps_of(model) == ["conv", facts[3].path]
    assert cam_layer(facts) == ("conv", "the last convolution, a 14x14 map")
