"""The registry: every file of kerasdemos/demos is a demo, whole and loadable."""

import sys

import pytest

from kerasdemos import registry
from kerasdemos.demo import ARTICLES, Network, Program
from visualize.errors import InputError


def test_the_five_networks_and_the_first_program_are_in_the_registry():
    networks = {"digits_cnn", "relu_mlp", "sigmoid_cnn", "tflearn_convnet", "wepe_cnn"}
    assert {*networks, "least_squares"} <= set(registry.names())
    assert networks == {demo.name for demo in registry.load_all() if isinstance(demo.run, Network)}


@pytest.mark.parametrize("name", registry.names())
def test_a_demo_bears_the_name_of_its_file_and_says_what_it_shows(name):
    demo = registry.load(name)
    assert demo.name == name
    assert isinstance(demo.run, Network | Program)
    assert demo.expected
    assert demo.article.split(",")[0] in set("01234")
    assert demo.idea == demo.idea.strip()
    assert "\n" not in demo.idea
    assert all(expected.tolerance >= 0 for expected in demo.expected)


@pytest.mark.parametrize("name", registry.names())
def test_the_docstring_of_a_demo_names_its_article_by_title(name):
    demo = registry.load(name)
    docstring = sys.modules[f"kerasdemos.demos.{name}"].__doc__
    assert ARTICLES[demo.article_number] in docstring
    assert f"rticle {demo.article_number}" in docstring
    assert demo.article_part in docstring


def test_a_name_that_is_almost_right_is_answered_with_the_nearest():
    with pytest.raises(InputError) as refused:
        registry.load("digit_cnn")
    assert str(refused.value).startswith("`NAME` must be the name of a demo. Received: 'digit_cnn'. Did you mean digits_cnn")


def test_a_name_that_is_like_none_is_answered_with_all():
    with pytest.raises(InputError) as refused:
        registry.load("xyz")
    assert str(refused.value) == (
        f"`NAME` must be the name of a demo. Received: 'xyz'. Choose one of {', '.join(registry.names())}."
    )


def test_an_unknown_name_is_never_imported():
    with pytest.raises(InputError):
        registry.load("__init__")
    with pytest.raises(InputError):
        registry.load("../demo")
