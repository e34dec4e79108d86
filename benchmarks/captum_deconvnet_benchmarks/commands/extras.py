"""Which extra brings a package that is missing."""

from __future__ import annotations

import click

from captum_deconvnet.errors import MissingPackageError

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
