"""``deconvnet bench``: the group that every benchmark's command joins."""

from __future__ import annotations

import click

from captum_deconvnet_benchmarks.commands.compare import compare
from captum_deconvnet_benchmarks.commands.report import report
from captum_deconvnet_benchmarks.commands.zoo import zoo
from captum_deconvnet_benchmarks.commands.zoo_report import zoo_report


@click.group()
def bench() -> None:
    """Measure this package: the numbers behind its documentation."""


for command in (zoo, zoo_report, report, compare):
    bench.add_command(command)
