"""Every benchmark, one after the other: `make bench`."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks import memory, methods, metrics, startup, windows, xla
from benchmarks.report import machine, write_markdown

METRICS = (("digits_cnn", 16), ("mobilenet", 8))
TABLES = (("digits_cnn", 1), ("digits_cnn", 64), ("mobilenet", 1), ("mobilenet", 8))


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True, help="Medians of so many.")
@click.option("--markdown", metavar="FILE", type=click.Path(path_type=Path), help="Write the tables for a README too.")
def main(rounds: int, markdown: Path | None) -> None:
    """Print every table, and the machine."""
    click.echo(machine())
    reports = []
    for make in (
        lambda: startup.report(rounds),  # first: nothing else is warm yet
        *(lambda name=name, count=count: methods.report(name, count, rounds) for name, count in TABLES),
        *(lambda name=name, count=count: metrics.report(name, count, rounds) for name, count in METRICS),
        lambda: windows.report(rounds),
        memory.report,
        lambda: xla.report(rounds),
    ):
        reports.append(make())
        reports[-1].show()
        if markdown is not None:
            write_markdown(markdown, reports)


if __name__ == "__main__":
    main()
