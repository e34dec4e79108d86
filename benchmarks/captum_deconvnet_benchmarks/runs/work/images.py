"""The pictures of a run, with the object's mask and the class where they are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image, ImageOps

from captum_deconvnet.errors import ImageError
from captum_deconvnet.pictures.image_sets import ImageFiles, find_images
from captum_deconvnet.pictures.reading import ALPHA_MODES, read_image

MASK = ".mask.png"
CUT = "@"


@dataclass(frozen=True)
class Picture:
    """One picture.

    Args:
        name: of its own in its set.
        image: 8-bit RGB.
        mask: 8-bit grey of the same size, white where the object is; None if nobody says.
        label: its class, a name or a number; None if nobody says.
    """

    name: str
    image: Image.Image
    mask: Image.Image | None = None
    label: str | int | None = None

    @property
    def cluster(self) -> str:
        """The photograph it is cut from: ``dog@2.png`` is the second cut of ``dog.png``."""
        stem, cut, rest = self.name.rpartition(CUT)
        return stem + Path(rest).suffix if cut and Path(rest).stem.isdigit() else self.name


class PictureSet(Protocol):
    """Pictures by number."""

    @property
    def names(self) -> Sequence[str]:
        """What to call each."""
        ...

    def __getitem__(self, number: int) -> Picture:
        """One of them."""
        ...


@dataclass(frozen=True)
class Folder:
    """Image files; the folder of a file is its class, as torchvision's ImageFolder has it.

    ``NAME.mask.png`` beside ``NAME.jpg`` is its mask; without one, an alpha channel is.
    """

    root: Path
    names: Sequence[str]
    background: int

    def __getitem__(self, number: int) -> Picture:
        """Read a file; ImageError if it cannot be read."""
        name = self.names[number]
        path = self.root / name
        parent = Path(name).parent.as_posix()
        label = None if parent == "." else parent
        image, mask = read_with_alpha(path, self.background)
        beside = path.with_name(path.stem + MASK)
        if beside.exists():
            mask = read_image(beside).convert("L")
        if mask is not None and mask.size != image.size:
            raise ImageError(f"{beside} has {mask.size} pixels and its image {image.size}.")
        return Picture(name, image, mask, label)


@dataclass(frozen=True)
class DataSet:
    """A dataset of torchvision: pictures with the numbers of their classes."""

    dataset: Any
    names: Sequence[str]

    def __getitem__(self, number: int) -> Picture:
        """One picture; ImageError if it is none."""
        image, label = self.dataset[number][:2]
        if not isinstance(image, Image.Image):
            raise ImageError(f"image {number} is a {type(image).__name__}, not a picture.")
        whole = label if isinstance(label, int) else None
        return Picture(self.names[number], image.convert("RGB"), None, whole)


def find_pictures(where: str, background: int = 128) -> PictureSet:
    """The pictures that the user means: a folder, or ``torchvision/NAME:ROOT``.

    Raises:
        ImageError: there are none, or the dataset cannot be opened.
        UnknownNameError: torchvision has no such dataset.
    """
    found = find_images(where, _unused)
    if isinstance(found, ImageFiles):
        names = [name for name in found.names if not name.endswith(MASK)]
        return Folder(found.root, names, background)
    return DataSet(found.dataset, found.names)


def read_with_alpha(path: Path, background: int) -> tuple[Image.Image, Image.Image | None]:
    """An image as RGB and, if it has transparency, its alpha; what is transparent becomes grey."""
    image = read_image(path)
    with Image.open(path) as file:
        if file.mode not in ALPHA_MODES and "transparency" not in file.info:
            return image, None
        picture = ImageOps.exif_transpose(file).convert("RGBA")
    paper = Image.new("RGBA", picture.size, (background,) * 3)
    return Image.alpha_composite(paper, picture).convert("RGB"), picture.getchannel("A")


def _unused(picture: Any) -> Any:
    """Pictures are not yet inputs."""
    return picture
