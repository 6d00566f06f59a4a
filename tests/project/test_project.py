"""Project: what stands beside the packages keeps its word."""

import re
from pathlib import Path

import kerasdemos
from kerasdemos import registry

ROOT = Path(__file__).parents[2]


def test_the_changelog_has_this_version_and_every_demo():
    content = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert kerasdemos.__version__ in next(line for line in content.splitlines() if line.startswith("## "))
    assert [name for name in registry.names() if f"`{name}`" not in content] == []


def test_make_demo_ends_with_the_report():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^demo:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE).group(1).splitlines()
    assert "$(BIN)/visualize report $(DEMO)/model.keras" in recipe[-2]
    assert "$(DEMO)/report.html" in recipe[-1]  # says where it is
