"""The pictures of the first table: photographs of animals with masks, and Fashion-MNIST.

The photographs are those of Debian's ``tuxpaint-stamps-default``, cut out by their makers; their
transparency is the mask. Each is laid at a random place of a larger picture, because a
control that points at the middle must not win by chance. Run it as
``python -m captum_deconvnet_benchmarks.first_table_data STAMPS FASHION OUT``.
"""

from __future__ import annotations

from pathlib import Path

import click
import torch
from PIL import Image

from captum_deconvnet.errors import ImageError
from captum_deconvnet_benchmarks.protocol.reproducibility import generator_of

COUNT = 50
SEED = 0
SIDE, MARGIN = 256, 16
"""Of the pictures, and what the models' central crop does not show."""

LONGEST = (100, 170)
"""Pixels of an object's longer side."""

SMALLEST = 120
LEFT_OUT = ("cartoon", "toys", "_mirror", "hedgehog")
"""Parts of paths: drawings, toys, and other stamps turned around."""


@click.command()
@click.argument("stamps", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("fashion", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path))
def main(stamps: Path, fashion: Path, out: Path) -> None:
    r"""Make the folders OUT/stamps and OUT/fashion.

    STAMPS is usr/share/tuxpaint/stamps of tuxpaint-stamps-default, FASHION the folder with the idx
    files of dataset-fashion-mnist.

    \b
    Example:
      apt-get download tuxpaint-stamps-default dataset-fashion-mnist
      for each in *.deb; do dpkg -x $each .; done
      python -m captum_deconvnet_benchmarks.first_table_data \
        usr/share/tuxpaint/stamps usr/share/datasets/fashion-mnist data
    """
    lay_stamps(stamps, out / "stamps")
    write_fashion(fashion, out / "fashion")


def lay_stamps(source: Path, out: Path) -> None:
    """Lay animals, drawn at random from those that are photographs, on clear pictures."""
    found = [path for path in sorted((source / "animals").rglob("*.png")) if _is_photograph(path)]
    if len(found) < COUNT:
        raise ImageError(f"{source} has {len(found)} photographs of animals; {COUNT} are needed.")
    chosen = torch.randperm(len(found), generator=generator_of("stamps", SEED))[:COUNT]
    out.mkdir(parents=True, exist_ok=True)
    for number in sorted(chosen.tolist()):
        path = found[number]
        with Image.open(path) as picture:
            laid(picture.convert("RGBA"), path.stem).save(out / f"{path.stem}.png")


def laid(object_: Image.Image, name: str) -> Image.Image:
    """The object at a size and place that its name decides, all of it inside the margin."""
    draw = generator_of("laid", SEED, name)
    longest = int(torch.randint(*LONGEST, (), generator=draw))
    scale = longest / max(object_.size)
    width, height = (max(round(side * scale), 1) for side in object_.size)
    room = SIDE - 2 * MARGIN
    left, top = (
        MARGIN + int(torch.randint(room - side + 1, (), generator=draw)) for side in (width, height)
    )
    paper = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    paper.paste(object_.resize((width, height), Image.Resampling.LANCZOS), (left, top))
    return paper


def write_fashion(source: Path, out: Path) -> None:
    """The first test images of each class, in a folder a class."""
    from captum_deconvnet_zfnet.data.fashion_mnist import CATEGORIES, MARGIN, read_pairs

    pictures, labels = read_pairs(source, "t10k")
    inside = pictures[:, 0, MARGIN:-MARGIN, MARGIN:-MARGIN]
    for label, category in enumerate(CATEGORIES):
        folder = out / category.replace("/", " or ")
        folder.mkdir(parents=True, exist_ok=True)
        for number in (labels == label).nonzero()[: COUNT // len(CATEGORIES), 0].tolist():
            Image.fromarray(inside[number].numpy()).save(folder / f"{number:05d}.png")


def _is_photograph(path: Path) -> bool:
    """Whether a stamp is a photograph in colour, large enough, with something transparent."""
    if any(word in path.as_posix() for word in LEFT_OUT):
        return False
    with Image.open(path) as picture:
        clear = picture.mode == "RGBA" and picture.getchannel("A").getextrema()[0] == 0
        return clear and min(picture.size) >= SMALLEST


if __name__ == "__main__":
    main()
