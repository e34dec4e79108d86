"""The images that a command looks at: those of a folder, or of a dataset of torchvision."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from captum_deconvnet.errors import ImageError, unknown_name
from captum_deconvnet.files import is_output
from captum_deconvnet.pictures.reading import ARRAYS, read_picture, to_rgb

PREFIX = "torchvision/"
GALLERY_FOLDERS = ("sheets", "atlas")
"""Where a gallery has its pictures."""

Transform = Callable[[Any], torch.Tensor]


@dataclass(frozen=True)
class ImageFiles:
    """Image files, as a network takes them.

    Args:
        root: the folder that their names start from.
        names: their paths in it, sorted.
        transform: makes a network's input of an RGB image.
        version: changes when a file does.
    """

    root: Path
    names: Sequence[str]
    transform: Transform
    version: str

    def __len__(self) -> int:
        """How many there are."""
        return len(self.names)

    def __getitem__(self, number: int) -> torch.Tensor:
        """The input (C, H, W) for one image; ImageError if it cannot be read."""
        return self.transform(read_picture(reachable(self.root / self.names[number])))


@dataclass(frozen=True)
class TorchvisionImages:
    """The images of a torchvision dataset, as a network takes them."""

    dataset: Any
    transform: Transform
    version: str

    @property
    def names(self) -> Sequence[str]:
        """What to call the images."""
        return [f"image {number}" for number in range(len(self.dataset))]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.dataset)

    def __getitem__(self, number: int) -> torch.Tensor:
        """The input (C, H, W) for one image."""
        picture = self.dataset[number][0]
        if not isinstance(picture, Image.Image):
            raise ImageError(f"image {number} is a {type(picture).__name__}, not a picture.")
        return self.transform(to_rgb(picture, Path(f"image {number}")))


ImageSet = ImageFiles | TorchvisionImages


def reachable(path: Path) -> Path:
    """The path of a file that is there and may be read.

    Raises:
        ImageError: it is a link to nothing, or may not be read.
    """
    if is_dangling(path):
        raise ImageError(f"it is a link to {os.readlink(path)}, where no file is")
    if path.exists() and not os.access(path, os.R_OK):
        raise ImageError("there is no permission to read it")
    return path


def find_images(images: str, transform: Transform, outputs: Sequence[Path] = ()) -> ImageSet:
    """The images that the user means.

    Args:
        images: a folder, looked through with all its folders (so an ImageFolder is one too), or
            ``torchvision/NAME`` or ``torchvision/NAME:ROOT`` for a dataset of torchvision.
        transform: makes a network's input of an RGB image.
        outputs: files and folders that the command writes: they hold no images of the user's.

    Raises:
        ImageError: there are no images, or the dataset cannot be opened.
        UnknownNameError: torchvision has no such dataset.
    """
    if images.startswith(PREFIX) and not Path(images).exists():
        return _torchvision(images.removeprefix(PREFIX), transform)
    root = Path(images)
    if not root.is_dir():
        raise ImageError(
            f"{images} is no folder; give a folder of images, or {PREFIX}NAME:ROOT for a dataset."
        )
    files = image_files(root, outputs)
    if not files:
        raise ImageError(f"{images} holds no image files: none ends like .jpg, .png or .tif.")
    names = sorted(file.relative_to(root).as_posix() for file in files)
    return ImageFiles(root, names, transform, _version(root, names))


def is_dangling(path: Path) -> bool:
    """Whether a path is a link to nothing."""
    return path.is_symlink() and not path.exists()


def image_files(root: Path, outputs: Sequence[Path] = ()) -> list[Path]:
    """The image files in a folder and its folders, but for what our commands have written."""
    endings = {*Image.registered_extensions(), *ARRAYS}
    own = {os.path.realpath(path) for path in outputs}
    found = []
    for folder, inner, names in os.walk(root, followlinks=True):
        here = Path(folder)
        inner[:] = [name for name in inner if not is_left_out(here, name, own)]
        files = [here / name for name in names if not name.startswith(".")]
        found += [
            file for file in files
            if file.suffix.lower() in endings
            and os.path.realpath(file) not in own and not is_output(file)
        ]  # fmt: skip
    return found


def is_left_out(folder: Path, name: str, outputs: Collection[str]) -> bool:
    """Whether a folder in a folder is a command's output, or a link to one that it is in."""
    inner = os.path.realpath(folder / name)
    around = os.path.realpath(folder)
    is_loop = around == inner or around.startswith(os.path.join(inner, ""))
    is_pages = name in GALLERY_FOLDERS and is_gallery(folder)
    return is_loop or is_pages or inner in outputs or is_gallery(folder / name)


def is_gallery(folder: Path) -> bool:
    """Whether a gallery has been made, or begun, in a folder."""
    return (folder / "top.safetensors").exists() or (folder / ".tiles").exists()


def _version(root: Path, names: Sequence[str]) -> str:
    """A digest of the files' names, sizes and times."""
    digest = hashlib.blake2b(digest_size=16)
    for name in names:
        facts = (root / name).lstat() if is_dangling(root / name) else (root / name).stat()
        digest.update(os.fsencode(name))
        digest.update(f"\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _torchvision(name: str, transform: Transform) -> TorchvisionImages:
    """A dataset of torchvision; nothing is downloaded."""
    from torchvision import datasets

    short, _, root = name.partition(":")
    if short not in datasets.__all__:
        raise unknown_name("torchvision dataset", short, datasets.__all__)
    kind = getattr(datasets, short)
    given = {"root": root} if "root" in inspect.signature(kind).parameters else {}
    try:
        return TorchvisionImages(kind(**given), transform, name)
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ImageError(f"torchvision's {short} at {root or '(no :ROOT)'}: {reason}") from error
