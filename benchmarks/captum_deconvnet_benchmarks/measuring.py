"""How time and memory are measured: of one call, of calls in turns, in a process of its own."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

SEED = 0
"""Of random weights and random images."""

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")

Clock = Callable[[], float]


def seconds(call: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    """How long a call takes, by the wall clock unless another is given."""
    start = clock()
    call()
    return clock() - start


def seconds_in_turns(
    calls: Mapping[str, Callable[[], object]], turn: int, clock: Clock = time.perf_counter
) -> dict[str, float]:
    """The seconds of each call; which of them goes first changes from turn to turn."""
    order = sorted(calls, reverse=bool(turn % 2))
    return {name: seconds(calls[name], clock) for name in order}


def peak_bytes(call: Callable[[], object]) -> int:
    """How far the process's memory rises above what it held before, while ``call`` runs.

    Linux only: the kernel's own high-water mark is reset and read, nothing is sampled.

    Raises:
        RuntimeError: the system does not say.
    """
    gc.collect()
    before = memory_now(torch.device("cpu"))
    call()
    rise = memory_rise(before, torch.device("cpu"))
    if rise is None:
        raise RuntimeError("The peak of memory is known on Linux only.")
    return rise


def memory_now(device: torch.device) -> int | None:
    """Bytes in use, with the high-water mark brought down to them; None where nobody says."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    try:
        CLEAR.write_text("5")
        return _status("VmRSS")
    except OSError:  # no Linux
        return None


def memory_rise(before: int | None, device: torch.device) -> int | None:
    """How far memory rose above what ``memory_now`` gave."""
    if before is None:
        return None
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) - before
    return max(_status("VmHWM") - before, 0)


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


def peak_in_new_process(module: str, *arguments: object, runs: int = 1) -> int:
    """What ``python -m MODULE --peak ARGUMENTS`` prints last: bytes, the median of some runs.

    How much freed memory an allocator keeps is luck; a median of several runs is steadier.
    """
    command = [sys.executable, "-m", module, "--peak", *map(str, arguments)]
    answers = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for _ in range(runs)
    ]
    return int(statistics.median(int(answer.split()[-1]) for answer in answers))


def random_network(name: str) -> nn.Module:
    """A net of torchvision with random weights, in eval mode."""
    torch.manual_seed(SEED)
    settings = {"init_weights": True} if name == "inception_v3" else {}
    model: nn.Module = torchvision.models.get_model(name, weights=None, **settings)
    return model.eval()


def random_images(count: int, side: int = 224) -> Tensor:
    """Images (N, 3, side, side) of noise, the same at every call."""
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(SEED))


def _status(name: str) -> int:
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))
