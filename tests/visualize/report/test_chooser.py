"""The chooser: what each method costs, needs and finds, and when it misleads."""

from click.testing import CliRunner

from visualize.cli.main import main
from visualize.report.chooser import COLUMNS, choices, found, number
from visualize.report.methods import attribution_methods


def test_every_method_is_there_the_one_that_finds_most_first():
    names = [choice.name for choice in choices()]
    assert sorted(names) == attribution_methods()
    shares = [choice.found["textures_cnn"] for choice in choices()]
    assert shares == sorted(shares, reverse=True)


def test_a_choice_is_what_the_docstring_says():
    (choice,) = (choice for choice in choices() if choice.name == "layercam")
    assert choice.idea == "a layer's maps, each position weighted by its own positive gradient"
    assert choice.paper == "Jiang et al. (2021), LayerCAM, IEEE Transactions on Image Processing 30"
    assert choice.cost == "1 forward pass, and a backward pass to the layer"
    assert choice.cells()[0] == "layercam"
    papers = {choice.name: choice.paper for choice in choices()}
    assert papers["vargrad"] == "Adebayo et al. (2018), arXiv:1810.03307"
    assert papers["integrated_gradients"] == "Sundararajan, Taly & Yan (2017), arXiv:1703.01365"


def test_what_was_not_measured_is_a_dash():
    assert found("no_such_method") == dict.fromkeys(COLUMNS)
    assert [number(value) for value in (None, 0.884, 0.999, -0.031, 0.0)] == ["-", ".88", "1.0", "-.03", ".00"]


def test_the_command_lists_them_below_chance():
    result = CliRunner().invoke(main, ["methods"])
    assert result.exit_code == 0
    first, second, *rest = result.stdout.splitlines()
    assert first.split()[0] == "method"
    assert first.split()[-3:] == list(COLUMNS.values())
    assert second.split()[0] == "random"
    assert [line.split()[0] for line in rest] == [choice.name for choice in choices()]
    assert "planted texture" in result.stderr


def test_the_command_sorts_by_another_column():
    lines = CliRunner().invoke(main, ["methods", "--by", "class"]).stdout.splitlines()[2:]
    shares = [float(line.split()[-1]) for line in lines]
    assert shares == sorted(shares, reverse=True)
    assert [line.split()[0] for line in lines] == [choice.name for choice in choices("grid")]


def test_the_help_of_a_method_says_when_it_misleads():
    shown = " ".join(CliRunner().invoke(main, ["rise", "--help"]).output.split())
    for title in ("Result: ", "Cost: 2000 forward passes.", "Needs: Scores alone.", "Misleads: Coarse and random"):
        assert title in shown
