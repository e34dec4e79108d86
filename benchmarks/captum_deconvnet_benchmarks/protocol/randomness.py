"""Random draws that belong to what they are drawn for, not to when."""

from __future__ import annotations

import hashlib

import torch


def seed_of(*identity: str | int) -> int:
    """A seed that these words and numbers alone decide, below 2**63."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in identity)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator_of(*identity: str | int) -> torch.Generator:
    """A CPU generator seeded by ``seed_of``; move what it draws to the device.

    Drawing on the CPU gives the same numbers whatever the device, the batch and the process.
    """
    return torch.Generator().manual_seed(seed_of(*identity))
