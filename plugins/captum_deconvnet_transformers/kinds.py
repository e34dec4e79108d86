"""The kinds of nets of transformers that are offered, as ``model_type`` names them."""

from __future__ import annotations

CLASSIFIERS = (
    "bit", "convnext", "convnextv2", "efficientnet", "focalnet", "hgnet_v2", "levit",
    "mobilenet_v1", "mobilenet_v2", "mobilevit", "mobilevitv2", "poolformer", "pvt_v2", "regnet",
    "resnet", "swiftformer", "textnet",
)  # fmt: skip
"""The kinds of nets, as ``model_type`` names them, that are convolutional."""

BACKBONES = (
    "bit", "convnext", "convnextv2", "focalnet", "hgnet_v2", "pvt_v2", "resnet", "textnet",
)  # fmt: skip
"""Those with a backbone too, whose last map is the output: ``resnet-backbone``."""

SUFFIX = "-backbone"
