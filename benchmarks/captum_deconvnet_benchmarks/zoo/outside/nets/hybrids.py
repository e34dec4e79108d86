"""Conv nets and hybrids of libraries of transformers, from their configurations."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from captum_deconvnet_benchmarks.zoo.outside.libraries import Net

NARROW = {"hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 2, 1]}

TRANSFORMERS: dict[str, tuple[str, str, dict[str, Any]]] = {
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

TRANSFORMERS_MAPS = {"Backbone": "feature_maps", "Model": "last_hidden_state"}
"""What is explained of nets without classes."""

SHAPE = (3, 64, 64)


def build_transformer(family: str, head: str, options: dict[str, Any]) -> nn.Module:
    """A net from its configuration."""
    import transformers

    config = getattr(transformers, f"{family}Config")(**options)
    kind = head if head in TRANSFORMERS_MAPS else f"For{head}"
    made: nn.Module = getattr(transformers, f"{family}{kind}")(config)
    return made


def head_output(head: str, output: Any) -> Any:
    """The logits or the map of a net's output."""
    return output[TRANSFORMERS_MAPS.get(head, "logits")]


def transformers() -> dict[str, Net]:
    """Its conv nets, and hybrids with many convolutions, from their configurations."""
    return {
        name: Net(partial(build_transformer, *row), SHAPE, partial(head_output, row[1]))
        for name, row in TRANSFORMERS.items()
    }


VIT_PYTORCH: dict[str, tuple[str, dict[str, Any]]] = {
    "cct": (
        "cct.CCT",
        {
            "img_size": 64,
            "embedding_dim": 32,
            "n_conv_layers": 2,
            "num_layers": 2,
            "num_heads": 2,
            "num_classes": 10,
        },
    ),
    "cvt": (
        "cvt.CvT",
        {"num_classes": 10, "s1_emb_dim": 16, "s2_emb_dim": 32, "s3_emb_dim": 48, "s3_depth": 2},
    ),
    "levit": (
        "levit.LeViT",
        {
            "image_size": 64,
            "num_classes": 10,
            "dim": 32,
            "depth": 2,
            "heads": 2,
            "mlp_mult": 2,
            "stages": 2,
        },
    ),
    "max_vit": (
        "max_vit.MaxViT",
        {"num_classes": 10, "dim": 16, "depth": (1, 1), "window_size": 4, "dim_head": 8},
    ),
    "mobile_vit": (
        "mobile_vit.MobileViT",
        {
            "image_size": (64, 64),
            "dims": [32, 40, 48],
            "channels": [8, 8, 16, 16, 24, 24, 32, 32, 40, 40, 48],
            "num_classes": 10,
        },
    ),
    "nest": (
        "nest.NesT",
        {
            "image_size": 64,
            "patch_size": 4,
            "dim": 24,
            "heads": 2,
            "num_hierarchies": 3,
            "block_repeats": (1, 1, 1),
            "num_classes": 10,
        },
    ),
    "pit": (
        "pit.PiT",
        {
            "image_size": 64,
            "patch_size": 8,
            "dim": 32,
            "num_classes": 10,
            "depth": (1, 1),
            "heads": 2,
            "mlp_dim": 32,
        },
    ),
    "regionvit": (
        "regionvit.RegionViT",
        {"dim": (16, 24, 32, 40), "depth": (1, 1, 1, 1), "window_size": 2, "num_classes": 10},
    ),
    "scalable_vit": (
        "scalable_vit.ScalableViT",
        {
            "num_classes": 10,
            "dim": 16,
            "heads": (2, 2, 2),
            "depth": (1, 1, 1),
            "ssa_dim_key": (8, 8, 8),
            "reduction_factor": (2, 2, 1),
            "window_size": (4, None, None),
        },
    ),
    "twins_svt": (
        "twins_svt.TwinsSVT",
        {
            "num_classes": 10,
            "s1_emb_dim": 16,
            "s2_emb_dim": 24,
            "s3_emb_dim": 32,
            "s4_emb_dim": 40,
            "s1_local_patch_size": 4,
            "s2_local_patch_size": 4,
            "s3_local_patch_size": 2,
            "s4_local_patch_size": 2,
            "s1_global_k": 4,
            "s2_global_k": 2,
            "s3_global_k": 2,
            "s4_global_k": 1,
            "s3_depth": 1,
        },
    ),
    "xcit": (
        "xcit.XCiT",
        {
            "image_size": 64,
            "patch_size": 8,
            "num_classes": 10,
            "dim": 32,
            "depth": 2,
            "cls_depth": 1,
            "heads": 2,
            "mlp_dim": 32,
        },
    ),
}
"""By name: the class and its arguments."""


def build_vit_pytorch(made: str, options: dict[str, Any]) -> nn.Module:
    """A net from its class."""
    import importlib

    module, _, name = made.partition(".")
    net: nn.Module = getattr(importlib.import_module(f"vit_pytorch.{module}"), name)(**options)
    return net


def vit_pytorch() -> dict[str, Net]:
    """Its hybrids with convolutions."""
    return {name: Net(partial(build_vit_pytorch, *row)) for name, row in VIT_PYTORCH.items()}
