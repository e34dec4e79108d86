"""The network a command is given: what it makes of an image, and which layers are meant."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from captum_deconvnet.errors import ModelError, unknown_name
from captum_deconvnet.registry import LoadedModel
from captum_deconvnet.registry.transforms import Picture


def to_input(loaded: LoadedModel, image: Picture) -> torch.Tensor:
    """The image as the network takes it: (1, C, H, W)."""
    tensor: torch.Tensor = loaded.transform(image)
    if tensor.dim() != 3:
        shape = tuple(tensor.shape)
        raise ModelError(f"{loaded.name} turns an image into {shape}; (C, H, W) was expected.")
    return tensor.unsqueeze(0).to(loaded.example_input().device)


def to_picture(loaded: LoadedModel, tensor: torch.Tensor) -> torch.Tensor:
    """The input (1, C, H, W) as the picture that the network saw: (H, W, C) in [0, 1]."""
    picture: torch.Tensor = loaded.inverse_transform(tensor[0])
    return picture.detach().clamp(0, 1).permute(1, 2, 0)


def chosen_layers(loaded: LoadedModel, names: str | None) -> Sequence[str]:
    """The layers named in a comma-separated list, or the model's stages without one.

    Raises:
        UnknownNameError: the model has no module of that name.
    """
    if names is None:
        return loaded.stages
    known = [name for name, _ in loaded.model.named_modules() if name]
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    for name in chosen:
        if name not in known:
            raise unknown_name("layer", name, known, f"See: deconvnet layers {loaded.name}")
    return list(dict.fromkeys(chosen)) or loaded.stages
