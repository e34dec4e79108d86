"""Which extra brings a package that is missing.

``deconvnet bench``: the group that every benchmark's command joins.
"""

from __future__ import annotations

import click

from captum_deconvnet.errors import MissingPackageError
from captum_deconvnet_benchmarks.commands.checks import crosscheck, selftest
from captum_deconvnet_benchmarks.commands.listing import explainers, metrics
from captum_deconvnet_benchmarks.commands.report import compare, report
from captum_deconvnet_benchmarks.commands.run import run
from captum_deconvnet_benchmarks.commands.zoo import zoo, zoo_report

EXTRAS = {
    "jinja2": "bench",
    "pandas": "bench",
    "pyarrow": "bench",
    "scikit_posthocs": "bench",
    "scipy": "bench",
    "skimage": "bench",
    "statsmodels": "bench",
    "yaml": "bench",
    "pytorch_grad_cam": "crosscheck",
    "quantus": "crosscheck",
    "timm": "timm",
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


pass


@click.group(cls=GroupWithExtras)
def bench() -> None:
    """Measure this package: the numbers behind its documentation."""


for command in (
    run, report, compare, explainers, metrics, selftest, crosscheck, zoo, zoo_report,
):  # fmt: skip
    bench.add_command(command)
