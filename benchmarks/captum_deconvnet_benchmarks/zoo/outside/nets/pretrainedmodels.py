"""pretrainedmodels: nets of 2017, as they were written then."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net, each

SMALL = "resnet18 squeezenet1_0 squeezenet1_1 xception"
WIDE = "alexnet bninception dpn68 fbresnet152 nasnetamobile se_resnet50 vgg11"
"""They are built for 224 pixels."""


def nets() -> dict[str, Net]:
    """The nets by name."""
    import pretrainedmodels

    def net(name: str, side: int) -> Net:
        build = partial(getattr(pretrainedmodels, name), num_classes=1000, pretrained=None)
        return Net(build, (3, side, side))

    return {**each(SMALL, lambda name: net(name, 96)), **each(WIDE, lambda name: net(name, 224))}
