"""torchvision's builders: how each is called."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn
from torchvision import models
from torchvision.models import WeightsEnum

INCEPTIONS = ("googlenet", "inception_v3")
TRAINING_HEADS = ("aux1", "aux2", "AuxLogits", "aux_classifier")
"""Classifiers in mid-net that only help training; a net is offered without them."""


def build(name: str, weights: WeightsEnum | None, classes: int | None = None) -> nn.Module:
    """Call the builder, for so many classes if not its own, and drop what only training needs."""
    options = random_options(name) if weights is None else {}
    if classes is not None:
        options["num_classes"] = classes
    net: nn.Module = models.get_model(name, weights=weights, **options)
    for head in TRAINING_HEADS:
        if getattr(net, head, None) is not None:
            setattr(net, head, None)
    if hasattr(net, "aux_logits"):
        net.aux_logits = False  # type: ignore[assignment]
    return net


def random_options(name: str) -> dict[str, Any]:
    """What makes a net with random weights the one that the published weights fit."""
    builder = models.get_model_builder(name)
    options: dict[str, Any] = {}
    if "weights_backbone" in inspect.signature(builder).parameters:
        options["weights_backbone"] = None  # by default, weights are downloaded for this part
    if name in INCEPTIONS:
        options["transform_input"] = True
        options["init_weights"] = True  # the default, which warns unless it is said
    if builder.__module__ == "torchvision.models.vision_transformer":
        options["image_size"] = models.get_model_weights(name)["DEFAULT"].meta["min_size"][0]
    return options


def family(name: str) -> str:
    """The package of torchvision.models a builder is in; empty for classification."""
    module: str = models.get_model_builder(name).__module__.removeprefix("torchvision.models.")
    return module.rpartition(".")[0]
