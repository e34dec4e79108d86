"""Nets for medical pictures, flat and volumes."""

from __future__ import annotations

from functools import partial
from typing import Any

from captum_deconvnet_benchmarks.zoo.outside.libraries import Net

FLAT, VOLUME = (1, 64, 64), (1, 32, 32, 32)
CHANNELS = {"channels": (8, 16, 32), "strides": (2, 2)}
ONE = {"in_channels": 1, "out_channels": 2}
CLASSES = {"spatial_dims": 2, "n_input_channels": 1, "num_classes": 3}

TABLE: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "attention_unet": ("AttentionUnet", {"spatial_dims": 2, **ONE, **CHANNELS}, FLAT),
    "attention_unet_3d": ("AttentionUnet", {"spatial_dims": 3, **ONE, **CHANNELS}, VOLUME),
    "autoencoder": (
        "AutoEncoder",
        {"spatial_dims": 2, **ONE, "channels": (8, 16), "strides": (2, 2)},
        FLAT,
    ),
    "basic_unet": (
        "BasicUNet",
        {"spatial_dims": 2, **ONE, "features": (8, 8, 16, 16, 32, 8)},
        FLAT,
    ),
    "basic_unet_3d": (
        "BasicUNet",
        {"spatial_dims": 3, **ONE, "features": (8, 8, 16, 16, 32, 8)},
        VOLUME,
    ),
    "basic_unet_plus_plus": (
        "BasicUNetPlusPlus",
        {"spatial_dims": 2, **ONE, "features": (8, 8, 16, 16, 32, 8)},
        FLAT,
    ),
    "classifier": ("Classifier", {"in_shape": FLAT, "classes": 3, **CHANNELS}, FLAT),
    "critic": ("Critic", {"in_shape": FLAT, **CHANNELS}, FLAT),
    "discriminator": ("Discriminator", {"in_shape": FLAT, **CHANNELS}, FLAT),
    "regressor": ("Regressor", {"in_shape": FLAT, "out_shape": (2,), **CHANNELS}, FLAT),
    "densenet121": ("DenseNet121", {"spatial_dims": 2, **ONE}, FLAT),
    "densenet121_3d": ("DenseNet121", {"spatial_dims": 3, **ONE}, VOLUME),
    "dynunet": (
        "DynUNet",
        {
            "spatial_dims": 2,
            **ONE,
            "kernel_size": (3, 3, 3),
            "strides": (1, 2, 2),
            "upsample_kernel_size": (2, 2),
            "filters": (8, 16, 32),
        },
        FLAT,
    ),
    "dynunet_res_3d": (
        "DynUNet",
        {
            "spatial_dims": 3,
            **ONE,
            "kernel_size": (3, 3, 3),
            "strides": (1, 2, 2),
            "upsample_kernel_size": (2, 2),
            "filters": (8, 16, 32),
            "res_block": True,
        },
        VOLUME,
    ),
    "efficientnet_b0": (
        "EfficientNetBN",
        {
            "model_name": "efficientnet-b0",
            "pretrained": False,
            "spatial_dims": 2,
            "in_channels": 1,
            "num_classes": 3,
        },
        FLAT,
    ),
    "efficientnet_b0_3d": (
        "EfficientNetBN",
        {
            "model_name": "efficientnet-b0",
            "pretrained": False,
            "spatial_dims": 3,
            "in_channels": 1,
            "num_classes": 3,
        },
        VOLUME,
    ),
    "flexible_unet": (
        "FlexibleUNet",
        {**ONE, "backbone": "efficientnet-b0", "pretrained": False},
        FLAT,
    ),
    "highresnet": ("HighResNet", {"spatial_dims": 2, **ONE}, FLAT),
    "highresnet_3d": ("HighResNet", {"spatial_dims": 3, **ONE}, (1, 16, 16, 16)),
    "mednext_s": ("MedNeXtS", {"spatial_dims": 2, **ONE}, FLAT),
    "patch_discriminator": (
        "PatchDiscriminator",
        {"spatial_dims": 2, "channels": 8, "in_channels": 1},
        FLAT,
    ),
    "quicknat": ("Quicknat", {"num_classes": 3, "num_channels": 1, "num_filters": 16}, FLAT),
    "regunet": (
        "RegUNet",
        {"spatial_dims": 2, "in_channels": 1, "num_channel_initial": 8, "depth": 2},
        FLAT,
    ),
    "resnet10": ("resnet10", CLASSES, FLAT),
    "resnet18": ("resnet18", CLASSES, FLAT),
    "resnet50_3d": ("resnet50", {**CLASSES, "spatial_dims": 3}, VOLUME),
    "segresnet": ("SegResNet", {"spatial_dims": 2, **ONE, "init_filters": 8}, FLAT),
    "segresnet_3d": ("SegResNet", {"spatial_dims": 3, **ONE, "init_filters": 8}, VOLUME),
    "segresnet_ds": ("SegResNetDS", {"spatial_dims": 2, **ONE, "init_filters": 8}, FLAT),
    "seresnet50": ("SEResNet50", {"spatial_dims": 2, "in_channels": 1, "num_classes": 3}, FLAT),
    "seresnext50_3d": (
        "SEResNext50",
        {"spatial_dims": 3, "in_channels": 1, "num_classes": 3},
        VOLUME,
    ),
    "swin_unetr": ("SwinUNETR", {"spatial_dims": 2, **ONE, "feature_size": 12}, FLAT),
    "unet": ("UNet", {"spatial_dims": 2, **ONE, **CHANNELS}, FLAT),
    "unet_res_3d": ("UNet", {"spatial_dims": 3, **ONE, **CHANNELS, "num_res_units": 2}, VOLUME),
    "unetr": (
        "UNETR",
        {
            "spatial_dims": 2,
            **ONE,
            "img_size": 64,
            "feature_size": 8,
            "hidden_size": 48,
            "mlp_dim": 96,
            "num_heads": 4,
        },
        FLAT,
    ),
    "vnet": ("VNet", {"spatial_dims": 3, **ONE}, VOLUME),
    "vnet_2d": ("VNet", {"spatial_dims": 2, **ONE}, FLAT),
    "voxelmorph_unet": (
        "VoxelMorphUNet",
        {
            "spatial_dims": 2,
            "in_channels": 2,
            "unet_out_channels": 4,
            "channels": (8, 16, 16, 16, 16, 8),
            "final_conv_channels": (8, 4),
        },
        (2, 64, 64),
    ),
}
"""By name: the class, its arguments, the shape of its input."""


def monai() -> dict[str, Net]:
    """Nets for medical pictures, flat and volumes."""
    from monai.networks import nets as library

    plain = {
        name: Net(partial(getattr(library, made), **arguments), shape)
        for name, (made, arguments, shape) in TABLE.items()
    }
    encoder = partial(
        library.AutoencoderKL,
        2,
        1,
        1,
        channels=(8, 8),
        num_res_blocks=(1, 1),
        attention_levels=(False, False),
        latent_channels=2,
        norm_num_groups=4,
    )
    return {
        **plain,
        "autoencoderkl_encoder": Net(lambda: encoder().encoder, FLAT),
    }


def torchxrayvision() -> dict[str, Net]:
    """Nets for chest X-rays."""
    from torchxrayvision import autoencoders, models

    return {
        "densenet121": Net(models.DenseNet, (1, 64, 64)),
        "densenet121_14_classes": Net(partial(models.DenseNet, num_classes=14), (1, 96, 96)),
        "densenet_small": Net(
            partial(models.DenseNet, growth_rate=12, block_config=(2, 2, 2, 2)), (1, 64, 64)
        ),
        "resnet_autoencoder_50": Net(
            autoencoders.ResNetAE50, (1, 224, 224), lambda output: output["out"]
        ),
    }
