"""Types: what an editor and a type checker know of the public functions."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SNIPPET = """
import keras
import numpy as np

import visualize

def explain(model: keras.Model, images: np.ndarray) -> None:
    attribution = visualize.gradcam(model, images)
    reveal_type(attribution)
    reveal_type(attribution.settings.unit)
    reveal_type(visualize.maximize(model))
    reveal_type(visualize.draw(attribution))
"""


@pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed: make install has it")
def test_pyright_knows_the_types_of_results(tmp_path):
    (tmp_path / "snippet.py").write_text(SNIPPET)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(ROOT)]}))
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "-p", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    *types, figure = re.findall(r'Type of ".*" is "(\w+)"', done.stdout)
    assert types == ["Attribution", "str", "Tiles"]
    assert figure in ("Figure", "ResultFigure")  # the latter is a Figure that IPython can show


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "visualize" / "py.typed").is_file()
