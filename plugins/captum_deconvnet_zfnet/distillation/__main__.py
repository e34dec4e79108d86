"""How far a net agrees with a teacher on what was held out.

Run it as ``python -m captum_deconvnet_zfnet.distillation DIR NET``.
"""

from __future__ import annotations

from pathlib import Path

import click
import torch

from captum_deconvnet import load_model
from captum_deconvnet_zfnet.distillation.agreement import agreement, answers
from captum_deconvnet_zfnet.distillation.colours import normalise_for
from captum_deconvnet_zfnet.distillation.plan import DistilPlan
from captum_deconvnet_zfnet.distillation.teacher import Teacher


@click.command()
@click.argument("data", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("net", default="zfnet/photographs")
@click.option("--weights", default="DEFAULT", help="A tag, or a file.")
@click.option("--teacher", default="offline/efficientnet_lite0", show_default=True)
@click.option("--seed", default=0, show_default=True, help="Of the held-out crops.")
def main(data: Path, net: str, weights: str, teacher: str, seed: int) -> None:
    """Print how often NET says what the teacher says of the images in DIR that are held out."""
    device = torch.device("cpu")
    plan = DistilPlan(pupil=net, teacher=teacher, data=str(data), seed=seed)
    taught = Teacher(plan, device).held_out()
    loaded = load_model(net, weights)
    size = loaded.input_size[-1]
    said = answers(loaded.model, normalise_for(loaded), taught.pictures, size, device)
    click.echo(f"{net}, {len(taught)} held-out crops: {agreement(said, taught.logits)}")


if __name__ == "__main__":
    main()
