"""``deconvnet train`` and ``deconvnet evaluate``: train a net of the paper's kind, and test one."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import asked_device, device_option
from captum_deconvnet_zfnet.architecture import ARCHITECTURES


@click.command(
    epilog="""\b
Examples:
  deconvnet evaluate
  deconvnet evaluate --data ~/fashion-mnist
  deconvnet evaluate zfnet/zfnet --weights runs/ten/epoch-064.safetensors --data imagenet --classes 10
"""  # noqa: E501
)
@click.argument("model", default="zfnet/fashion_mnist")
@click.option("--weights", default="DEFAULT", show_default=True, help="A tag, or a file.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("/usr/share/datasets/fashion-mnist"),
    show_default=True,
    help="Fashion-MNIST's idx files, or a folder of images.",
)
@click.option("--classes", type=click.IntRange(1), help="Only the first so many.  [default: all]")
@device_option
def evaluate(model: str, *, weights: str, data: Path, classes: int | None) -> None:
    """Print how many test images MODEL gets right.

    A folder of images has no test images; its validation images are used. Fashion-MNIST comes with
    Debian's package dataset-fashion-mnist.
    """
    from captum_deconvnet_zfnet.training.evaluation import judge

    click.echo(judge(model, weights, data, classes, asked_device()))


@click.command(
    epilog="""\b
Examples:
  deconvnet train --out runs/fashion
  deconvnet train --net zfnet_bn --data imagenet --classes 10 --out runs/ten
  deconvnet train --net zfnet --recipe paper --data imagenet --classes 100 --out runs/hundred
  torchrun --nproc-per-node 4 --no-python deconvnet train --net zfnet --data imagenet --out runs/a

A run that was stopped goes on where it was: give the same command again.
"""
)
@click.option(
    "--net",
    type=click.Choice(tuple(ARCHITECTURES)),
    default="compact",
    show_default=True,
    help="What to train.",
)
@click.option(
    "--recipe",
    type=click.Choice(["paper", "modern"]),
    default="modern",
    show_default=True,
    help="How: as Zeiler & Fergus did, or as has become usual.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("/usr/share/datasets/fashion-mnist"),
    show_default=True,
    help="Fashion-MNIST's idx files, or images in a folder a class, with or without train/ and "
    "val/ above.",
)
@click.option("--classes", type=click.IntRange(1), help="Only the first so many.  [default: all]")
@click.option("--epochs", type=click.IntRange(1), help="In place of the recipe's.")
@click.option(
    "--batch", type=click.IntRange(1), default=128, show_default=True, help="Pictures a step."
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    help="In place of the recipe's.  [default: 0.01 for 128 pictures, in proportion for others]",
)
@click.option(
    "--smallest-area",
    type=click.FloatRange(0, 1),
    help="Of a random crop, in place of the recipe's; 0 cuts at whole pixels.",
)
@click.option("--seed", default=0, show_default=True, help="Of weights, order, crops, dropout.")
@click.option(
    "--corrupt",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="What to do with images that cannot be read; skipped ones are named.",
)
@click.option("--readers", type=click.IntRange(0), default=0, help="Processes that read ahead.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for weights, log.csv and curves.png.",
)
@device_option
def train(
    net: str,
    recipe: str,
    data: Path,
    *,
    classes: int | None,
    epochs: int | None,
    batch: int,
    learning_rate: float | None,
    smallest_area: float | None,
    seed: int,
    corrupt: str,
    readers: int,
    out: Path,
) -> None:
    """Train a net; stop early, and say why, if it cannot learn.

    The learning rate falls when the validation error stalls (recipe paper) or along a cosine
    (recipe modern). Weights are kept after epochs 1, 2, 5, 10, 20, 30, 40, 64 and the last, for
    load_model("zfnet/NET", weights=FILE). GPUs compute in 16 bits where that is safe; several are
    used under torchrun.
    """
    from captum_deconvnet_zfnet.training.plan import Plan
    from captum_deconvnet_zfnet.training.session import train_as_planned

    plan = Plan(
        net=net,
        recipe=recipe,
        data=str(data),
        classes=classes,
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        smallest_area=smallest_area,
        seed=seed,
    )
    train_as_planned(
        plan, out, skip_corrupt=corrupt == "skip", readers=readers, device=asked_device()
    )
