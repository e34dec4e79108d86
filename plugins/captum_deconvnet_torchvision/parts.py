"""The part of a net that one picture passes through, and its name in published weights."""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import Tensor, nn

from captum_deconvnet.registry.loaded_model import StateDict
from captum_deconvnet_torchvision.builders import TRAINING_HEADS

PART_OF_FAMILY = {"detection": "backbone", "optical_flow": "feature_encoder"}

OLD_DENSENET_KEY = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")
"""Published DenseNets were saved when a module name could still hold a dot."""


@dataclass(frozen=True)
class Part:
    """A net, or one module of it.

    Args:
        name: the module's name in the net; empty for the whole net.
    """

    name: str

    def of(self, net: nn.Module) -> nn.Module:
        """The module itself."""
        return net.get_submodule(self.name)

    def from_file(self, state_dict: StateDict) -> dict[str, Tensor]:
        """The part's own weights out of those published for the whole net."""
        prefix = f"{self.name}."
        if self.name and any(key.startswith(prefix) for key in state_dict):
            state_dict = {
                key.removeprefix(prefix): tensor
                for key, tensor in state_dict.items()
                if key.startswith(prefix)
            }
        return {
            OLD_DENSENET_KEY.sub(r"\1\2", key): tensor
            for key, tensor in state_dict.items()
            if key.partition(".")[0] not in TRAINING_HEADS
        }


def part_of(family: str) -> Part:
    """The part that is offered of the nets of a family."""
    return Part(PART_OF_FAMILY.get(family, ""))
