"""``deconvnet gallery``: the paper's Fig. 2 for any model and any folder of images."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import layers_option, model_options, relu_option


def map_count(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    """A click callback: a number of maps, or None for all."""
    if value == "all":
        return None
    if not (value.isascii() and value.isdigit() and int(value)):
        raise click.BadParameter(f"{value!r} is neither a number of maps nor all.")
    return int(value)


@click.command(
    epilog="""\b
Examples:
  deconvnet gallery torchvision/vgg16 photographs/ --layers features.29 --out gallery/
  deconvnet gallery torchvision/vgg16 photographs/ --maps all --html --out atlas/
  deconvnet gallery torchvision/resnet50 photographs/ --relu guided --out guided/
  deconvnet gallery timm/resnet50 torchvision/OxfordIIITPet:data --out pets/
"""
)
@click.argument("model")
@click.argument("images")
@model_options
@layers_option
@click.option(
    "--maps", callback=map_count, default="16", show_default=True, metavar="N|all",
    help="How many maps of a layer to show, drawn at random as in the paper.",
)  # fmt: skip
@relu_option
@click.option("--k", default=9, show_default=True, type=click.IntRange(1, 100), help="Of each map.")
@click.option("--seed", default=0, show_default=True, help="Of the choice of maps.")
@click.option(
    "--several-per-image", is_flag=True, help="An image may appear several times in a map's top k."
)
@click.option("--html", is_flag=True, help="Also an atlas to browse: open index.html in it.")
@click.option(
    "--tile", default=96, show_default=True, type=click.IntRange(16, 512), help="Pixels of a tile."
)
@click.option("--batch-size", default=16, show_default=True, type=click.IntRange(1))
@click.option("--workers", default=0, show_default=True, help="Processes that read images.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="A folder."
)
def gallery(
    model: str,
    images: str,
    *,
    weights: str,
    layers: str | None,
    maps: int | None,
    relu: str,
    k: int,
    seed: int,
    several_per_image: bool,
    html: bool,
    tile: int,
    batch_size: int,
    workers: int,
    out: Path,
) -> None:
    """Show what made the feature maps of MODEL fire most, over all IMAGES.

    IMAGES is a folder of photographs, with or without folders in it, or a dataset of torchvision,
    as torchvision/NAME:ROOT. For each map the k strongest activations are projected, at most one of
    an image, and shown beside the patches of the images that they saw: a sheet a layer, and
    index.json. An image that cannot be read is named and left out. A run that was stopped goes
    on where it was, and ends in the same files.
    """
    from captum_deconvnet.cli.gallery_run import Order, run

    run(
        Order(
            model=model,
            images=images,
            weights=weights,
            layers=layers,
            maps=maps,
            relu=relu,
            k=k,
            seed=seed,
            one_per_image=not several_per_image,
            html=html,
            tile=tile,
            batch_size=batch_size,
            workers=workers,
            out=out,
        )
    )
