"""The catalogue: every file of kerasdemos/demos is a demo, whole and loadable."""

import pytest

from kerasdemos import registry as catalogue
from kerasdemos.demo import Network, Program
from kerasdemos.errors import InputError


def test_the_five_networks_and_the_first_program_are_in_the_catalogue():
    networks = {"digits_cnn", "relu_mlp", "sigmoid_cnn", "tflearn_convnet", "wepe_cnn"}
    assert {*networks, "least_squares"} <= set(catalogue.names())
    assert networks == {demo.name for demo in catalogue.load_all() if isinstance(demo.run, Network)}


@pytest.mark.parametrize("name", catalogue.names())
def test_a_demo_bears_the_name_of_its_file_and_says_what_it_shows(name):
    demo = catalogue.load(name)
    assert demo.name == name
    assert isinstance(demo.run, Network | Program)
    assert demo.expected
    assert demo.article.split(",")[0] in set("01234")
    assert demo.idea == demo.idea.strip()
    assert "\n" not in demo.idea
    assert all(expected.tolerance >= 0 for expected in demo.expected)


def test_a_name_that_is_almost_right_is_answered_with_the_nearest():
    with pytest.raises(InputError) as refused:
        catalogue.load("digit_cnn")
    assert str(refused.value).startswith("`NAME` must be the name of a demo. Received: 'digit_cnn'. Did you mean digits_cnn")


def test_a_name_that_is_like_none_is_answered_with_all():
    with pytest.raises(InputError) as refused:
        catalogue.load("xyz")
    assert str(refused.value) == (
        f"`NAME` must be the name of a demo. Received: 'xyz'. Choose one of {', '.join(catalogue.names())}."
    )


def test_an_unknown_name_is_never_imported():
    with pytest.raises(InputError):
        catalogue.load("__init__")
    with pytest.raises(InputError):
        catalogue.load("../demo")
