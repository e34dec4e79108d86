"""Weights in half precision: ``python -m captum_deconvnet_zfnet.distillation.half FROM TO``."""

from __future__ import annotations

from pathlib import Path

import click
import safetensors.torch

from captum_deconvnet.registry import read_state_dict, write_bytes_whole


@click.command()
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path))
@click.argument("target", metavar="TO", type=click.Path(path_type=Path))
def main(source: Path, target: Path) -> None:
    """Write the weights in FROM to the file TO in half precision; whole numbers stay."""
    tensors = {
        name: (each.half() if each.is_floating_point() else each).contiguous()
        for name, each in read_state_dict(source).items()
    }
    write_bytes_whole(target, safetensors.torch.save(tensors))
    click.echo(f"wrote {target}, {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
