"""Classifiers and segmenters of volumes."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.libraries import Net, each

TIMM_3D = """
    resnet18 resnet26d vgg11 vgg11_bn densenet121 efficientnet_b0 mobilenetv2_035 seresnet18
    convnext_atto
    """


def timm_3d() -> dict[str, Net]:
    """Timm's nets for volumes."""
    import timm_3d

    return each(
        TIMM_3D,
        lambda name: Net(
            partial(timm_3d.create_model, name, pretrained=False, num_classes=5), (3, 32, 32, 32)
        ),
    )


SEGMENTERS_3D = "Unet UnetPlusPlus Linknet FPN PSPNet MAnet DeepLabV3Plus"


def segmentation_models_pytorch_3d() -> dict[str, Net]:
    """Segmenters for volumes."""
    import segmentation_models_pytorch_3d as library

    return each(
        SEGMENTERS_3D,
        lambda name: Net(
            partial(getattr(library, name), "resnet18", encoder_weights=None), (3, 32, 32, 32)
        ),
    )
