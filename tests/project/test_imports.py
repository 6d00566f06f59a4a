"""Who may import whom: a file imports only from packages to the left of its own."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORDER = {
    "visualize": (
        "errors < _utils < tf_keras_vis < targets < models < data, engine, settings < results "
        "< attribution, feature_visualization, inspection, plotting < metrics < bulk "
        "< report, callbacks, notebook, keras_vis, objectives < cli < __main__"
    ),
    "kerasdemos": "demo < layers, data < demos, plotting < registry < training < pretrained < cli < __main__",
}
# What runs a model, traces or differentiates: of the engine alone.
RUNS = re.compile(
    r"\bmodel\(|\bself\.model\(|\.predict\w*\(|\.fit\(|tf\.gradients\(|GradientTape\(|tf\.function\b|get_concrete_function|"
    r"gradient_override_map|RegisterGradient|run_functions_eagerly"
)
FILES = sorted(path for package in ORDER for path in (ROOT / package).rglob("*.py"))
OURS = [path for path in FILES if path.relative_to(ROOT).parts[0] == "visualize"]


def rows(package):
    """In which place of the order each part of a package stands."""
    return {part: number for number, row in enumerate(ORDER[package].split(" < ")) for part in row.split(", ")}


def imported(path):
    """Every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(module, package):
    """The file or folder right below the package that a module name points into; "" for the package itself."""
    names = module.split(".")
    return names[1] if names[0] == package and len(names) > 1 and names[1] in rows(package) else ""


def module_of(path):
    names = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_imports_only_from_the_left_of_its_package(path):
    package, *rest = path.relative_to(ROOT).parts
    own = rest[0].removesuffix(".py")
    if own == "__init__":
        return  # the package's face re-exports
    places = rows(package)
    assert own in places, f"{path} stands nowhere in the order: give it a place"
    for module in imported(path):
        other = part(module, package)
        if other and other != own:
            assert places[other] < places[own], f"{own} must not import {other}"


def test_no_file_imports_itself_through_others():
    modules = {module_of(path): path for path in FILES}
    graph = {}
    for module, path in modules.items():
        if path.name != "__init__.py":
            named = {one if one in modules else one.rpartition(".")[0] for one in imported(path)}
            graph[module] = {one for one in named if one in modules and modules[one].name != "__init__.py"}
    graphlib.TopologicalSorter(graph).prepare()  # refuses a circle


@pytest.mark.parametrize("path", OURS, ids=name)
def test_visualize_never_imports_kerasdemos(path):
    assert not [module for module in imported(path) if module.split(".")[0] == "kerasdemos"]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_only_plotting_imports_matplotlib(path):
    if path.relative_to(ROOT).parts[1].removesuffix(".py") != "plotting":
        assert not [module for module in imported(path) if module.split(".")[0] == "matplotlib"]


def test_nothing_draws_through_pyplot():
    for path in FILES:
        assert not [module for module in imported(path) if "pyplot" in module], path


def code_of(path):
    """A file without its docstrings and comments."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            node.value = ast.Constant(...)
    return ast.unparse(tree)


@pytest.mark.parametrize("path", [one for one in OURS if one.relative_to(ROOT).parts[1] != "engine"], ids=name)
def test_only_the_engine_runs_a_model_traces_or_differentiates(path):
    assert RUNS.findall(code_of(path)) == []


def test_the_engine_does_all_of_that():
    assert {"model(", "tf.gradients(", "tf.function"} <= {
        call for path in (ROOT / "visualize" / "engine").glob("*.py") for call in RUNS.findall(code_of(path))
    }
