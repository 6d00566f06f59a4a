"""READMEs: two languages, one content, and no link that leads nowhere."""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH = ROOT / "README.md"
CHINESE = ROOT / "README.zh-CN.md"
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


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
    return path.name


def test_both_have_the_same_heading_levels():
    assert heading_levels(ENGLISH)[0] == 1
    assert heading_levels(CHINESE) == heading_levels(ENGLISH)


def test_both_have_the_same_code_blocks():
    assert any("make demo" in block for block in code_blocks(ENGLISH))
    assert code_blocks(CHINESE) == code_blocks(ENGLISH)


def test_both_have_the_same_inline_code():
    assert "visualize maximize outputs/digits_cnn/model.keras" in inline_code(ENGLISH)
    assert inline_code(CHINESE) == inline_code(ENGLISH)


def test_both_have_the_same_table_rows_and_columns():
    assert table_columns(ENGLISH)
    assert table_columns(CHINESE) == table_columns(ENGLISH)


def test_both_report_the_same_numbers():
    assert numbers(ENGLISH)["0.9899"]
    assert numbers(CHINESE) == numbers(ENGLISH)


def test_both_link_to_the_other_first_and_then_to_the_same_files():
    assert links(ENGLISH)[0] == CHINESE.name
    assert links(CHINESE)[0] == ENGLISH.name
    assert links(CHINESE)[1:] == links(ENGLISH)[1:]


@pytest.mark.parametrize("path", [ENGLISH, CHINESE], ids=name)
def test_every_relative_link_leads_to_a_file(path):
    targets = [unquote(link.partition("#")[0]) for link in relative_links(path)]
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
