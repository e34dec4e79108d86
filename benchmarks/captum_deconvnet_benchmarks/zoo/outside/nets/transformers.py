"""transformers: its conv nets, and hybrids with many convolutions, from their configurations."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from captum_deconvnet_benchmarks.zoo.outside.net import Net

NARROW = {"hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 2, 1]}

TABLE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bit": ("Bit", "ImageClassification", {**NARROW, "embedding_size": 16, "num_groups": 4}),
    "bit_same": (
        "Bit",
        "ImageClassification",
        {**NARROW, "embedding_size": 16, "num_groups": 4, "global_padding": "same"},
    ),
    "convnext": ("ConvNext", "ImageClassification", NARROW),
    "convnext_backbone": ("ConvNext", "Backbone", NARROW),
    "convnextv2": ("ConvNextV2", "ImageClassification", NARROW),
    "dinov3_convnext": ("DINOv3ConvNext", "Model", NARROW),
    "efficientnet": (
        "EfficientNet",
        "ImageClassification",
        {"width_coefficient": 0.5, "hidden_dim": 640},
    ),
    "focalnet": ("FocalNet", "ImageClassification", {"embed_dim": 24, "depths": [1, 1, 2, 1]}),
    "levit": ("Levit", "ImageClassification", {"image_size": 64}),
    "mobilenet_v1": ("MobileNetV1", "ImageClassification", {"depth_multiplier": 0.25}),
    "mobilenet_v2": ("MobileNetV2", "ImageClassification", {"depth_multiplier": 0.35}),
    "mobilenet_v2_segmenter": (
        "MobileNetV2",
        "SemanticSegmentation",
        {"depth_multiplier": 0.35, "num_labels": 5},
    ),
    "mobilevit": ("MobileViT", "ImageClassification", {"image_size": 64}),
    "mobilevitv2": ("MobileViTV2", "ImageClassification", {"image_size": 64}),
    "poolformer": ("PoolFormer", "ImageClassification", {**NARROW}),
    "pvt_v2": ("PvtV2", "ImageClassification", {"image_size": 64}),
    "regnet_x": ("RegNet", "ImageClassification", {"layer_type": "x", "groups_width": 8}),
    "regnet_y": ("RegNet", "ImageClassification", {"groups_width": 8}),
    "resnet_basic": ("ResNet", "ImageClassification", {**NARROW, "layer_type": "basic"}),
    "resnet_bottleneck": ("ResNet", "ImageClassification", NARROW),
    "resnet_backbone": ("ResNet", "Backbone", NARROW),
    "resnet_plain": ("ResNet", "Model", NARROW),
    "segformer": ("Segformer", "ImageClassification", {}),
    "segformer_segmenter": ("Segformer", "SemanticSegmentation", {"num_labels": 5}),
    "swiftformer": ("SwiftFormer", "ImageClassification", {}),
    "hgnet_v2": ("HGNetV2", "ImageClassification", {}),
    "cvt": ("Cvt", "ImageClassification", {}),
    "efficientnet_model": ("EfficientNet", "Model", {"width_coefficient": 0.5, "hidden_dim": 640}),
}
"""By name: the family, the head, what its configuration changes."""

MAPS = {"Backbone": "feature_maps", "Model": "last_hidden_state"}
"""What is explained of nets without classes."""

SHAPE = (3, 64, 64)


def build(family: str, head: str, options: dict[str, Any]) -> nn.Module:
    """A net from its configuration."""
    import transformers

    config = getattr(transformers, f"{family}Config")(**options)
    kind = head if head in MAPS else f"For{head}"
    made: nn.Module = getattr(transformers, f"{family}{kind}")(config)
    return made


def part(head: str, output: Any) -> Any:
    """The logits or the map of a net's output."""
    return output[MAPS.get(head, "logits")]


def nets() -> dict[str, Net]:
    """The nets by name."""
    return {
        name: Net(partial(build, *row), SHAPE, partial(part, row[1])) for name, row in TABLE.items()
    }
