"""The paper's net as ``zfnet/*``: to train, to load, and with trained weights in the box.

``zfnet/fashion_mnist`` and ``zfnet/photographs`` have their weights in this package. The other nets
have the weights of a file that ``deconvnet train`` or ``distil`` wrote, or random ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from captum_deconvnet.registry import hookimpl

if TYPE_CHECKING:
    import click

    from captum_deconvnet.registry import LoadedModel
    from captum_deconvnet.registry.hookspecs import RegisterModels, RegisterRules

EMBEDDED = ("fashion_mnist", "photographs")


@hookimpl
def register_models(register: RegisterModels) -> None:
    """Offer ``zfnet/*``."""
    register("zfnet", names, load)


@hookimpl
def register_rules(register: RegisterRules) -> None:
    """Contrast normalisation passes signals unchanged, as torch's own does here."""
    norm = "captum_deconvnet_zfnet.network:ContrastNormalisation"
    register(norm, "captum_deconvnet:rules.identity", kind="paper")


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add ``deconvnet train``, ``distil``, ``evaluate`` and ``filters``."""
    from captum_deconvnet_zfnet.commands.distil import distil
    from captum_deconvnet_zfnet.commands.filters import filters
    from captum_deconvnet_zfnet.commands.train import evaluate, train

    for command in (train, distil, evaluate, filters):
        cli.add_command(command)


def names() -> list[str]:
    """The architectures, and those that come trained."""
    from captum_deconvnet_zfnet.architecture import ARCHITECTURES

    return [*EMBEDDED, *ARCHITECTURES]


def load(name: str, weights: str | None) -> LoadedModel:
    """Build one net; one that comes trained has its weights unless random ones are asked for."""
    from captum_deconvnet_zfnet import embedded, loading

    return embedded.load(name, weights) if name in EMBEDDED else loading.load(name, weights)
