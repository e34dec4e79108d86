"""segmentation_models_pytorch_3d: segmenters for volumes."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net, each

NAMES = "Unet UnetPlusPlus Linknet FPN PSPNet MAnet DeepLabV3Plus"


def nets() -> dict[str, Net]:
    """The nets by name."""
    import segmentation_models_pytorch_3d as library

    return each(
        NAMES,
        lambda name: Net(
            partial(getattr(library, name), "resnet18", encoder_weights=None), (3, 32, 32, 32)
        ),
    )
