"""``deconvnet bench``: the group, and the commands that list what can be run.

A command that misses a package names the extra that brings it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from captum_deconvnet.cli.options import model_options
from captum_deconvnet.errors import MissingPackageError
from captum_deconvnet_benchmarks.commands.checks import crosscheck, selftest
from captum_deconvnet_benchmarks.commands.report import compare, report
from captum_deconvnet_benchmarks.commands.run import bench_run
from captum_deconvnet_benchmarks.commands.zoo import zoo, zoo_report

if TYPE_CHECKING:
    from captum_deconvnet_benchmarks.protocol.explainer import Explainer
    from captum_deconvnet_benchmarks.protocol.metric import Metric


@click.command(
    epilog="""\b
Examples:
  deconvnet bench explainers
  deconvnet bench explainers 'captum/*' --model torchvision/mobilenet_v2@random
"""
)
@click.argument("pattern", default="*")
@click.option("--model", help="Also say which fit this model, and why others do not.")
@model_options
def explainers(pattern: str, *, model: str | None, weights: str) -> None:
    """List the explainers that fit PATTERN, their flags and parameters."""
    from captum_deconvnet.cli.output import table
    from captum_deconvnet_benchmarks.protocol import catalogue
    from captum_deconvnet_benchmarks.runs.plan.identity import plain_json

    rows = catalogue.chosen_explainers([pattern], catalogue.explainers())
    reasons = _reasons(rows, model, weights) if model else [""] * len(rows)
    head = ["explainer", "flags", "parameters", *(["fits"] if model else [])]
    lines = [
        [row.name, _flags(row), plain_json(row.parameters), *([reason] if model else [])]
        for row, reason in zip(rows, reasons, strict=True)
    ]
    click.echo(table(head, lines))


@click.command(epilog="Example: deconvnet bench metrics 'deletion*'")
@click.argument("pattern", default="*")
def metrics(pattern: str) -> None:
    """List the metrics that fit PATTERN, their flags and parameters."""
    from captum_deconvnet.cli.output import table
    from captum_deconvnet_benchmarks.protocol import catalogue
    from captum_deconvnet_benchmarks.runs.plan.identity import plain_json

    rows = catalogue.chosen("metric", [pattern], catalogue.metrics())
    lines = [[r.name, r.better or "-", _flags(r), plain_json(r.parameters)] for r in rows]
    click.echo(table(["metric", "better", "flags", "parameters"], lines))


def _flags(row: Explainer | Metric) -> str:
    """What is special about a row, in words."""
    flags = ["control"] if getattr(row, "control", False) else []
    flags += ["stochastic"] if row.stochastic else []
    flags += [f"needs {each}" for each in sorted(getattr(row, "needs", ()))]
    return ", ".join(flags) or "-"


def _reasons(rows: list[Explainer], model: str, weights: str) -> list[str]:
    """For each explainer, ``yes`` or why the model cannot be explained so."""
    from captum_deconvnet.cli.loading import load_for_command
    from captum_deconvnet_benchmarks.protocol.explainer import Subject

    name, _, own = model.partition("@")
    subject = Subject.of(load_for_command(name, own or weights))
    return [row.unfit(subject) or "yes" for row in rows]


EXTRAS = {
    "jinja2": "bench",
    "pandas": "bench",
    "pyarrow": "bench",
    "pydantic": "bench",
    "scikit_posthocs": "bench",
    "scipy": "bench",
    "skimage": "bench",
    "statsmodels": "bench",
    "yaml": "bench",
    "pytorch_grad_cam": "crosscheck",
    "quantus": "crosscheck",
}


class GroupWithExtras(click.Group):
    """A group whose commands say which extra to install when a package is missing."""

    def invoke(self, context: click.Context) -> object:
        """Run a command.

        Raises:
            MissingPackageError: it needs a package that one of our extras brings.
        """
        try:
            return super().invoke(context)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package not in EXTRAS:
                raise
            extra = EXTRAS[package]
            raise MissingPackageError(
                f"deconvnet bench {context.invoked_subcommand} needs {package}, which is not "
                f"installed: pip install 'captum-deconvnet[{extra}]'"
            ) from error


@click.group(cls=GroupWithExtras)
def bench() -> None:
    """Measure this package: the numbers behind its documentation."""


for command in (
    bench_run, report, compare, explainers, metrics, selftest, crosscheck, zoo, zoo_report,
):  # fmt: skip
    bench.add_command(command)
