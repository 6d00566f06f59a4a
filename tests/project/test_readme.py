"""README and docs/: two languages, one content, and no link that leads nowhere."""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH = (ROOT / "README.md", *sorted(path for path in (ROOT / "docs").glob("*.md") if ".zh-CN" not in path.name))
ALONE = (ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "outputs" / "README.md")  # in English only
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def chinese(path):
    """The page of the same content in Chinese."""
    return path.with_name(f"{path.stem}.zh-CN.md")


def text_of(path):
    return path.read_text(encoding="utf-8")


def code_blocks(path):
    return BLOCK.findall(text_of(path))


def prose_of(path):
    return BLOCK.sub("", text_of(path))


def heading_levels(path):
    return [len(marks) for marks in re.findall(r"^(#+) ", prose_of(path), re.MULTILINE)]


def inline_code(path):
    # A span may break over two lines in one language alone, and sentences order their words differently.
    return Counter(" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose_of(path)))


def table_columns(path):
    return [line.count("|") for line in prose_of(path).splitlines() if line.startswith("|")]


def numbers(path):
    return Counter(re.findall(r"(?<![A-Za-z\d])\.?\d+(?:[.,]\d+)*", prose_of(path)))


def links(path):
    return re.findall(r"\]\(([^)\s]+)\)", prose_of(path))


def relative_links(path):
    return [link for link in links(path) if not re.match(r"[a-z]+:|#", link)]


def name(path):
    return str(path.relative_to(ROOT))


both_languages = pytest.mark.parametrize("path", ENGLISH, ids=name)
every_page = pytest.mark.parametrize("path", [*ENGLISH, *map(chinese, ENGLISH), *ALONE], ids=name)


def test_every_page_is_there_in_both_languages():
    pages = {"README.md", "methods.md", "speed.md", "demos.md", "architecture.md", "windows.md"}
    assert {path.name for path in ENGLISH} >= pages
    assert [path for path in ENGLISH if not chinese(path).exists()] == []
    assert {path.name for path in (ROOT / "docs").glob("*.zh-CN.md")} == {chinese(path).name for path in ENGLISH[1:]}


@both_languages
def test_both_have_the_same_heading_levels(path):
    assert heading_levels(path)[0] == 1
    assert heading_levels(chinese(path)) == heading_levels(path)


@both_languages
def test_both_have_the_same_code_blocks(path):
    assert code_blocks(chinese(path)) == code_blocks(path)


@both_languages
def test_both_have_the_same_inline_code(path):
    assert inline_code(path)
    assert inline_code(chinese(path)) == inline_code(path)


@both_languages
def test_both_have_the_same_table_rows_and_columns(path):
    assert table_columns(path)
    assert table_columns(chinese(path)) == table_columns(path)


@both_languages
def test_both_report_the_same_numbers(path):
    assert numbers(path)
    assert numbers(chinese(path)) == numbers(path)


@both_languages
def test_both_link_to_the_other_first_and_then_to_the_same_files(path):
    assert links(path)[0] == chinese(path).name
    assert links(chinese(path))[0] == path.name
    assert sorted(link.replace(".zh-CN", "") for link in links(chinese(path))[1:]) == sorted(links(path)[1:])


@both_languages
def test_a_page_in_chinese_leads_to_pages_in_chinese(path):
    for link in relative_links(chinese(path))[1:]:
        target = path.parent / link
        assert target.suffix != ".md" or ".zh-CN" in link or not chinese(target).exists(), link


@every_page
def test_every_relative_link_leads_to_a_file(path):
    targets = [unquote(link.partition("#")[0]) for link in relative_links(path)]
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_the_pages_that_are_shown_have_what_they_promise():
    readme, demos = (ROOT / "README.md"), (ROOT / "docs" / "demos.md")
    assert any("make demo" in block for block in code_blocks(readme))
    assert "visualize maximize outputs/digits_cnn/model.keras" in inline_code(readme)
    assert numbers(demos)["0.9899"]
