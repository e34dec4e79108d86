"""The libraries whose nets are swept beside torchvision's and timm's, and what was left out.

A net is known by how to build it and what to show it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from torch import nn

SMALL = (3, 64, 64)


@dataclass(frozen=True)
class Net:
    """One architecture.

    Args:
        build: makes it with random weights; downloads nothing.
        shape: of one input, without the batch.
        output: takes from what the net returns what is explained; the last tensor of it is.
    """

    build: Callable[[], nn.Module]
    shape: tuple[int, ...] = SMALL
    output: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Library:
    """One library on the package index.

    Args:
        name: what it is imported as, and its nets' names start with.
        distribution: what it is installed as.
        kind: the module of ``nets/`` whose function of the library's name lists its nets.
    """

    name: str
    distribution: str
    kind: str

    @property
    def is_installed(self) -> bool:
        """Whether it can be imported."""
        return find_spec(self.name) is not None

    def nets(self) -> Mapping[str, Net]:
        """Its nets by full name; imports the library."""
        listed = getattr(importlib.import_module(f"{__package__}.nets.{self.kind}"), self.name)()
        return {f"{self.name}/{short}": net for short, net in listed.items()}


def first(output: Any) -> Any:
    """The first of several outputs."""
    return output[0]


def each(names: str | Iterable[str], make: Callable[[str], Net]) -> dict[str, Net]:
    """A net for every name; a text holds several."""
    return {name: make(name) for name in (names.split() if isinstance(names, str) else names)}


TABLE = """
    pytorchcv                      pytorchcv                       classifiers
    segmentation_models_pytorch    segmentation-models-pytorch     dense
    transformers                   transformers                    hybrids
    monai                          monai                           medical
    torchxrayvision                torchxrayvision                 medical
    ultralytics                    ultralytics                     dense
    braindecode                    braindecode                     volumes_and_signals
    open_clip                      open-clip-torch                 classifiers
    pretrainedmodels               pretrainedmodels                classifiers
    geffnet                        geffnet                         classifiers
    super_image                    super-image                     dense
    kornia                         kornia                          dense
    vit_pytorch                    vit-pytorch                     hybrids
    timm_3d                        timm-3d                         volumes_and_signals
    segmentation_models_pytorch_3d segmentation-models-pytorch-3d  volumes_and_signals
    facenet_pytorch                facenet-pytorch                 dense
    efficientnet_pytorch           efficientnet-pytorch            classifiers
    resnest                        resnest                         classifiers
    torchaudio                     torchaudio                      volumes_and_signals
    lightly                        lightly                         classifiers
    """
"""What a library is imported as, what it is installed as, and the kind of its nets."""

LIBRARIES = tuple(Library(*line.split()) for line in TABLE.strip().splitlines())


LEFT_OUT = {
    "braindecode/DeepSleepNet": "its output is NaN with random weights; refused as not finite",
    "braindecode/SyncNet": "none of its modules is a convolution; it has no layers",
    "kornia/xfeat": "it runs under torch.no_grad by itself: there is no gradient to compare with",
    "monai/autoencoderkl, vqvae, varautoencoder": "whole, they draw random numbers or change a "
    "buffer's type; the first one's encoder is measured",
    "monai/hovernet, daf3d; super_image/han; transformers/upernet": "more than four minutes each",
    "super_image/rnan": "its forward method returns nothing",
    "ultralytics/rtdetr-resnet50": "its largest output is the number of a class: the projection "
    "of what does not depend on the picture is zero. Reference: no top k, no sampling grid",
    "ultralytics/yolo26n-depth": "an exponential and a clamp below zero, for which the reference "
    "has no rule",
    "ultralytics/yolo11-cls-resnet18": "it downloads weights when it is built",
}
"""By name, several with commas."""
