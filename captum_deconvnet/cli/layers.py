"""``deconvnet layers``: every layer of a model, what it sees and how it is run backwards."""

from __future__ import annotations

import click

from captum_deconvnet.cli.options import preparation_options


@click.command(
    epilog="""\b
Examples:
  deconvnet layers torchvision/vgg16
  deconvnet layers timm/resnet50 --json > layers.json
  deconvnet layers net.py:build --input-size 1x28x28

Any path in the first column can be given to: deconvnet project MODEL IMAGE --layers
"""
)
@click.argument("model")
@click.option("--weights", default="random", metavar="FILE", help="Only for a head of its size.")
@preparation_options
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")
def layers(model: str, *, weights: str, as_json: bool) -> None:
    """List the layers of MODEL, with no weights needed.

    Of each: the shape of its output for one image, the size of the receptive field of a unit, the
    step (jump) between neighbours' fields and the first pixel (start) of the first field, height
    by width, and the rules that take a projection back through the module's own operations.
    Stages, marked *, are what `project` shows without --layers.
    """
    from captum_deconvnet.cli.inventory import inventory
    from captum_deconvnet.cli.output import write_json

    found = inventory(model, weights)
    if as_json:
        write_json("-", found.facts())
    else:
        click.echo(found.table())
