"""The public names: lazily loaded, listed, and the same to Python and to type checkers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import visualize

SOURCE = Path(visualize.__file__)
MODULES = ("callbacks", "keras_vis", "metrics", "objectives")


def imported_for_type_checkers():
    """Each public name and the module that it is imported from, as the block under TYPE_CHECKING has them."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {alias.asname: (node.module, alias.name) for node in block.body for alias in node.names}


def test_the_table_and_the_imports_for_type_checkers_are_equal():
    table = {name: (module, name) for module, names in visualize._MODULES.items() for name in names}
    assert imported_for_type_checkers() == table


def test_dir_lists_every_public_name_and_each_is_there():
    assert dir(visualize) == sorted(visualize.__all__)
    assert {*MODULES, "draw", "write_png", "write_gif", "gradcam", "maximize", "Target", "load"} <= set(dir(visualize))
    for name in dir(visualize):
        value = getattr(visualize, name)
        assert name in MODULES or value.__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'visualize' has no attribute 'gradcamm'"):
        visualize.gradcamm  # noqa: B018


HEAVY = """
import sys
import visualize
heavy = ("numpy", "tensorflow", "keras", "matplotlib", "IPython")
print([name for name in sys.modules if name.split(".")[0] in heavy or name.startswith("visualize.")])
"""


def test_importing_the_package_imports_nothing_else():
    done = subprocess.run([sys.executable, "-c", HEAVY], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
