"""Notebooks: prose and calls, committed bare, and every one runs from top to bottom."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_STATEMENTS = 5


def code_of(path):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def name(path):
    return path.stem


def test_there_are_four():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["1-", "2-", "3-", "4-"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_is_committed_without_outputs(path):
    for cell in code_of(path):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_calls_and_does_not_define(path):
    forbidden = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.If, ast.With, ast.Try)
    for cell in code_of(path):
        tree = ast.parse("".join(cell["source"]))
        assert not [node for node in ast.walk(tree) if isinstance(node, forbidden)]
        imports = (ast.Import, ast.ImportFrom)
        assert len([node for node in tree.body if not isinstance(node, imports)]) <= MOST_STATEMENTS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_every_cell_of_code_that_shows_something_is_introduced_by_prose(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert cells[0]["cell_type"] == "markdown"
    assert sum(cell["cell_type"] == "markdown" for cell in cells) >= len(cells) / 4


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the notebooks lie while they run: what they write to ../outputs must not be ours."""
    folder = tmp_path_factory.mktemp("project") / "notebooks"
    folder.mkdir()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_runs_from_top_to_bottom_and_shows_its_pictures(path, place):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(place)}}
    )
    client.execute()
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        shown = {kind for output in cell.outputs for kind in output.get("data", {})}
        assert ("image/png" in shown) == ("picture" in cell.metadata.get("tags", [])), cell.source
        assert not [output for output in cell.outputs if output.output_type == "error"]


IN_IPYTHON = """
import sys
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance()
import numpy as np
import visualize
ones = np.ones((1, 4, 5))
result = visualize.Attribution(ones, ones[..., None], np.array([0]), np.array([2.0]), "saliency", {"score": "logit"})
tiles = visualize.Tiles(ones[..., None], ("a",), True, "filters", {"layer": "conv", "filters": 1, "channels": 1})
assert "matplotlib" not in sys.modules
for one in (result, tiles):
    data, _ = InteractiveShell.instance().display_formatter.format(one, include=["image/png"])
    path = visualize.write_png(visualize.draw(one), sys.argv[1])
    assert data["image/png"] == path.read_bytes() or __import__("base64").b64decode(data["image/png"]) == path.read_bytes()
assert InteractiveShell.instance().display_formatter.format(3, include=["image/png"])[0] == {}
assert "tensorflow" not in sys.modules
"""


def test_in_ipython_a_result_shows_itself_as_its_figure(tmp_path, monkeypatch):
    pytest.importorskip("IPython")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    done = subprocess.run([sys.executable, "-c", IN_IPYTHON, str(tmp_path / "a.png")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_outside_ipython_nothing_is_imported_for_it():
    code = "import sys, visualize; assert not {'IPython', 'matplotlib', 'tensorflow', 'keras'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
