"""``deconvnet bench zoo`` and ``zoo-report``: project every conv net, write the coverage page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from captum_deconvnet_benchmarks.zoo.visit import Collection

RESULTS = Path("benchmarks/results")


def shard_option(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    """A click callback: ``2/4`` is the second of four parts."""
    number, slash, count = value.partition("/")
    if not (slash and number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise click.BadParameter(f"{value} is not i/n with 1 <= i <= n, such as 2/4.")
    return int(number), int(count)


@click.command(
    epilog="""\b
Examples:
  deconvnet bench zoo --jobs 2
  deconvnet bench zoo 'timm/resnet*' --out /tmp/zoo
  deconvnet bench zoo --shard 2/4 --out /shared/zoo
  deconvnet bench zoo --outside 'monai/*'
"""
)
@click.argument("pattern", default="*")
@click.option("--shard", default="1/1", callback=shard_option, help="Part i of n: i/n.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option(
    "--out", default=RESULTS, show_default=True, type=click.Path(path_type=Path), help="Folder."
)
@click.option("--timeout", default=600.0, show_default=True, help="Seconds a model may take.")
@click.option("--seed", default=0, show_default=True, help="Of weights and pictures.")
@click.option("--again", is_flag=True, help="Also visit the models that have a row.")
@click.option(
    "--outside", is_flag=True, help="The nets of other libraries, of those that are installed."
)
def zoo(
    pattern: str,
    *,
    shard: tuple[int, int],
    jobs: int,
    out: Path,
    timeout: float,
    seed: int,
    again: bool,
    outside: bool,
) -> None:
    """Project the models that fit PATTERN and compare with three other answers.

    Those are an independent reference, autograd and captum.attr.Deconvolution. Each model has
    random weights and a process of its own. Its row goes to zoo.csv in the folder at once; models
    that have a row are skipped, so a sweep that was stopped goes on where it was.

    With --outside the nets are those of other libraries, the rows go to outside.csv, and patches
    and occlusion are compared too.
    """
    from captum_deconvnet_benchmarks.zoo.visit import ZOO, Plan, visit

    nets = other_libraries() if outside else ZOO
    visit(Plan(pattern, shard, jobs, out, timeout, seed, again, nets))


def other_libraries() -> Collection:
    """The nets of the libraries that are installed; says which are not."""
    from captum_deconvnet_benchmarks.zoo.outside.libraries import LIBRARIES
    from captum_deconvnet_benchmarks.zoo.outside.measure import OUTSIDE

    missing = [library.distribution for library in LIBRARIES if not library.is_installed]
    if missing:
        click.echo(f"not installed, left out: {', '.join(missing)}", err=True)
    return OUTSIDE


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
