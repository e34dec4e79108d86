"""What lets a number be made again: seeds of random draws, and where a result comes from."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib.metadata import version

import torch


def seed_of(*identity: str | int) -> int:
    """A seed that these words and numbers alone decide, below 2**63."""
    text = "\x1f".join(f"{type(word).__name__}:{word}" for word in identity)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator_of(*identity: str | int) -> torch.Generator:
    """A CPU generator seeded by ``seed_of``; move what it draws to the device.

    Drawing on the CPU gives the same numbers whatever the device, the batch and the process.
    """
    return torch.Generator().manual_seed(seed_of(*identity))


def provenance(seed: int) -> dict[str, str | int]:
    """The facts that go with every result."""
    packages = ("captum-deconvnet", "captum", "torch", "torchvision")
    return {
        "commit": _commit(),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "seed": seed,
        **{name: version(name) for name in packages},
    }


def _commit() -> str:
    """The commit of the working tree this runs in; ``unknown`` outside one."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
