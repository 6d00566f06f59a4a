"""Report: tables on the terminal, the same as Markdown, and the machine that they were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Report:
    """One table.

    Attributes:
        title: what was measured.
        header: of the columns; all but the first are numbers.
        rows: cells as text.
        notes: what a reader must know.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def show(self) -> None:
        """Print it."""
        table = Table(title=self.title, box=box.SIMPLE_HEAD, header_style="bold")
        for number, name in enumerate(self.header):
            table.add_column(name, justify="right" if number else "left", no_wrap=not number)
        for row in self.rows:
            table.add_row(*row)
        console = Console(width=140, highlight=False)
        console.print(table)
        for note in self.notes:
            console.print(note)

    def markdown(self) -> str:
        """The same for a README."""
        lines = [f"**{self.title}**", "", "| " + " | ".join(self.header) + " |"]
        lines.append("| --- |" + " ---: |" * (len(self.header) - 1))
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join([*lines, "", *self.notes]).rstrip() + "\n"


def number(value: float | None) -> str:
    """Three digits, or a dash for what was not measured."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def machine() -> str:
    """The processor, the versions, and what else the machine did, in one line."""
    loads = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    packages = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "tf-keras-vis", "xplique"))
    return f"{_processor()}, {os.cpu_count()} cores{loads}; Python {platform.python_version()}, {packages}."


def write_markdown(path: Path, reports: Iterable[Report]) -> None:
    """Write the tables with the machine above them."""
    path.write_text("\n".join([f"Measured on {machine()}\n", *(report.markdown() for report in reports)]), encoding="utf-8")


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
