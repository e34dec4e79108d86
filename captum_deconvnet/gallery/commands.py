"""The commands ``deconvnet gallery`` (the paper's Fig. 2) and ``deconvnet evolution`` (Fig. 4)."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import (
    layers_option,
    model_options,
    preparation_options,
    relu_option,
)
from captum_deconvnet.cli.output import figure_path
from captum_deconvnet.registry.hookspecs import hookimpl


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
    index.json. An image that cannot be read is named and left out. A run that was stopped
    continues where it stopped, and ends in the same files.
    """
    from captum_deconvnet.gallery.builder import GalleryRequest, build_gallery

    build_gallery(
        GalleryRequest(
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


@click.command(
    epilog="""\b
Examples:
  deconvnet evolution epoch-*.safetensors --model zfnet/zfnet --images photographs/ --layer conv5
  deconvnet evolution 1.pt 2.pt 5.pt --model torchvision/alexnet --images photographs/ \\
      --layer features.12 --maps 6 --out growth.png
"""
)
@click.argument("checkpoints", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", required=True, help="A name, or FILE.py:FUNCTION.")
@preparation_options
@click.option("--images", required=True, metavar="FOLDER|torchvision/NAME:ROOT")
@click.option("--layer", required=True, metavar="PATH", help="Module path of the layer.")
@click.option("--maps", default=6, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--seed", default=0, show_default=True, help="Of the choice of maps.")
@click.option("--batch-size", default=32, show_default=True, type=click.IntRange(1))
@click.option("--tile", default=96, show_default=True, type=click.IntRange(16, 512))
@click.option(
    "--out", callback=figure_path, metavar="FILE",
    help="Write the figure here.  [default: LAYER-MODEL-evolution.png]",
)  # fmt: skip
@click.option("--json", "facts", metavar="FILE|-", help="Write the facts here, or to stdout.")
def evolution(
    checkpoints: tuple[Path, ...],
    *,
    model: str,
    images: str,
    layer: str,
    maps: int,
    seed: int,
    batch_size: int,
    tile: int,
    out: Path | None,
    facts: str | None,
) -> None:
    """Show how features of one layer grew: a column for each of CHECKPOINTS, in that order.

    For each map the strongest activation over all IMAGES at that checkpoint is projected. A
    thick frame marks a jump: another image than at the checkpoint before.
    Scans are kept beside the figure, in a folder named after it, so a run that was
    stopped continues where it stopped.
    """
    if "," in layer or not layer.strip():
        raise click.UsageError(f"--layer {layer!r} is not one layer.")
    from captum_deconvnet.files import default_file
    from captum_deconvnet.gallery.evolution import EvolutionRequest, draw_evolution

    draw_evolution(
        EvolutionRequest(
            checkpoints=checkpoints,
            model=model,
            images=images,
            layer=layer,
            maps=maps,
            seed=seed,
            batch_size=batch_size,
            tile=tile,
            out=out or default_file("evolution", model, subjects=[layer, images, *checkpoints]),
            facts=facts,
        )
    )


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add ``deconvnet gallery`` and ``evolution``."""
    for command in (gallery, evolution):
        cli.add_command(command)
