"""Copies of a model whose layers have been given new weights, one stage after the other."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from captum_deconvnet.errors import ModelError, unknown_name
from captum_deconvnet_benchmarks.protocol.reproducibility import seed_of

ORDERS = ("top_down", "bottom_up", "independent")
NORMS = ("kept", "reset")
NORM_CLASSES = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)


@dataclass(frozen=True)
class Randomisation:
    """How a model is randomised.

    Args:
        order: ``"top_down"`` and ``"bottom_up"`` are cascades, which keep what was randomised
            before; ``"independent"`` gives new weights to one group of layers at a time.
        stages: into how many groups the layers are cut, as even as can be; ``None`` for one each.
        norms: whether the parameters and running statistics of norms are ``"kept"`` or ``"reset"``
            to what they are at the start of training. A deep net whose statistics are reset without
            its activations being measured again may give numbers that are not finite.
        seed: of the new weights, which are the same for all images.

    Raises:
        UnknownNameError: for an unknown order or treatment of norms.
        ModelError: for fewer than one stage.
    """

    order: str = "top_down"
    stages: int | None = 5
    norms: str = "kept"
    seed: int = 42

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.order not in ORDERS:
            raise unknown_name("order", self.order, ORDERS)
        if self.norms not in NORMS:
            raise unknown_name("treatment of norms", self.norms, NORMS)
        if self.stages is not None and self.stages < 1:
            raise ModelError(f"{self.stages} stages were asked for; give 1 or more.")

    def models(self, model: nn.Module, example: Tensor) -> Iterator[tuple[float, nn.Module]]:
        """The share of layers that have been randomised, and the model, for each stage.

        The model is a copy, and one and the same object for all stages of a cascade.

        Args:
            model: not changed.
            example: an input (1, C, H, W), run once to learn the order of the layers.

        Raises:
            ModelError: if no layer has weights.
        """
        paths = self._paths(model, example)
        changed = copy.deepcopy(model)
        done = 0
        for group in groups(paths, self.stages):
            if self.order == "independent":
                changed.load_state_dict(model.state_dict())
            for path in group:
                randomise(changed.get_submodule(path), self.layer_seed(path))
            done += len(group)
            yield done / len(paths), changed

    def layer_seed(self, path: str) -> int:
        """The seed of one layer's new weights."""
        return seed_of("randomisation", self.seed, path)

    def _paths(self, model: nn.Module, example: Tensor) -> list[str]:
        """The layers with weights in the order in which they are randomised."""
        paths = layers_with_weights(model, example, norms=self.norms == "reset")
        if not paths:
            raise ModelError("No layer of the model has weights that could be randomised.")
        return paths if self.order == "bottom_up" else paths[::-1]


def layers_with_weights(model: nn.Module, example: Tensor, *, norms: bool) -> list[str]:
    """Paths of modules that have parameters of their own, in the order in which they first run."""
    wanted = {
        module: path
        for path, module in model.named_modules()
        if next(module.parameters(recurse=False), None) is not None
        and (norms or not isinstance(module, NORM_CLASSES))
    }
    seen: dict[str, None] = {}
    handles = [
        module.register_forward_pre_hook(lambda module, _: seen.setdefault(wanted[module]))
        for module in wanted
    ]
    try:
        with torch.no_grad():
            model(example)
    finally:
        for handle in handles:
            handle.remove()
    return list(seen)


def groups(paths: Sequence[str], count: int | None) -> list[Sequence[str]]:
    """Paths in at most ``count`` runs of even length.

    Example:
        >>> groups(["a", "b", "c", "d", "e"], 2)
        [['a', 'b'], ['c', 'd', 'e']]
    """
    count = min(count or len(paths), len(paths))
    ends = [len(paths) * number // count for number in range(count + 1)]
    return [paths[first:last] for first, last in pairwise(ends)]


def randomise(module: nn.Module, seed: int) -> None:
    """Give a module the weights it could have had before training.

    They are those of its own ``reset_parameters``, norms' statistics included. A module without
    it is given normal numbers of the mean and the deviation of each of its parameters.
    """
    fresh = copy.deepcopy(module).cpu()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        if callable(reset := getattr(fresh, "reset_parameters", None)):
            reset()
        else:
            for parameter in fresh.parameters(recurse=False):
                parameter.copy_(_alike(parameter))
        for old, new in zip(_own(module), _own(fresh), strict=True):
            old.copy_(new)


def _alike(parameter: Tensor) -> Tensor:
    """Normal numbers with the mean and the deviation of a parameter."""
    deviation = parameter.std(correction=0)
    return parameter.mean() + deviation * torch.randn_like(parameter)


def _own(module: nn.Module) -> list[Tensor]:
    """A module's own parameters and buffers."""
    return [*module.parameters(recurse=False), *module.buffers(recurse=False)]
