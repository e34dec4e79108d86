"""``deconvnet evolution``: how features grow during training, the paper's Fig. 4."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import preparation_options
from captum_deconvnet.cli.output import figure_path


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
    stopped goes on where it was.
    """
    if "," in layer or not layer.strip():
        raise click.UsageError(f"--layer {layer!r} is not one layer.")
    from captum_deconvnet.cli.evolution_run import Order, run
    from captum_deconvnet.cli.names import default_file

    run(
        Order(
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
