"""Two pictures in one: the teacher says of a blend what it says, so that few pictures become many.

With a few hundred photographs a pupil learns the photographs. Blends keep it from that: what is to
be learned then is what the teacher makes of anything between the pictures (Beyer et al. 2022;
Asano & Saeed 2023, who distil a thousand classes from one picture).
"""

from __future__ import annotations

import torch
from torch import Tensor

KINDS = 3
"""As they are, one showing through another (Zhang et al. 2018), one with a piece of another in it
(Yun et al. 2019): a third of the pictures each."""


def blended(pictures: Tensor, chance: torch.Generator) -> Tensor:
    """Pictures (N, 3, S, S), unsigned 8-bit, two thirds of them blended with another one."""
    count = len(pictures)
    others = pictures[torch.randperm(count, generator=chance)]
    kind = torch.randint(KINDS, (count, 1, 1, 1), generator=chance)
    share = torch.rand(count, 1, 1, 1, generator=chance)
    through = (share * pictures + (1 - share) * others).round().to(torch.uint8)
    pasted = torch.where(windows(share.flatten(), pictures.shape[-1], chance), others, pictures)
    return torch.where(kind == 1, through, torch.where(kind == 2, pasted, pictures))


def windows(shares: Tensor, size: int, chance: torch.Generator) -> Tensor:
    """Somewhere, a square window of each share (N,) of the area: (N, 1, size, size), boolean."""
    sides = (shares.sqrt() * size).round()
    starts = (torch.rand(2, len(shares), generator=chance) * (size - sides)).round()
    places = torch.arange(size)
    inside = (places >= starts[..., None]) & (places < (starts + sides)[..., None])
    return (inside[0][:, :, None] & inside[1][:, None, :])[:, None]
