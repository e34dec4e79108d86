"""``deconvnet models``: the names of the networks that the plugins offer."""

from __future__ import annotations

import click


@click.command(
    epilog="""\b
Examples:
  deconvnet models
  deconvnet models resnet
  deconvnet models 'timm/efficientnet_b?'
"""
)
@click.argument("pattern", default="*")
def models(pattern: str) -> None:
    """List the models whose name has PATTERN in it, or fits it if it has * or ?."""
    from captum_deconvnet.errors import unknown_name
    from captum_deconvnet.registry import list_models, process_registry

    names = list_models(pattern if set(pattern) & set("*?[") else f"*{pattern}*")
    if not names:
        broken = [f"{name} ({why})" for name, why in process_registry().broken.items()]
        hint = f"Not in use: {'; '.join(broken)}." if broken else ""
        raise unknown_name("model", pattern, list_models(), hint)
    for name in names:
        click.echo(name)
