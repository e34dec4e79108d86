"""``deconvnet bench zoo-report``: the coverage page from the rows of the sweep."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet_benchmarks.commands.zoo import RESULTS

PAGE = Path("docs/coverage.md")


@click.command("zoo-report")
@click.option(
    "--out", default=RESULTS, show_default=True, type=click.Path(path_type=Path), help="Folder."
)
@click.option(
    "--page", default=PAGE, show_default=True, type=click.Path(path_type=Path), help="To write."
)
def zoo_report(*, out: Path, page: Path) -> None:
    """Write the coverage page: every number in it is counted from the rows in the folder."""
    from captum_deconvnet_benchmarks.zoo.report import report

    page.write_text(report(out), encoding="utf-8")
    click.echo(f"wrote {page}", err=True)
