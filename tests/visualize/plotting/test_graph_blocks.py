"""Large models are folded into the blocks that their authors name, or that their tensors show; nothing is lost."""

import itertools

import keras
import pytest

from visualize import InputError, Structure, draw, load, save, summary
from visualize.plotting.graph_blocks import blocks_of, edges_between
from visualize.settings import Display


@pytest.fixture
def chain_of():
    """A chain of layers: (name, kind, output shape) each, or a name alone."""

    def build(*layers, extra_edges=(), full=False):
        rows = []
        for layer in layers:
            name, kind, shape = layer if isinstance(layer, tuple) else (layer, "Conv2D", (8, 8, 4))
            rows.append({"path": name, "kind": kind, "shape": [None, *shape], "parameters": 10, "depth": 0})
        edges = [*itertools.pairwise(row["path"] for row in rows), *extra_edges]
        settings = {"name": "net", "parameters": 1, "trainable": 1, "layers": len(rows)}
        return Structure(tuple(rows), tuple(edges), "summary", settings, display=Display(full=full))

    return build


def described(structure):
    return [(block.name, len(block.parts), len(block.parts[0])) for block in blocks_of(structure)]


def padded(names, count=33):
    """So many names that a diagram of them is folded."""
    return [*names, *(f"tail{'abcdefghijklmnopqrstuvwxyz'[number % 26]}{'x' * (number // 26)}" for number in range(count))]


def block(beginning, *suffixes):
    return [f"{beginning}_{suffix}" for suffix in suffixes]


def test_a_small_model_is_not_folded(chain_of):
    names = [*block("block1", "conv", "bn"), *block("block2", "conv", "bn")]
    assert described(chain_of(*names)) == [(name, 1, 1) for name in names]


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        (  # EfficientNet
            [
                *block("stem", "conv", "bn"),
                *block("block2a", "expand_conv", "dwconv"),
                *block("block2b", "dwconv", "project_conv", "add"),
            ],
            [("stem", 1, 2), ("block2a", 1, 2), ("block2b", 1, 3)],
        ),
        (  # ResNet50: the parts of a block have numbers too
            [*block("conv2_block1", "1_conv", "1_bn", "2_conv", "add", "out"), *block("conv3_block1", "1_conv", "out")],
            [("conv2_block1", 1, 5), ("conv3_block1", 1, 2)],
        ),
        (  # MobileNetV2
            [*block("block_1", "expand", "expand_BN", "depthwise"), *block("expanded_conv", "depthwise", "project")],
            [("block_1", 1, 3), ("expanded_conv", 1, 2)],
        ),
        (["block2_sepconv1", "batch_normalization", "block2_pool"], [("block2", 1, 3)]),  # a shortcut in between
        (  # names that Keras gives
            [(f"conv2d_transpose_{number}", "Conv2DTranspose", (8, 8, 4)) for number in (1, 2)],
            [("conv2d_transpose_1", 1, 1), ("conv2d_transpose_2", 1, 1)],
        ),
    ],
)
def test_layers_whose_names_begin_alike_are_a_block(chain_of, names, folded):
    assert described(chain_of(*padded(names)))[: len(folded)] == folded


def test_blocks_of_the_same_kinds_are_one_box_that_counts_them(chain_of):
    names = [name for letter in "abcd" for name in block(f"block6{letter}", "expand_conv", "dwconv", "project_conv")]
    (first, *_) = blocks_of(chain_of(*padded(names)))
    assert (first.name, len(first.parts)) == ("block6a \u2026 block6d", 4)
    assert [layer["path"] for layer in first.layers] == names
    assert first.contents == ["expand", "dwconv", "project"]


def test_a_block_with_the_letter_d_is_one_of_its_row(chain_of):
    names = [name for letter in "abcd" for name in block(f"block6{letter}", "expand_conv", "dwconv", "add")]
    assert described(chain_of(*padded(names)))[0] == ("block6a \u2026 block6d", 4, 3)


@pytest.mark.parametrize("name", ["conv2d_{}", "max_pooling2d_{}", "separable_conv1d_{}", "zero_padding3d_{}"])
def test_the_axes_in_a_name_of_keras_begin_no_block(chain_of, name):
    names = [name.format("first"), "other", name.format("last")]
    different = [(each, f"Kind{number}", (8, 8, 4)) for number, each in enumerate(padded(names))]
    assert described(chain_of(*different))[:3] == [(each, 1, 1) for each in names]


def test_branches_of_two_sizes_listed_in_turns_are_one_block_each(chain_of):
    def layers(letter, count, side):
        return [(f"{letter}{'x' * number}", "Conv2D", (side, side, 4)) for number in range(count)]

    turns = [layers(f"turn{letter}", 1, 16 if number % 2 else 8) for number, letter in enumerate("abcdef")]
    downwards = [*layers("large", 40, 16), *layers("small", 40, 8), *(layer for turn in turns for layer in turn)]
    different = [(name, f"Kind{number}", shape) for number, (name, _, shape) in enumerate(downwards)]
    assert [len(each.layers) for each in blocks_of(chain_of(*different))] == [40, 45, 1]  # the last turn ends the list
    up_again = [*layers("down", 40, 16), *layers("bottom", 3, 8), *layers("up", 40, 16)]
    different = [(name, f"Kind{number}", shape) for number, (name, _, shape) in enumerate(up_again)]
    assert [len(each.layers) for each in blocks_of(chain_of(*different))] == [40, 3, 40]


