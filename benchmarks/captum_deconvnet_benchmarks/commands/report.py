"""``deconvnet bench report``: a run as a page, plots and tables."""

from __future__ import annotations

from pathlib import Path

import click


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
