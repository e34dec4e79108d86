"""The layers of torchvision's nets.

Most have the layers that ``find_stages`` finds, AlexNet's five of the paper among them. Where a net
goes on after what one picture passes through, a table says which of its modules count, and how
published weights name them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import Tensor, nn

from captum_deconvnet.registry import find_stages
from captum_deconvnet.registry.loaded_model import StageFinder, StateDict
from captum_deconvnet_torchvision.builders import TRAINING_HEADS

RESNET = ("maxpool", "layer1", "layer2", "layer3", "layer4")
MOBILENET_V3_LARGE = ("1", "3", "6", "12", "16")
"""Indices into ``features``, which detectors and segmenters hold as their backbone."""

SQUEEZENET = {
    "squeezenet1_0": ("features.2", "features.6", "features.11", "features.12"),
    "squeezenet1_1": ("features.2", "features.5", "features.8", "features.12"),
}
"""Without the classifier, a convolution whose maps are the classes."""

TOKENS = {"mvit_v1_b": ("conv_proj",), "mvit_v2_s": ("conv_proj",)}
"""All that follows the patch embedding are tokens; the maps inside attention are not layers."""

PREFIX_OF_FAMILY = {"segmentation": "backbone.", "detection": "body."}


def stage_table(name: str, family: str) -> tuple[str, ...] | StageFinder:
    """The layers of a net if they are in a table, else how to find them.

    Segmenters and detectors have the layers of the classifier they are built on, without their
    heads. The two SSDs are nets of their own, and have what is found.
    """
    if name in SQUEEZENET or name in TOKENS:
        return (SQUEEZENET | TOKENS)[name]
    if family not in PREFIX_OF_FAMILY or name.startswith("ssd"):
        return find_stages
    layers = MOBILENET_V3_LARGE if "mobilenet_v3_large" in name else RESNET
    return tuple(PREFIX_OF_FAMILY[family] + layer for layer in layers)


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