def test_blocks_of_another_size_or_name_are_not_counted_as_the_same(chain_of):
    other_size = [*block("block1", "conv", "out"), *((name, "Conv2D", (4, 4, 4)) for name in block("block2", "conv", "out"))]
    assert described(chain_of(*padded(other_size)))[:2] == [("block1", 1, 2), ("block2", 1, 2)]
    other_name = [*block("stem1", "conv", "bn"), *block("block1", "conv", "bn")]
    assert described(chain_of(*padded(other_name)))[:2] == [("stem1", 1, 2), ("block1", 1, 2)]


def transformer(depth, sum_of):
    x = inputs = keras.Input((16, 8))
    for _ in range(depth):
        y = keras.layers.LayerNormalization()(x)
        x = sum_of(x, keras.layers.MultiHeadAttention(2, 4)(y, y))
        y = keras.layers.Dense(8)(keras.layers.Dense(16)(keras.layers.LayerNormalization()(x)))
        x = sum_of(x, y)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x))


def with_layers(x, y):
    return keras.layers.Add()([x, y])


@pytest.mark.parametrize(("sum_of", "layers"), [(with_layers, 7), (lambda x, y: x + y, 5)], ids=["Add", "a + b"])
def test_parts_that_only_the_kinds_of_their_layers_tell_are_counted(sum_of, layers):
    folded = described(summary(transformer(8, sum_of)))
    assert [(repeats, count) for _, repeats, count in folded] == [(1, 1), (8, layers), (1, 1)]


def test_tensors_that_branch_and_meet_again_are_a_block():
    x = inputs = keras.Input((8, 8, 4))
    for width in (3, 5, 2):
        branches = [keras.layers.Conv2D(4, 1, name=f"w{width}{letter}")(x) for letter in "vwxyz"[:width]]
        x = keras.layers.Concatenate(name=f"mixed{'abcdef'[width]}")(branches)
    for number in range(30):
        x = keras.layers.Conv2D(4, 1, name=f"tail{'x' * number}")(x)
    folded = described(summary(keras.Model(inputs, keras.layers.Flatten()(x))))
    assert [part for part in folded if part[0].startswith("mixed")] == [("mixedd", 1, 4), ("mixedf", 1, 6), ("mixedc", 1, 3)]
    assert [(repeats, count) for _, repeats, count in folded] == [(1, 1), (1, 4), (1, 6), (1, 3), (30, 1), (1, 1)]


@pytest.mark.parametrize("depth", [1, 7])
def test_no_layer_is_lost_or_drawn_twice(depth):
    structure = summary(transformer(depth, with_layers))
    layers = [layer["path"] for block in blocks_of(structure) for layer in block.layers]
    assert layers == [row["path"] for row in structure.rows if row["depth"] == 0]


def nested(blocks):
    x = inner = keras.Input((8, 8, 4))
    for number in range(blocks):
        y = keras.layers.Conv2D(4, 3, padding="same", name=f"block_{number}_expand")(x)
        y = keras.layers.BatchNormalization(name=f"block_{number}_BN")(y)
        x = keras.layers.Add(name=f"block_{number}_add")([x, y])
    base = keras.Model(inner, keras.layers.ReLU(name="out")(x), name="base")
    inputs = keras.Input((8, 8, 4), name="picture")
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(base(keras.layers.Rescaling(2.0, name="scaled")(inputs)))
    return keras.Model(inputs, keras.layers.Dense(3, name="preds")(pooled), name="transfer")


def test_a_nested_model_that_holds_most_layers_is_shown_by_its_blocks():
    structure = summary(nested(12))
    folded = blocks_of(structure)
    assert [block.name for block in folded] == [
        *("picture", "scaled", "base/block_0 \u2026 11", "base/out", "pool", "preds"),
    ]
    paths = [layer["path"] for block in folded for layer in block.layers]
    edges = edges_between(structure, paths)
    assert ("scaled", "base/block_0_expand") in edges
    assert ("scaled", "base/block_0_add") in edges
    assert ("base/block_11_add", "base/out") in edges
    assert ("base/out", "pool") in edges
    assert not any("base" in edge for edge in edges)


def test_a_small_nested_model_is_one_box():
    assert [block.name for block in blocks_of(summary(nested(2)))] == ["picture", "scaled", "base", "pool", "preds"]


def test_full_draws_every_layer_and_is_kept_in_the_file(tmp_path):
    structure = summary(nested(12), full=True)
    names = [block.name for block in blocks_of(structure)]
    assert names == [row["path"] for row in structure.rows if row["path"] != "base"]
    (kept,) = load(save(tmp_path / "summary.npz", structure))
    assert kept.inner_edges == structure.inner_edges
    assert [block.name for block in blocks_of(kept)] == names
    with pytest.raises(InputError, match=r"`full` must be True or False\. Received: 3"):
        summary(nested(2), full=3)


def test_the_page_of_a_folded_model_can_be_read_as_it_is(chain_of, texts_of):
    names = [name for letter in "abcdefghijklmnopq" for name in block(f"{letter}{letter}1", "conv", letter, "add")]
    figure = draw(chain_of(*padded(names, 8)))
    width, height = figure.get_size_inches() * figure.dpi
    assert width <= 1600
    assert height <= 1700
    assert f"{len(names) + 8} layers, folded into blocks" in texts_of(figure)
