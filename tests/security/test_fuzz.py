"""Mutated files and made-up values: every outcome is a result or an InputError, never a traceback, never a hang."""

import contextlib
import faulthandler
import io
import json
import random
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
from visualize._utils.text import printable, shortened
from visualize.data.framing import Framing
from visualize.data.images import read_arrays, read_picture, with_channels
from visualize.models.card import Card, read_card
from visualize.models.inputs import inputs_of
from visualize.plotting.export import plain_name
from visualize.plotting.text import fitted
from visualize.results import Tiles

SECONDS = 30  # for one mutation; the whole process is ended with its stack beyond
quick = hypothesis.settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)


@contextlib.contextmanager
def no_hang():
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def mutated(content, chance):
    """A few bytes changed, taken out, doubled, or the end lost."""
    content = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 8])):
        place, length = chance.randrange(len(content)), chance.choice([1, 1, 4, 40])
        how = chance.randrange(5)
        if how <= 1:
            content[place : place + length] = chance.randbytes(length)
        elif how == 2:
            del content[place : place + length]
        elif how == 3:
            content[place:place] = content[place : place + length]
        else:
            content[place] ^= 1 << chance.randrange(8)
    return bytes(content if chance.random() < 0.9 else content[: chance.randrange(len(content) + 1)]) or b"\0"


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


def opened(path):
    """Whether a file was opened and, if it could be, explained."""
    with no_hang(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = open_model(path)
            layer_facts(model)
            saliency(model, np.full((1, 5, 5, 1), 0.5, "float32"), 0)
        except InputError:
            return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("part", ["archive", "config.json", "model.weights.h5", "values"])
def test_a_mutated_model_is_opened_or_refused(part, members, tmp_path):
    chance, outcomes = random.Random(part), []
    whole = packed(members, tmp_path / "model.keras").read_bytes()
    for _ in range(100):
        path = tmp_path / "model.keras"
        if part == "archive":
            path.write_bytes(mutated(whole, chance))
        elif part == "values":
            packed({**members, "config.json": json.dumps(altered(json.loads(members["config.json"]), chance))}, path)
        else:
            packed({**members, part: mutated(members[part], chance)}, path)
        outcomes.append(opened(path))
    assert not all(outcomes)
    assert {path.name for path in tmp_path.iterdir()} == {"model.keras"}


def altered(config, chance):
    """One value somewhere in a tree of JSON replaced."""
    places = []

    def visit(one):
        for key in one if isinstance(one, dict) else range(len(one)):
            places.append((one, key))
            if isinstance(one[key], dict | list):
                visit(one[key])

    visit(config)
    one, key = chance.choice(places)
    one[key] = chance.choice([None, True, -1, 0, 3, 10**6, 10**18, 0.5, "", "os", "keras.layers", [], [1, 2], {}, {"a": []}])
    return config


def pictures():
    """The same small picture in every format."""
    noise = np.random.default_rng(0).integers(0, 256, (17, 13, 3), "uint8")
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "TGA", "ICO", "JPEG2000"):
        content = io.BytesIO()
        Image.fromarray(noise).save(content, format=kind)
        yield kind, content.getvalue()


@pytest.mark.parametrize(("format_name", "content"), list(pictures()), ids=lambda one: one if isinstance(one, str) else "")
def test_a_mutated_picture_is_read_or_refused(format_name, content, tmp_path):
    chance, outcomes = random.Random(format_name), set()
    path = tmp_path / "picture.png"
    for _ in range(60):
        path.write_bytes(mutated(content, chance))
        with no_hang():
            try:
                found = read_picture(path, channels=3)
                assert (found.dtype, found.shape[2]) == (np.uint8, 3)
                outcomes.add("read")
            except InputError:
                outcomes.add("refused")
    assert "refused" in outcomes


@pytest.mark.parametrize("ending", ["npy", "npz", "results"])
def test_mutated_arrays_are_read_or_refused(ending, tmp_path):
    chance, content = random.Random(ending), io.BytesIO()
    if ending == "npy":
        np.save(content, np.arange(12.0).reshape(3, 4))
    elif ending == "npz":
        np.savez(content, a=np.arange(12.0), b=np.ones((2, 2), "u1"))
    else:
        settings = {"input_range": [0, 1]}
        content.write(save(tmp_path / "whole", Tiles(np.ones((1, 2, 2, 1)), ("a",), False, "maximize", settings)).read_bytes())
    for _ in range(300):
        (tmp_path / "a").write_bytes(mutated(content.getvalue(), chance))
        with no_hang(), contextlib.suppress(InputError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load(tmp_path / "a") if ending == "results" else read_arrays(tmp_path / "a")


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
