"""Docstrings: what people call says what it takes, gives and refuses, and `--help` shows it."""

import ast
import dataclasses
import importlib
import inspect
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import visualize
from kerasdemos import data, registry
from kerasdemos.training.evaluation import evaluate
from kerasdemos.training.run import train
from visualize import keras_vis
from visualize.callbacks import Pictures
from visualize.cli.main import main
from visualize.feature_visualization import objectives
from visualize.report.methods import method, method_names

ROOT = Path(__file__).parents[2]
OBJECTIVES = (objectives.score, objectives.unit, objectives.direction, objectives.layer, objectives.of_scores)
DEMOS = (registry.names, registry.load, registry.load_all, train, evaluate)
CALLED = {
    **{name: getattr(visualize, name) for name in visualize.__all__ if inspect.isfunction(getattr(visualize, name))},
    **{f"objectives.{one.__name__}": one for one in OBJECTIVES},
    **{f"keras_vis.{name}": getattr(keras_vis, name) for name in keras_vis.__all__ if name != "utils"},
    "keras_vis.utils.find_layer_idx": keras_vis.utils.find_layer_idx,
    "keras_vis.utils.apply_modifications": keras_vis.utils.apply_modifications,
    "callbacks.Pictures": Pictures.__init__,
    **{f"kerasdemos.{one.__module__.split('.')[-1]}.{one.__name__}": one for one in DEMOS},
    **{f"kerasdemos.data.{name}": getattr(data, name) for name in data.__all__},
}
REFUSE_NOTHING = ("objectives.layer", "objectives.of_scores")  # what they are given is looked at where it is used
WITHOUT_PAPER = ("features", "filters", "summary")


def sections(function):
    """The parts of a docstring by name; its first paragraphs as ""."""
    _, *parts = re.split(r"^(\w+):\n", "\n" + inspect.getdoc(function) + "\n", flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def entries(function):
    return dict(re.findall(r"^    (\w+): (.*)", sections(function).get("Args", ""), re.MULTILINE))


@pytest.mark.parametrize("name", CALLED)
def test_what_people_call_says_what_it_takes_gives_and_refuses(name):
    function = CALLED[name]
    taken = [parameter for parameter in inspect.signature(function).parameters if parameter != "self"]
    assert list(entries(function)) == taken
    nothing = inspect.signature(function).return_annotation in ("None", inspect.Signature.empty)  # as a constructor
    assert ("Returns" in sections(function)) == (not nothing)
    assert ("Raises" in sections(function)) == (bool(taken) and name not in REFUSE_NOTHING)


@pytest.mark.parametrize("result", [visualize.Attribution, visualize.Tiles, visualize.Structure, visualize.Target])
def test_the_parts_of_a_result_are_told(result):
    told = re.findall(r"^    (\w+): ", sections(result)["Attributes"], re.MULTILINE)
    assert told == [field.name for field in dataclasses.fields(result)]


@pytest.mark.parametrize("name", sorted(method_names()))
def test_a_method_says_in_which_shape_and_range_images_are_and_what_its_values_mean(name):
    function = method(name)
    told = entries(function)
    if "images" in told:
        assert told["images"].startswith("(batch, height, width, channels), in the range the model was trained on")
    returned = sections(function)["Returns"]
    if inspect.signature(function).return_annotation == "Attribution":
        assert re.search(r"in units of the (score|activation)|in \(?score per unit of pixel", " ".join(returned.split()))
        assert "never negative" in returned or "signed" in returned


def public_functions(path):
    """The functions of a file that others may call, and the methods of its classes, each with the name of its class or ""."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for owner, body in (("", tree.body), *((each.name, each.body) for each in classes)):
        for node in body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield owner, node


def docstring_of(path, owner, function):
    """The docstring of a function, or that of the method which it overrides."""
    own = ast.get_docstring(function)
    if own or not owner:
        return own
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return inspect.getdoc(getattr(getattr(module, owner), function.name))


@pytest.mark.parametrize("package", ["visualize", "kerasdemos"])
def test_what_refuses_says_so(package):
    silent = []
    for path in (ROOT / package).rglob("*.py"):
        for owner, function in public_functions(path):
            text = docstring_of(path, owner, function)
            raised = [
                node.exc.func for node in ast.walk(function) if isinstance(node, ast.Raise) and hasattr(node.exc, "func")
            ]
            refuses = any(isinstance(error, ast.Name) and error.id == "InputError" for error in raised)
            if not text or (refuses and "Raises:" not in text and not is_command(function)):
                silent.append(f"{path.relative_to(ROOT)}: {function.name}")
    assert silent == []


def is_command(function):
    """Whether it is a command of click, whose docstring is its help."""
    return any("command" in ast.unparse(one) for one in function.decorator_list)


@pytest.mark.parametrize("name", main.list_commands(None))
def test_the_help_shows_an_example_that_the_command_takes_and_the_paper(name):
    shown = CliRunner().invoke(main, [name, "--help"], prog_name="visualize").output
    (line,) = re.findall(r"^  Example:\n    (.*)\n", shown, re.MULTILINE)
    program, own, *rest = shlex.split(line)
    assert (program, own) == ("visualize", name)
    command = main.get_command(None, name)
    command = command.get_command(None, rest.pop(0)) if isinstance(command, click.Group) else command
    assert command.make_context(name, rest).params
    if name in method_names():
        assert bool(re.search(r"\(\d{4}\)|arXiv:\d{4}\.\d{4,5}", shown)) == (name not in WITHOUT_PAPER)
