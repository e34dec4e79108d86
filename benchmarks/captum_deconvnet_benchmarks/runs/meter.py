"""What a piece of work costs: seconds, images through the model, memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Meter:
    """Counts what the model does, while one piece of work is done.

    Attributes:
        seconds: that it took.
        forward_passes: images that went through the model itself; copies of it and the parts that
            are recomputed incrementally are not seen.
        backward_passes: images that autograd went back from; projections of this package go back
            over a tape of their own, and are not seen.
        peak_bytes: how far memory rose; ``None`` where the system does not say.
    """

    def __init__(self) -> None:
        """Start at nothing."""
        self.seconds = 0.0
        self.forward_passes = 0
        self.backward_passes = 0
        self.peak_bytes: int | None = None

    def cost(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return dict(vars(self))

    def _forward(self, module: nn.Module, given: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            self.forward_passes += len(output)
            if output.requires_grad:
                output.register_hook(self._backward)  # type: ignore[no-untyped-call]

    def _backward(self, gradient: Tensor) -> None:
        self.backward_passes += len(gradient)


@contextlib.contextmanager
def metered(model: nn.Module, device: torch.device) -> Iterator[Meter]:
    """Around a piece of work; what it cost is in the meter afterwards."""
    meter = Meter()
    hook = model.register_forward_hook(meter._forward)
    before = _start_memory(device)
    start = time.perf_counter()
    try:
        yield meter
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    finally:
        meter.seconds = time.perf_counter() - start
        hook.remove()
    meter.peak_bytes = _memory_since(before, device)


def _start_memory(device: torch.device) -> int | None:
    """Bytes in use now, with the high-water mark brought down to them."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    try:
        CLEAR.write_text("5")
        return _status("VmRSS")
    except OSError:  # no Linux
        return None


def _memory_since(before: int | None, device: torch.device) -> int | None:
    if before is None:
        return None
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) - before
    return max(_status("VmHWM") - before, 0)


def _status(name: str) -> int:
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))
