"""What a teacher says of some pictures: its last maps and logits, kept for several passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet_zfnet.data.batches import generator_for
from captum_deconvnet_zfnet.data.image_folder import opened
from captum_deconvnet_zfnet.distillation.blends import blended
from captum_deconvnet_zfnet.distillation.folder import (
    central_box,
    cut,
    random_boxes,
    recoloured,
)
from captum_deconvnet_zfnet.distillation.last_maps import LastMaps

BATCH = 32
"""Pictures that the teacher looks at together."""

HELD_OUT_CROPS = 3
HELD_OUT_AREA = 0.25
"""Of each held-out picture: the middle, and so many random parts of at least that area."""


@dataclass(frozen=True)
class Lessons:
    """Pictures, and what the teacher makes of them.

    Args:
        pictures: (N, 3, S, S), unsigned 8-bit.
        maps: the teacher's last ones, (N, M, h, w), in half precision.
        logits: the teacher's, (N, K), in half precision.
    """

    pictures: Tensor
    maps: Tensor
    logits: Tensor

    def __len__(self) -> int:
        """How many pictures."""
        return len(self.pictures)

    def some(self, numbers: list[int]) -> Lessons:
        """Those of the given numbers."""
        return Lessons(self.pictures[numbers], self.maps[numbers], self.logits[numbers])

    def to(self, device: torch.device) -> Lessons:
        """The same on a device."""
        return Lessons(*(each.to(device) for each in (self.pictures, self.maps, self.logits)))

    def mirrored(self, which: Tensor) -> Lessons:
        """The same with pictures and maps mirrored where ``which``, (N,), is true.

        The teacher was taught with mirrored pictures too, so it is taken to say the same of them.
        """
        turned = which[:, None, None, None]
        return Lessons(
            torch.where(turned, self.pictures.flip(-1), self.pictures),
            torch.where(turned, self.maps.flip(-1), self.maps),
            self.logits,
        )


@torch.no_grad()
def taught(
    teacher: LastMaps,
    normalise: Callable[[Tensor], Tensor],
    pictures: Tensor,
    *,
    mixed: bool,
    device: torch.device,
    show_progress: bool = False,
) -> Lessons:
    """Ask the teacher about pictures (N, 3, S, S), unsigned 8-bit.

    Args:
        teacher: in eval mode.
        normalise: makes its inputs of colours in [0, 1].
        pictures: to look at.
        mixed: whether to compute in 16 bits where that is safe.
        device: that the teacher is on.
        show_progress: whether to show a bar.
    """
    maps, logits = [], []
    batches = torch.split(pictures, BATCH)
    for batch in tqdm(batches, "teaching", leave=False, disable=None if show_progress else True):
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            seen, said = teacher(normalise(colours(batch.to(device))))
        maps.append(seen.half().cpu())
        logits.append(said.half().cpu())
    return Lessons(pictures, torch.cat(maps), torch.cat(logits))


def colours(pictures: Tensor) -> Tensor:
    """Unsigned 8-bit pictures (N, 3, S, S) as colours in [0, 1], channels last in memory."""
    return (pictures.float() / 255).contiguous(memory_format=torch.channels_last)


def training_crops(
    folder: Path, files: list[str], each: int, size: int, smallest_area: float, *place: int
) -> Tensor:
    """Random parts of every picture, recoloured and blended: (N, 3, size, size), unsigned 8-bit.

    Args:
        folder: of the pictures.
        files: their paths in it.
        each: parts of a picture.
        size: side of a crop, in pixels.
        smallest_area: of a part, as a share of its picture's.
        place: seed and round; they alone decide the crops.
    """
    crops = []
    for number, file in enumerate(files):
        chance = generator_for(*place, number)
        picture = opened(folder / file)
        parts = cut(picture, random_boxes(picture, each, smallest_area, chance), size)
        crops.append(recoloured(parts, chance))
    return blended(torch.cat(crops), generator_for(*place, len(files)))


def held_out_crops(folder: Path, files: list[str], size: int, seed: int) -> Tensor:
    """The middle and three random parts of every held-out picture, the same at every call."""
    crops = []
    for number, file in enumerate(files):
        picture = opened(folder / file)
        chance = generator_for(seed, number)
        boxes = random_boxes(picture, HELD_OUT_CROPS, HELD_OUT_AREA, chance)
        crops.append(cut(picture, [central_box(picture), *boxes], size))
    return torch.cat(crops)
