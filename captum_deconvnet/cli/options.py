"""Options that several commands share."""

from __future__ import annotations

import click

weights_option = click.option(
    "--weights",
    default="DEFAULT",
    show_default=True,
    metavar="TAG|FILE|random",
    help="A tag of the model's trained weights, a state dict, or random for none.",
)
layers_option = click.option(
    "--layers", metavar="PATH,PATH", help="Module paths, comma-separated.  [default: all stages]"
)
