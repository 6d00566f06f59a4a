"""The page of methods: in both languages it says of each method what its docstring says, and what was measured."""

import json
import re

import pytest

from benchmarks.truth import pages
from visualize.report.chooser import COLUMNS, choices, found, markdown_row, number
from visualize.report.methods import attribution_methods, method, section

RECORD = json.loads(pages.RECORD.read_text(encoding="utf-8"))
AT_CHANCE = 0.055  # above what random maps find


def rows_of(language):
    text = pages.PAGES[language].read_text(encoding="utf-8")
    section_of_maps = text[: text.index("<!-- measured by make truth -->")]
    return re.findall(r"^\| `visualize (\w+)` \|.*$", section_of_maps, re.MULTILINE), section_of_maps


@pytest.mark.parametrize("language", pages.PAGES)
def test_each_method_has_one_row(language):
    names, _ = rows_of(language)
    assert sorted(names) == attribution_methods()


def test_the_english_rows_are_those_of_the_docstrings():
    _, text = rows_of("en")
    assert [choice.name for choice in choices() if markdown_row(choice.cells()) not in text.splitlines()] == []


def test_the_chinese_rows_have_the_numbers_and_the_papers():
    _, text = rows_of("zh")
    wrong = []
    for choice in choices():
        cells = re.search(rf"^\| `visualize {choice.name}` \| (.*) \|$", text, re.MULTILINE).group(1).split(" | ")
        numbers = [number(choice.found[case]) for case in COLUMNS]
        if cells[3:6] != numbers or cells[-1] != choice.paper or len(cells) != len(choice.cells()) - 1:
            wrong.append(choice.name)
    assert wrong == []


@pytest.mark.parametrize("language", pages.PAGES)
def test_the_table_is_what_was_measured(language):
    text = pages.PAGES[language].read_text(encoding="utf-8")
    assert pages.BLOCK.search(text).group(0).count("\n| ") == len(RECORD["rows"]) + 1
    assert pages.updated(text, RECORD, language) == text


@pytest.mark.parametrize("name", attribution_methods())
def test_a_method_says_what_it_costs_and_needs_and_when_it_misleads(name):
    assert all(section(method(name), title).strip() for title in ("Cost", "Needs", "Misleads"))


@pytest.mark.parametrize("name", attribution_methods())
def test_a_method_at_chance_says_so_and_no_other_does(name):
    chance = found("random")["textures_cnn"]
    at_chance = found(name)["textures_cnn"] <= chance + AT_CHANCE
    assert ("at chance" in " ".join(section(method(name), "Misleads").lower().split())) == at_chance


@pytest.mark.parametrize("name", attribution_methods())
def test_a_method_that_hardly_tells_the_digit_asked_for_says_so_and_no_other_does(name):
    at_chance = found(name)["grid"] <= found("random")["grid"] + AT_CHANCE
    assert ("hardly tells classes apart" in " ".join(section(method(name), "Misleads").split())) == at_chance
