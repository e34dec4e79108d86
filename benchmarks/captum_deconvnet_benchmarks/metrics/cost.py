"""M14, what an explanation costs: seconds, passes, arithmetic, memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from captum_deconvnet.errors import ModelError
from captum_deconvnet_benchmarks import memory
from captum_deconvnet_benchmarks.metrics.explanations import Model, net_of, seeds_or_numbers
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Scores


@dataclass(frozen=True)
class Passes:
    """What one call of an explainer ran, whatever the machine.

    Args:
        forward: images that went through the model, versions of them included.
        backward: outputs whose gradient was taken.
        arithmetic: multiplications and additions of convolutions and matrix products.
    """

    forward: int
    backward: int
    arithmetic: int


class CostBenchmark:
    """Seconds, passes and memory of explanations; values are measured, so they go to the costs.

    Args:
        model: the model.
        calls: how many are timed.
        warm_up: how many are made before.

    Raises:
        ModelError: for fewer than one timed call.
    """

    def __init__(self, model: Model, *, calls: int = 20, warm_up: int = 3) -> None:
        """Measure explanations of ``model``."""
        if calls < 1:
            raise ModelError(f"{calls} timed calls were asked for; give 1 or more.")
        self.model, self.calls, self.warm_up = net_of(model), calls, warm_up

    def evaluate(
        self,
        explainer: BoundExplainer,
        inputs: Tensor,
        target: Tensor,
        *,
        attributions: Tensor | None = None,
        seeds: Sequence[int] | None = None,
        regions: Tensor | None = None,
    ) -> Scores:
        """Costs an image, the same for every image of the batch.

        ``seconds`` is the median, ``seconds_spread`` the distance of the quartiles;
        ``forward_passes``, ``backward_passes``, and ``arithmetic`` as multiples of one forward
        pass; ``peak_bytes`` above what was held before.
        """
        seeds, count = seeds_or_numbers(seeds, len(inputs)), len(inputs)

        def call() -> Tensor:
            return explainer(inputs, target, seeds)

        for _ in range(self.warm_up):
            call()
        times = torch.tensor([_timed(call, inputs.device) for _ in range(self.calls)]).double()
        low, middle, high = times.quantile(times.new_tensor([0.25, 0.5, 0.75]))
        passes = passes_of(self.model, call)
        once = passes_of(self.model, lambda: self.model(inputs)).arithmetic
        peak = peak_bytes(call, inputs.device)
        found = {
            "seconds": float(middle) / count,
            "seconds_spread": float(high - low) / count,
            "forward_passes": passes.forward / count,
            "backward_passes": passes.backward / count,
            "arithmetic": passes.arithmetic / once if once else float("nan"),
            "peak_bytes": peak / count,
        }
        whole = torch.ones(count, dtype=torch.float64)
        return Scores({name: value * whole for name, value in found.items()})


def passes_of(model: nn.Module, call: Callable[[], object]) -> Passes:
    """Count the passes through ``model`` while ``call`` runs."""
    rows: list[int] = []
    hook = model.register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))
    try:
        with _Gradients() as gradients, _Arithmetic() as arithmetic:
            call()
    finally:
        hook.remove()
    return Passes(sum(rows), gradients.outputs, arithmetic.operations)


class _Gradients(TorchFunctionMode):
    """Counts the outputs that autograd is asked to differentiate."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs = 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (torch.autograd.grad, Tensor.backward):
            outputs = args[0] if args else (kwargs or {})["outputs"]
            roots = [outputs] if isinstance(outputs, Tensor) else list(outputs)
            self.outputs += sum(len(root) if root.dim() else 1 for root in roots)
        return func(*args, **(kwargs or {}))


class _Arithmetic(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what torch's own table of costs says of every operation."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        if (cost := flop_registry.get(func.overloadpacket)) is not None:
            self.operations += int(cost(*args, **(kwargs or {}), out_val=found))
        return found


def _timed(call: Callable[[], object], device: torch.device) -> float:
    _synchronise(device)
    start = time.perf_counter()
    call()
    _synchronise(device)
    return time.perf_counter() - start


def peak_bytes(call: Callable[[], object], device: torch.device) -> int:
    """How far memory rises above what is held, while ``call`` runs; on the CPU, Linux only."""
    if device.type != "cuda":
        return memory.peak_bytes(call)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    call()
    return torch.cuda.max_memory_allocated(device) - before


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
