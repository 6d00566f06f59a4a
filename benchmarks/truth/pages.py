"""Pages: the record of what was measured, and the tables of docs/methods.md that are made of it, in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from visualize.report.chooser import COLUMNS, Choice, choices, found, markdown_row, number

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "visualize" / "report" / "truth.json"
SHEET = ROOT / "docs" / "truth.png"
PAGES = {"en": ROOT / "docs" / "methods.md", "zh": ROOT / "docs" / "methods.zh-CN.md"}
BLOCK = re.compile(r"(<!-- measured by make truth -->\n).*?(<!-- end -->)", re.DOTALL)
CHINESE = {
    "method": "方法",
    "random": "随机",
    "edges": "边缘",
    "center": "中心",
    "texture, CNN": "纹理 CNN",
    "texture, residual": "纹理 残差网络",
    "texture, ViT": "纹理 ViT",
    "linear, CNN": "线性 CNN",
    "multiplicative, residual": "乘性 残差网络",
    "xor, CNN": "异或 CNN",
    "mosaic, GridPG": "拼图 GridPG",
    "mosaic, DiPart": "拼图 DiPart",
    "bars removed": "去掉笔画",
    "additive": "可加",
}
NUMBERS = slice(4, 4 + len(COLUMNS))  # the cells of a row that hold what was measured


def record_text(record: dict[str, Any]) -> str:
    """The record as JSON, a line for each row and case."""
    cases = _lines({name: json.dumps(facts) for name, facts in record["cases"].items()})
    rows = {row: _lines({case: json.dumps(cell) for case, cell in cells.items()}) for row, cells in record["rows"].items()}
    return _lines({"pictures": json.dumps(record["pictures"]), "cases": cases, "rows": _lines(rows)}) + "\n"


def merged(old: dict[str, Any], new: dict[str, Any], rows: Sequence[str]) -> dict[str, Any]:
    """A record with what was measured anew in place of what was there, of these rows in this order.

    Raises:
        ValueError: the two are of different numbers of pictures.
    """
    if old["pictures"] != new["pictures"]:
        raise ValueError(f"The record is of {old['pictures']} pictures. Received: {new['pictures']}.")
    cells = {row: old["rows"].get(row, {}) | new["rows"].get(row, {}) for row in rows}
    return new | {"cases": old["cases"] | new["cases"], "rows": {row: own for row, own in cells.items() if own}}


def _lines(entries: dict[str, str]) -> str:
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {text}" for name, text in entries.items()) + "\n}"


def table(record: dict[str, Any], language: str) -> str:
    """What was measured, as Markdown: a row for each method, a column for each case."""
    words = CHINESE if language == "zh" else {}
    cases = record["cases"]
    titles = [words.get(facts["title"], facts["title"]) for facts in cases.values()]
    lines = [f"| {words.get('method', 'method')} | " + " | ".join(titles) + " |", "|---" + "|---:" * len(cases) + "|"]
    for row, cells in record["rows"].items():
        means = (cells[case].get("mean") for case in cases)
        values = (number(mean and mean[facts["measure"]]) for mean, facts in zip(means, cases.values(), strict=True))
        lines.append(f"| {words.get(row, row)} | " + " | ".join(values) + " |")
    return "\n".join(lines) + "\n"


def updated(page: str, record: dict[str, Any], language: str) -> str:
    """A page with the table, and with the rows of all methods as their docstrings and the record have them.

    The words of the Chinese page are its own; of its rows only the numbers change.
    """
    page = BLOCK.sub(lambda block: block[1] + table(record, language) + block[2], page)
    for choice in choices():
        own = re.compile(rf"^\| `visualize {choice.name}` \|.*$", re.MULTILINE)
        page = own.sub(lambda row, choice=choice: _row(row[0], choice, language), page)
    return page


def _row(row: str, choice: Choice, language: str) -> str:
    if language == "en":
        return markdown_row(choice.cells())
    cells = row.split(" | ")
    cells[NUMBERS] = (number(found(choice.name)[case]) for case in COLUMNS)
    return " | ".join(cells)
