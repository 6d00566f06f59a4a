"""Ground truth: does each method find what the network is known to look at? `make truth`."""

from __future__ import annotations

import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click

from benchmarks.report import Report
from benchmarks.truth import pages
from benchmarks.truth.cases import CASES
from benchmarks.truth.rows import rows
from benchmarks.truth.sheet import draw_sheet
from benchmarks.truth.table import measure
from benchmarks.truth.training import NotSolvedError
from visualize.plotting import write_png

BASELINE_ROWS = ("random",)


@click.command()
@click.option("--folder", default="build/truth", show_default=True, type=click.Path(path_type=Path), help="Of the networks.")
@click.option("--images", default=32, show_default=True, type=click.IntRange(4), help="How many of each case.")
@click.option(
    "--case", "chosen_cases", multiple=True, type=click.Choice([case.name for case in CASES]), help="By default all."
)
@click.option("--method", "chosen_rows", multiple=True, help="A row of the table; by default all.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write every measure, with standard errors.")
@click.option(
    "--write", is_flag=True, help="Write the record of the package, docs/truth.png and the tables of docs/methods.md."
)
def main(
    folder: Path, images: int, chosen_cases: tuple[str, ...], chosen_rows: tuple[str, ...], file: Path | None, write: bool
) -> None:
    """Print how much each method finds where the truth is known. Networks are trained once and kept in a folder.

    \b
    python -m benchmarks.truth
    python -m benchmarks.truth --case textures_vit --method gradcam --method occlusion
    python -m benchmarks.truth --write --method gradcam
    """
    old = json.loads(pages.RECORD.read_text(encoding="utf-8"))
    if write and chosen_cases:
        raise click.UsageError("--write takes all cases, so it does not go with --case.")
    if write and chosen_rows and images != old["pictures"]:
        raise click.UsageError(
            f"--write --method must be of --images {old['pictures']}, as the record is. Received: {images}."
        )
    cases = [case for case in CASES if not chosen_cases or case.name in chosen_cases]
    known = rows()
    unknown = set(chosen_rows) - {row.name for row in known}
    if unknown:
        raise click.BadParameter(f"{', '.join(sorted(unknown))}. Choices: {', '.join(row.name for row in known)}.")
    chosen = [row for row in known if not chosen_rows or row.name in (*BASELINE_ROWS, *chosen_rows)]
    try:
        truth = measure(cases, chosen, images, folder, note=lambda text: click.echo(text, err=True))
    except NotSolvedError as error:
        raise click.ClickException(str(error)) from None
    header = ("method", *(case.title for case in cases))
    Report(
        f"Ground truth, {images} pictures each",
        header,
        tuple((row.name, *(truth.text(row.name, case) for case in cases)) for row in chosen),
    ).show()
    text = pages.record_text(truth.record())
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    if write:
        record = pages.merged(old, truth.record(), [row.name for row in known]) if chosen_rows else truth.record()
        pages.RECORD.write_text(pages.record_text(record), encoding="utf-8")
        for language, page in pages.PAGES.items():
            page.write_text(pages.updated(page.read_text(encoding="utf-8"), record, language), encoding="utf-8")
        write_png(draw_sheet(folder), pages.SHEET)


if __name__ == "__main__":
    main()
