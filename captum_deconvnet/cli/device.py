"""The device that a command's model runs on."""

from __future__ import annotations

import torch

from captum_deconvnet.errors import ModelError


def available() -> list[str]:
    """The devices of this machine."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def device_of(name: str) -> torch.device:
    """The device of that name; ``"auto"`` is cuda where there is one, else the processor.

    Raises:
        ModelError: this machine has no such device.
    """
    found = available()
    if name == "auto":
        return torch.device("cuda" if "cuda" in found else "cpu")
    if name not in found:
        raise ModelError(f"--device {name}: this machine has {' and '.join(found)} only.")
    return torch.device(name)
