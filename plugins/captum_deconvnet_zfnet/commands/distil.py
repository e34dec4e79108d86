"""``deconvnet distil``: a net learns from another one's answers on photographs without labels."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.options import asked_device, device_option


@click.command(
    epilog="""\b
Examples:
  python -m captum_deconvnet_zfnet.photographs photographs
  deconvnet distil photographs --out runs/photographs --rounds 40@128 --rounds 20@224
  deconvnet distil holidays --pupil torchvision/resnet18 --teacher timm/convnext_tiny --out runs/r

A run that was stopped goes on where it was: give the same command again, with more rounds if you
like.
"""
)
@click.argument("data", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--pupil", default="zfnet/zfnet_gap", show_default=True, help="What learns.")
@click.option(
    "--teacher", default="offline/efficientnet_lite0", show_default=True, help="From what."
)
@click.option(
    "--rounds",
    multiple=True,
    metavar="N@SIZE",
    default=("20@224",),
    show_default=True,
    help="So many rounds with pictures of that size; may be given several times.",
)
@click.option(
    "--crops",
    type=click.IntRange(1),
    default=4096,
    show_default=True,
    help="New crops in each round; the teacher looks at each once.",
)
@click.option(
    "--passes",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Times that the pupil looks at each crop.",
)
@click.option(
    "--smallest-area",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.08,
    show_default=True,
    help="Of a crop, as a share of its picture.",
)
@click.option("--batch", type=click.IntRange(1), default=32, show_default=True)
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), default=1.5e-3, show_default=True
)
@click.option("--seed", default=0, show_default=True, help="Of weights, crops and order.")
@click.option(
    "--mixed/--full",
    default=True,
    show_default=True,
    help="Compute in 16 bits where that is safe, or in 32 everywhere.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="For its files."
)
@device_option
def distil(
    data: Path,
    *,
    pupil: str,
    teacher: str,
    rounds: tuple[str, ...],
    crops: int,
    passes: int,
    smallest_area: float,
    batch: int,
    learning_rate: float,
    seed: int,
    mixed: bool,
    out: Path,
) -> None:
    """Teach a net, on the images in DIR, what another net sees in them.

    The pupil learns the teacher's soft labels, and, at every position of its own last maps, the
    teacher's labels and features there. A tenth of the images, by the names of their files, is
    held out: the log tells after each round how often the pupil says what the teacher says of them.
    The weights that are kept are an average over the last few hundred steps.
    """
    from captum_deconvnet.cli.loading import device_of
    from captum_deconvnet_zfnet.distillation.plan import DistilPlan, sizes_of
    from captum_deconvnet_zfnet.distillation.run import Distillation

    sizes, device = sizes_of(rounds), device_of(asked_device())
    plan = DistilPlan(
        pupil=pupil,
        teacher=teacher,
        data=str(data),
        crops=crops,
        passes=passes,
        smallest_area=smallest_area,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
        mixed=mixed,
    )
    Distillation(plan, out, device=device, say=click.echo).go(sizes)
    click.echo(f"wrote {out}")
