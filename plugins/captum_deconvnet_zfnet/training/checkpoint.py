"""What a run leaves on disk: one file to go on from, and the weights at some epochs."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from captum_deconvnet.errors import TrainingError
from captum_deconvnet.registry import write_bytes_whole

EVOLUTION = (1, 2, 5, 10, 20, 30, 40, 64)
"""Epochs after which the weights are kept: those of the paper's Fig. 4."""

LAST = "last.pt"


def save_weights(folder: Path, epoch: int, net: nn.Module) -> Path:
    """Keep the weights of one epoch as ``epoch-010.safetensors``."""
    path = folder / f"epoch-{epoch:03d}.safetensors"
    tensors = {key: value.detach().cpu().contiguous() for key, value in net.state_dict().items()}
    write_bytes_whole(path, safetensors.torch.save(tensors))
    return path


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Keep all that a run needs to go on."""
    content = io.BytesIO()
    torch.save(state, content)
    write_bytes_whole(folder / LAST, content.getvalue())


def read_state(folder: Path, plan: dict[str, Any]) -> dict[str, Any] | None:
    """What a run left in the folder; ``None`` if nothing.

    Args:
        folder: of the run.
        plan: the settings asked for now.

    Raises:
        TrainingError: the file is damaged, or its run had other settings.
    """
    path = folder / LAST
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingError(f"{path} is damaged: {error}; remove it to start over.") from error
    before = state["plan"]
    changed = [key for key in plan if plan[key] != before.get(key)]
    if changed:
        settings = ", ".join(f"{key} {before.get(key)!r}, not {plan[key]!r}" for key in changed)
        raise TrainingError(
            f"{folder} holds a run with other settings ({settings}): ask for the same, or give "
            "another folder with --out."
        )
    return state


def write_facts(path: Path, facts: dict[str, Any]) -> None:
    """Write what is known of a run as JSON."""
    write_bytes_whole(path, (json.dumps(facts, indent=2) + "\n").encode())
