"""Mutated files and made-up values: every outcome is a result or an InputError, never a traceback, never a hang."""

import contextlib
import io
import json
import random
import struct
import warnings
import zipfile

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from visualize import InputError, layer_facts, load, open_model, saliency, save
from visualize._utils.native_stderr import reports_to
from visualize._utils.text import printable, shortened
from visualize.data.framing import Framing
from visualize.data.images import read_arrays, read_picture, with_channels
from visualize.models.card import Card, read_card
from visualize.models.inputs import inputs_of
from visualize.plotting.export import plain_name
from visualize.plotting.text import fitted
from visualize.results import Tiles

HEADER = 64  # bytes at the beginning of a picture
quick = hypothesis.settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """The files in the archive of the smallest model that can be explained."""
    path = tmp_path_factory.mktemp("fuzz") / "model.keras"
    small = [keras.layers.Conv2D(2, 3, activation="relu", name="conv"), keras.layers.Flatten(), keras.layers.Dense(2)]
    keras.Sequential([keras.Input((5, 5, 1)), *small]).save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members, path):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def explain(path):
    """Open a file and explain its model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = open_model(path)
        layer_facts(model)
        saliency(model, np.full((1, 5, 5, 1), 0.5, "float32"), 0)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["archive", "config.json", "model.weights.h5", "values"])
def test_a_mutated_model_is_opened_or_refused(part, members, refused, mutated, altered, rounds, tmp_path):
    chance, outcomes = random.Random(part), set()
    whole, path = packed(members, tmp_path / "model.keras").read_bytes(), tmp_path / "model.keras"
    for number in rounds(100):
        if part == "archive":
            path.write_bytes(mutated(whole, chance))
        elif part == "values":
            packed({**members, "config.json": json.dumps(altered(json.loads(members["config.json"]), chance))}, path)
        else:
            packed({**members, part: mutated(members[part], chance)}, path)
        outcomes.add(refused(lambda: explain(path), number))
    assert True in outcomes
    assert {path.name for path in tmp_path.iterdir()} == {"model.keras", "temporary"}


def pictures():
    """The same small picture in every format."""
    noise = np.random.default_rng(0).integers(0, 256, (17, 13, 3), "uint8")
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "TGA", "ICO", "JPEG2000"):
        content = io.BytesIO()
        Image.fromarray(noise).save(content, format=kind)
        yield kind, content.getvalue()


@pytest.mark.parametrize("part", ["header", "file"])
@pytest.mark.parametrize(("format_name", "content"), list(pictures()), ids=lambda one: one if isinstance(one, str) else "")
def test_a_mutated_picture_is_read_or_refused(format_name, content, part, refused, mutated, rounds, tmp_path):
    chance, outcomes = random.Random(format_name + part), set()
    path, length = tmp_path / "picture.png", HEADER if part == "header" else len(content)
    for number in rounds(60):
        changed = mutated(content[:length], chance) if number % 2 else wrong_numbers(content[:length], chance)
        path.write_bytes(changed + content[length:])
        with reports_to(lambda report: None):  # as the command line does, whose standard error is its own
            outcomes.add(refused(lambda: read_picture(path, channels=3), (format_name, changed), most_memory=700 << 20))
            if outcomes == {False}:
                found = read_picture(path, channels=3)
                assert (found.dtype, found.shape[2]) == (np.uint8, 3)
    assert True in outcomes


def wrong_numbers(content, chance):
    """Bytes in which a number of two or four bytes is one at which reading is likely to fail."""
    content, kind = bytearray(content), chance.choice(["<H", ">H", "<I", ">I"])
    place = chance.randrange(max(1, len(content) - 4))
    value = chance.choice([0, 1, 2, 255, 256, 9999, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1])
    content[place : place + struct.calcsize(kind)] = struct.pack(kind, value % 256 ** struct.calcsize(kind))
    return bytes(content)


@pytest.mark.parametrize("ending", ["npy", "npz", "results"])
def test_mutated_arrays_are_read_or_refused(ending, refused, mutated, rounds, tmp_path):
    chance, content, outcomes = random.Random(ending), io.BytesIO(), set()
    if ending == "npy":
        np.save(content, np.arange(12.0).reshape(3, 4))
    elif ending == "npz":
        np.savez(content, a=np.arange(12.0), b=np.ones((2, 2), "u1"))
    else:
        settings = {"input_range": [0, 1]}
        content.write(save(tmp_path / "whole", Tiles(np.ones((1, 2, 2, 1)), ("a",), False, "maximize", settings)).read_bytes())
    for _ in rounds(300):
        changed = mutated(content.getvalue(), chance)
        (tmp_path / "a").write_bytes(changed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcomes.add(refused(lambda: (load if ending == "results" else read_arrays)(tmp_path / "a"), changed))
    assert True in outcomes


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@quick
@hypothesis.given(st.dictionaries(st.sampled_from(["input_range", "class_names", "other"]), json_values))
def test_any_json_is_a_card_or_refused(tmp_path, content):
    (tmp_path / "card.json").write_text(json.dumps(content))
    try:
        found = read_card(tmp_path / "card.json")
    except InputError:
        return
    assert isinstance(found, Card)
    assert found.input_range is None or (found.input_range[0] < found.input_range[1] and np.isfinite(found.input_range).all())
    assert all(isinstance(name, str) for name in found.class_names)


@quick
@hypothesis.given(st.binary(max_size=200))
def test_any_bytes_are_a_card_or_refused(tmp_path, content):
    (tmp_path / "card.json").write_bytes(content)
    with contextlib.suppress(InputError):
        read_card(tmp_path / "card.json")


@quick
@hypothesis.given(
    arrays(
        st.sampled_from(["f4", "f8", "f2", "u1", "i8", "?", "c8", "U2", "M8[s]"]),
        array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=12),
        fill=st.nothing(),
        elements=None,
    )
    | arrays("f4", st.just((2, 12, 12, 1)), elements=st.floats(width=32))
)  # fmt: skip
def test_any_array_is_input_of_a_model_or_refused(reloaded, array):
    model = reloaded("softmax")
    try:
        with np.errstate(over="ignore"):
            found = inputs_of(model, array)
    except InputError:
        return
    assert found.images.shape[1:] == (12, 12, 1)
    assert np.isfinite(found.images).all()


@quick
@hypothesis.given(
    arrays("u1", array_shapes(min_dims=3, max_dims=3, max_side=9).map(lambda shape: (*shape[:2], 1 if shape[2] % 2 else 3))),
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from([1, 3]),
    st.sampled_from(["crop", "fit", "stretch"]),
    st.floats(0.01, 1),
)
def test_a_resized_picture_has_its_size_and_no_new_extremes(picture, height, width, channels, mode, share):
    same = with_channels(picture, channels)
    found, _ = Framing(mode, share).apply(same, (height, width))
    assert found.shape == (height, width, channels)
    assert same.min() <= found.min()
    assert found.max() <= same.max()


@quick
@hypothesis.given(st.text(st.characters(), max_size=300))
def test_any_name_is_a_file_name_a_line_and_a_text_of_its_width(name):
    plain = plain_name(name)
    assert 0 < len(plain.encode()) <= 60
    assert not set(plain) & set('/\\\0\n:*?"<>|')
    assert plain not in (".", "..")
    assert printable(name).isprintable()
    assert len(shortened(name, 50)) <= 55
    assert len(fitted(name, 1.0, 10)) <= 12
