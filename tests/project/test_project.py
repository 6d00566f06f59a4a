"""Project: what stands beside the packages keeps its word."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import kerasdemos
from kerasdemos import registry
from kerasdemos.demo import Demo

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13")
READMES = ("README.md", "README.zh-CN.md")
DEMOS = ("docs/demos.md", "docs/demos.zh-CN.md")
ARTICLES = (
    "Python深度学习算法实例分析",
    "深度学习初学的一些理解感悟",
    "怎样用python构建一个卷积神经网络模型",
    "用Python进行深度学习",
    "【深度學習Pytorch入門】",
)


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def pyproject():
    return tomllib.loads(text_of("pyproject.toml"))


def test_the_changelog_has_this_version_and_every_demo():
    content = text_of("CHANGELOG.md")
    assert kerasdemos.__version__ in next(line for line in content.splitlines() if line.startswith("## "))
    assert [name for name in registry.names() if f"`{name}`" not in content] == []


def test_make_demo_ends_with_the_report():
    recipe = re.search(r"^demo:.*\n((?:\t.*\n)+)", text_of("Makefile"), re.MULTILINE).group(1).splitlines()
    assert "$(BIN)/visualize report $(DEMO)/model.keras" in recipe[-2]
    assert "$(DEMO)/report.html" in recipe[-1]  # says where it is


@pytest.mark.parametrize("name", READMES)
def test_a_readme_has_at_most_150_lines_and_seven_pictures(name):
    content = text_of(name)
    assert len(content.splitlines()) <= 150
    assert len(re.findall(r"!\[[^\]]+\]\(outputs/gallery/[\w-]+\.png\)", content)) == 7


@pytest.mark.parametrize("name", [*READMES, *DEMOS])
def test_the_five_articles_are_named_with_the_demos_of_each(name):
    rows = re.findall(r'^\| (\d) \| "([^"]+)" \| (.*) \|$', text_of(name), re.MULTILINE)
    assert [(number, title) for number, title, _ in rows] == [(str(number), title) for number, title in enumerate(ARTICLES)]
    named = {demo: number for number, _, demos in rows for demo in re.findall(r"`(\w+)`", demos)}
    assert named == {demo.name: demo.article[0] for demo in registry.load_all()}


def test_the_workflow_runs_what_we_run_on_every_python():
    workflow = text_of(".github/workflows/ci.yml")
    assert re.findall(r'"(3\.\d+)"', re.search(r"python: \[(.*)\]", workflow).group(1)) == list(PYTHONS)
    assert re.search(r"- run: \.ci/run\n\s+env:\n\s+PYTHON: python\$\{\{ matrix\.python \}\}", workflow)
    assert all(used.startswith("actions/") for used in re.findall(r"uses: (\S+)", workflow))
    assert "make lint\nmake test\n" in text_of(".ci/run")
    assert re.search(r"^PYTHON \?=", text_of("Makefile"), re.MULTILINE)


def test_lint_checks_style_and_types():
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", text_of("Makefile"), re.MULTILINE).group(1)
    assert re.findall(r"\$\(BIN\)/(.*)", recipe) == ["ruff check .", "ruff format --check .", "pyright"]
    assert set(pyproject()["tool"]["pyright"]["include"]) == {"visualize", "kerasdemos"}


def test_pre_commit_calls_the_tools_of_the_environment_and_downloads_nothing():
    hooks = text_of(".pre-commit-config.yaml")
    assert re.findall(r"repo: (\S+)", hooks) == ["local"]
    entries = re.findall(r"entry: (\S+)", hooks)
    assert {entry.removeprefix(".venv/bin/") for entry in entries} == {"ruff", "pyright"}
    assert hooks.count("language: system") == len(entries)


def test_the_citation_has_this_version():
    citation = dict(re.findall(r"^([\w-]+): *(.*)$", text_of("CITATION.cff"), re.MULTILINE))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == kerasdemos.__version__


def test_the_metadata_name_authors_and_the_pythons():
    project = pyproject()["project"]
    assert project["authors"] == [{"name": "The kerasdemos authors"}]
    assert "  - name: The kerasdemos authors\n" in text_of("CITATION.cff")
    told = [entry.rpartition(" ")[2] for entry in project["classifiers"] if re.search(r":: 3\.\d+$", entry)]
    assert told == list(PYTHONS)
    assert "urls" not in project


def test_the_source_distribution_takes_all_pages_along():
    included = set(pyproject()["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])
    pages = {path.name for path in ROOT.glob("*.md")} - {"README.md"}  # named as the readme: always there
    assert pages | {"CITATION.cff", "docs", "notebooks", "tests", "Makefile", "requirements.lock"} <= included
    assert [name for name in included if not (ROOT / name).exists()] == []


def imported_packages(package):
    """The top-level packages that a package imports, at the top of a file or inside a function."""
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module.split(".")[0]
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
                yield from (a.value.split(".")[0] for a in node.args[:1] if isinstance(a, ast.Constant))


def test_h5py_is_declared_because_visualize_imports_it():
    assert "h5py" in set(imported_packages("visualize"))
    assert any(entry.startswith("h5py") for entry in pyproject()["project"]["dependencies"])


def test_the_lock_file_names_no_index_and_holds_every_direct_dependency():
    lock = text_of("requirements.lock")
    assert "http" not in lock
    assert "--index" not in lock
    project = pyproject()["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    names = {re.match(r"[\w-]+", entry).group().lower() for entry in wanted} - {"kerasdemos"}
    assert names <= set(re.findall(r"^([\w-]+)==", lock, re.MULTILINE))


def test_the_import_order_of_the_architecture_page_is_the_one_that_is_enforced():
    tree = ast.parse(text_of("tests/project/test_imports.py"))
    assigned = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    enforced = ast.literal_eval(assigned["ORDER"])["visualize"].removesuffix(" < __main__")
    blocks = re.findall(r"```\n(.*?)```", text_of("docs/architecture.md"), re.DOTALL)
    assert enforced in [" ".join(block.split()) for block in blocks]


def test_the_packages_of_the_architecture_page_are_there():
    drawn = re.search(r"```\nvisualize/\n(.*?)```", text_of("docs/architecture.md"), re.DOTALL).group(1)
    visualize, kerasdemos_ = drawn.split("\nkerasdemos/\n")
    for root, lines in (("visualize", visualize), ("kerasdemos", kerasdemos_.partition("\ntests/")[0])):
        folders = set(re.findall(r"^  (\w+)/ ", lines, re.MULTILINE))
        assert folders == {path.parent.name for path in (ROOT / root).glob("*/__init__.py")}


def test_the_demo_of_contributing_is_one(tmp_path):
    section = re.search(r"^## A demo in one file$(.*?)^## ", text_of("CONTRIBUTING.md"), re.MULTILINE | re.DOTALL).group(1)
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    names: dict = {"__name__": "kerasdemos.demos.mean"}
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)  # what a contributor would copy
    demo = names["DEMO"]
    assert isinstance(demo, Demo)
    outcome = demo.run.compute(steps=demo.run.steps, seed=0)
    for expected in demo.expected:
        assert abs(outcome.measures[expected.measure] - expected.value) <= expected.tolerance


def listed_files(name):
    """The files that the tree of a page lists: names with an ending, and the words behind the colon of a folder."""
    tree = re.search(r"```\n(visualize/\n.*?)\ntests/", text_of(name), re.DOTALL).group(1)
    files, folders = [], {}
    for line in re.sub(r"\n {20,}", " ", tree).splitlines():  # continued lines
        if not line:
            continue
        indent, names, text = re.fullmatch(r"( *)(\S+(?:, \S+)*)(?: {2,}(.*))?", line).groups()
        folder = folders.get(len(indent) - 2, "")
        if not names.endswith("/"):
            files += [folder + each for each in names.split(", ")]
            continue
        folders[len(indent)] = folder + names
        if ": " in (text or ""):
            files += [f"{folder}{names}{each}.py" for each in text.rpartition(": ")[2].split(", ")]
    return files


@pytest.mark.parametrize("name", ["docs/architecture.md", "docs/architecture.zh-CN.md"])
def test_the_page_on_architecture_lists_every_file_once(name):
    paths = [
        path.relative_to(ROOT).as_posix()
        for package in ("visualize", "kerasdemos")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".html") and path.stem not in ("__init__", "__main__")
    ]
    assert sorted(listed_files(name)) == sorted([*paths, "visualize/__init__.py"])
