"""Who may import whom: a file imports only from rows above its own."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = {
    "visualize": (
        ("errors", "lazy", "files", "escaping"),
        ("limits", "checks"),
        ("arrays", "vetting", "allowance"),
        ("card", "results", "images", "resizing", "precision", "fills", "history", "modifiers"),
        ("models", "logits"),
        ("inputs", "targets", "taps", "opening"),
        ("probe", "tracing", "objectives", "parametrizations", "transforms", "penalties"),
        ("windows", "questions"),
        ("explanation", "answers", "aims"),
        ("sampling", "maps", "ascent"),
        ("climbing", "listeners"),
        ("methods",),
        ("comparison", "keras_vis"),
        ("figures",),
        ("callbacks", "notebook"),
        ("outputs", "sources", "commands", "terminal", "wording"),
        ("running", "options", "page"),
        ("redoing", "facts"),
        ("report",),
        ("cli",),
        ("__main__",),
    ),
    "kerasdemos": (
        ("errors", "files", "demo", "quiet"),
        ("data", "layers", "points", "descent", "batches"),
        ("straight_line", "xor"),
        ("demos",),
        ("catalogue", "card", "checkpoints", "progress", "figures", "precisions", "building"),
        ("tables", "fitting", "evaluation", "folder"),
        ("training",),
        ("display",),
        ("cli",),
        ("__main__",),
    ),
}
FILES = sorted(path for package in ROWS for path in (ROOT / package).rglob("*.py"))


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
    if names[0] != package or len(names) < 2:
        return ""
    known = {name for row in ROWS[package] for name in row}
    return names[1] if names[1] in known else ""


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_imports_only_from_rows_above(path):
    package, *rest = path.relative_to(ROOT).parts
    own = rest[0].removesuffix(".py")
    if own == "__init__":
        return  # the package's face re-exports
    rows = {one: number for number, row in enumerate(ROWS[package]) for one in row}
    assert own in rows, f"{path} stands in no row: give it one"
    for module in imported(path):
        other = part(module, package)
        if other and other != own:
            assert rows[other] < rows[own], f"{own} must not import {other}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_the_two_packages_know_nothing_of_each_other(path):
    package = path.relative_to(ROOT).parts[0]
    (other,) = set(ROWS) - {package}
    assert not [module for module in imported(path) if module.split(".")[0] == other]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_only_figures_import_matplotlib(path):
    if path.relative_to(ROOT).parts[1].removesuffix(".py") != "figures":
        assert not [module for module in imported(path) if module.split(".")[0] == "matplotlib"]


def test_nothing_draws_through_pyplot():
    for path in FILES:
        assert not [module for module in imported(path) if "pyplot" in module], path


@pytest.mark.parametrize(
    ("call", "home"), [("tf.gradients(", "probe.py"), ("GradientTape(", ""), ("tf.function(", "tracing.py")]
)
def test_only_the_probe_differentiates_and_only_tracing_compiles(call, home):
    for path in (ROOT / "visualize").rglob("*.py"):
        assert path.name == home or call not in path.read_text(encoding="utf-8"), path


def test_methods_do_not_import_one_another():
    methods = ROOT / "visualize" / "methods"
    for path in methods.glob("*.py"):
        assert not [module for module in imported(path) if module.startswith("visualize.methods.")], path
