"""timm_3d: timm's nets for volumes."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net, each

NAMES = """
    resnet18 resnet26d vgg11 vgg11_bn densenet121 efficientnet_b0 mobilenetv2_035 seresnet18
    convnext_atto
    """


def nets() -> dict[str, Net]:
    """The nets by name."""
    import timm_3d

    return each(
        NAMES,
        lambda name: Net(
            partial(timm_3d.create_model, name, pretrained=False, num_classes=5), (3, 32, 32, 32)
        ),
    )
