"""``deconvnet bench``: the group that every benchmark's command joins."""

from __future__ import annotations

import click

from captum_deconvnet_benchmarks.commands.compare import compare
from captum_deconvnet_benchmarks.commands.crosscheck import crosscheck
from captum_deconvnet_benchmarks.commands.extras import GroupWithExtras
from captum_deconvnet_benchmarks.commands.report import report
from captum_deconvnet_benchmarks.commands.rows import explainers, metrics
from captum_deconvnet_benchmarks.commands.run import run
from captum_deconvnet_benchmarks.commands.selftest import selftest
from captum_deconvnet_benchmarks.commands.zoo import zoo
from captum_deconvnet_benchmarks.commands.zoo_report import zoo_report


@click.group(cls=GroupWithExtras)
def bench() -> None:
    """Measure this package: the numbers behind its documentation."""


for command in (
    run, report, compare, explainers, metrics, selftest, crosscheck, zoo, zoo_report,
):  # fmt: skip
    bench.add_command(command)
