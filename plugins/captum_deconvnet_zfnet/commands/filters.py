"""``deconvnet filters``: the first two layers of nets side by side, as in the paper's Fig. 6."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import asked_device, device_option


@click.command(
    epilog="""\b
Examples:
  deconvnet filters
  deconvnet filters zfnet/zfnet=runs/z/epoch-064.safetensors zfnet/alexnet=runs/a/epoch-064.safetensors
  deconvnet filters zfnet/zfnet=random zfnet/alexnet=random --out start.png
"""  # noqa: E501
)
@click.argument("models", nargs=-1, metavar="[MODEL[=FILE|random]]...")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Pictures that show which filters are dead; without them this is not measured.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("filters.png"), show_default=True
)
@device_option
def filters(models: tuple[str, ...], *, data: Path | None, out: Path) -> None:
    """Draw the layer-1 and layer-2 filters of each MODEL, and measure them.

    Printed for both layers: the spread of the filters' root mean squares (the paper renormalises
    filters so that none dominates), the mean frequency of their energy, the share of it above the
    Nyquist frequency of the stride (aliasing), and the share of filters that never fire; for the
    first layer, the share that are oriented edges, pairs of opposite colours, and either.
    """
    from captum_deconvnet_zfnet.filters.comparison import compare

    click.echo(compare(models or ("zfnet/fashion_mnist",), data, out, asked_device()))
    click.echo(f"wrote {out}", err=True)
