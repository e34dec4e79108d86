"""vit_pytorch: its hybrids with convolutions."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from captum_deconvnet_benchmarks.zoo.outside.net import Net

TABLE: dict[str, tuple[str, dict[str, Any]]] = {
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


def build(made: str, options: dict[str, Any]) -> nn.Module:
    """A net from its class."""
    import importlib

    module, _, name = made.partition(".")
    net: nn.Module = getattr(importlib.import_module(f"vit_pytorch.{module}"), name)(**options)
    return net


def nets() -> dict[str, Net]:
    """The nets by name."""
    return {name: Net(partial(build, *row)) for name, row in TABLE.items()}
