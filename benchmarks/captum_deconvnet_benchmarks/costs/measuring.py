"""How scripts measure time and memory."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn


def peak_bytes(call: Callable[[], object]) -> int:
    """How far the process's memory rises above what it held before, while ``call`` runs.

    Linux only: the kernel's own high-water mark is reset and read, nothing is sampled.
    """
    gc.collect()
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    call()
    return _status("VmHWM") - before


def saved_bytes(model: nn.Module, images: Tensor) -> int:
    """The bytes autograd saves for the backward pass of ``model``, its own tensors not counted."""
    own = {tensor.data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if tensor.data_ptr() not in own:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = model(images.clone().requires_grad_())
    del output
    return sum(saved.values())


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith(name + ":"))
    return int(kilobytes) * 1024
