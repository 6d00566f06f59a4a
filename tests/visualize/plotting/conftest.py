"""Results that are drawn, and what is seen in their figures: each fixture is a function."""

import io
import itertools

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from visualize import Attribution, Structure, Tiles, draw, write_png


def _attribution(values=None, *, count=1, size=(6, 9), names=(), **settings):
    numbers = np.random.default_rng(0)
    values = numbers.random((count, *size)).astype("float32") if values is None else np.asarray(values, "float32")
    count = len(values)
    return Attribution(
        values=values,
        images=np.random.default_rng(1).random((*values.shape, 1)).astype("float32"),
        targets=np.arange(count),
        scores=np.full(count, 4.5, "float32"),
        method="saliency",
        settings={
            "unit": "score per unit of pixel",
            "score": "logit",
            "class_names": list(names),
            "input_range": [0, 1],
            **settings,
        },
        arrays={"probability": np.full(count, 0.5, "float32")},
    )


def _kernels(count=6, size=(3, 3), channels=1, **settings):
    pictures = np.random.default_rng(2).standard_normal((count, *size, channels)).astype("float32")
    captions = tuple(str(number) for number in range(count))
    settings = {"layer": "conv", "unit": "weight", "filters": count, "channels": channels, **settings}
    return Tiles(pictures, captions, True, "filters", settings)


def _ascent(count=3, channels=1, frames=None):
    numbers = np.random.default_rng(3)
    pictures = numbers.random((count, 8, 8, channels)).astype("float32")
    settings = {"layer": None, "unit": "pixel", "score": "logit", "input_range": [0, 1]}
    kept = None if frames is None else numbers.random((frames, count, 8, 8, channels)).astype("float32")
    return Tiles(pictures, tuple(f"{number}: 1.5" for number in range(count)), False, "maximize", settings, frames=kept)


def _features(pictures, source=None):
    settings = {"layer": "conv", "unit": "activation", "input_range": [0, 1]}
    captions = tuple(str(number) for number in range(len(pictures)))
    return Tiles(pictures, captions, bool((pictures < 0).any()), "features", settings, source=source)


def _chain(names, kind="Dense"):
    rows = tuple({"path": name, "kind": kind, "shape": [None, 4], "parameters": 8, "depth": 0} for name in names)
    edges = tuple(itertools.pairwise(names))
    return Structure(rows, edges, "summary", {"name": "model", "parameters": 8, "trainable": 8})


def _pixels(result, tmp_path):
    return np.asarray(Image.open(write_png(draw(result), tmp_path / "drawn.png")).convert("RGB"))


def _texts_of(figure):
    figure.savefig(io.BytesIO(), format="png")
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def _images_of(figure):
    return [image for axes in figure.axes for image in axes.images]


EVERY = {
    "attribution": _attribution(count=2),
    "signed": _attribution(np.random.default_rng(0).standard_normal((1, 6, 9))),
    "kernels": _kernels(),
    "kernels of colors": _kernels(channels=3),
    "ascent": _ascent(),
    "features": _features(np.random.default_rng(0).random((5, 4, 4, 1)), np.zeros((8, 8, 1))),
    "units": _features(np.random.default_rng(0).random((1, 1, 40, 1)), np.zeros((8, 8, 1))),
    "structure": _chain(["a", "b", "c"]),
}


def _with_name(name):
    yield _attribution(names=[name])
    yield _attribution(layer=name, modifier=name)
    classes = {"patch": 3, "stride": 3, "tops": [0, 3], "lefts": [0, 3, 6]}
    occluded = _attribution(names=[name], **classes)
    occluded.arrays["position_classes"] = np.zeros((1, 2, 3), int)
    yield occluded
    tiles = _ascent()
    yield Tiles(tiles.pictures, (name, name, name), False, "maximize", {**tiles.settings, "layer": name})
    yield _chain([name, "b"])


@pytest.fixture
def attribution():
    return _attribution


@pytest.fixture
def kernels():
    return _kernels


@pytest.fixture
def ascent():
    return _ascent


@pytest.fixture
def features():
    return _features


@pytest.fixture
def chain():
    return _chain


@pytest.fixture
def pixels():
    return _pixels


@pytest.fixture
def texts_of():
    return _texts_of


@pytest.fixture
def images_of():
    return _images_of


@pytest.fixture
def with_name():
    return _with_name


@pytest.fixture(params=EVERY)
def any_result(request):
    return EVERY[request.param]


@pytest.fixture
def every():
    return EVERY
