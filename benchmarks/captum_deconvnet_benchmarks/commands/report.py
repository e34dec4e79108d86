"""``deconvnet bench report`` and ``compare``: one run as a page, two runs compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas as pd


@click.command(
    epilog="""\b
Examples:
  deconvnet bench report runs/first
  deconvnet bench report runs/first --out docs/first --images 12
"""
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder.  [default: RUN/report]")
@click.option(
    "--images",
    default=6,
    show_default=True,
    type=click.IntRange(0),
    help="Of each model, in the gallery.",
)
def report(run: Path, *, out: Path | None, images: int) -> None:
    """Report what a RUN measured.

    Writes index.html, which needs no server and holds its pictures, the plots as PNG and the
    tables as CSV: means with bootstrap intervals, ranks, Friedman's test and critical differences,
    Wilcoxon's test of every two explainers, agreement of metrics, curves, maps side by side, costs,
    and what was skipped or failed.
    """
    from captum_deconvnet_benchmarks.report.write import write_report

    folder = out or run / "report"
    analysis = write_report(run, folder, images=images)
    for line in _warnings(len(analysis.missing), len(analysis.outcomes)):
        click.echo(line, err=True)
    click.echo(f"wrote {folder / 'index.html'}", err=True)


def _warnings(missing: int, lost: int) -> list[str]:
    found = []
    if missing:
        found.append(f"the run is not complete: {missing} planned units have no row")
    if lost:
        found.append(f"{lost} pairs were skipped or failed: the page says why")
    return found


SHOWN = ("model", "metric", "explainer", "a", "b", "difference", "low", "high", "p_holm", "verdict")


@click.command(
    epilog="""\b
Examples:
  deconvnet bench compare runs/before runs/after
  deconvnet bench compare runs/before runs/after --out changes.csv --fail-on-worse
"""
)
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="CSV file for the whole table.")
@click.option("--fail-on-worse", is_flag=True, help="Exit with 1 if a pair is worse, or lost.")
def compare(a: Path, b: Path, *, out: Path | None, fail_on_worse: bool) -> None:
    """Compare run B with run A, image by image.

    Prints for every model, metric and explainer the two means, their difference (b minus a) with
    its 95 % bootstrap interval by photograph, and whether Wilcoxon's signed-rank test, with Holm's
    correction for the whole table, calls it better or worse. Runs with other images, weights or
    metric parameters are refused.
    """
    from captum_deconvnet.cli.output import check_folder
    from captum_deconvnet_benchmarks.report.compare import WORSENED, notes
    from captum_deconvnet_benchmarks.report.compare import compare as compared
    from captum_deconvnet_benchmarks.report.rows import read_run

    if out is not None:
        check_folder(out)
    before, after = read_run(a), read_run(b)
    table = compared(before, after)
    click.echo(as_text(table))
    for line in notes(before, after):
        click.echo(line, err=True)
    if out is not None:
        write(table, out)
    if fail_on_worse and bool(table["verdict"].isin(WORSENED).any()):
        raise click.exceptions.Exit(1)


def as_text(table: pd.DataFrame) -> str:
    """The table for a terminal, and how many pairs there are of each verdict."""
    from captum_deconvnet.cli.output import table as text_table

    rows = [[_cell(row[name]) for name in SHOWN] for row in table.to_dict("records")]
    counts = table["verdict"].value_counts(sort=False)
    total = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return f"{text_table(SHOWN, rows)}\n\n{total}"


def write(table: pd.DataFrame, path: Path) -> None:
    """The table as CSV."""
    from captum_deconvnet.files import write_whole

    write_whole(path, lambda part: table.to_csv(part, index=False))
    click.echo(f"wrote {path}", err=True)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"  # NaN is unlike itself
    return str(value)
