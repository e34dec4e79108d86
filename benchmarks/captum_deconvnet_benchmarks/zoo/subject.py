"""A model made ready to be measured, and the units that are projected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

import captum_deconvnet as cdn
from captum_deconvnet_benchmarks.zoo.one_output import NET, OneOutput
from captum_deconvnet_benchmarks.zoo.picture_size import built, smallest_picture
from captum_deconvnet_benchmarks.zoo.weights import calibrate, enliven

LOGIT = ""
"""The path of the wrapped model itself: the layer that stands for its output."""


@dataclass(frozen=True)
class Subject:
    """One model with one picture.

    Args:
        model: the net, wrapped, in eval mode and without parameters that ask for gradients.
        image: (1, 3, H, W) or (1, 3, T, H, W), random.
        layers: the paths of the stages, and ``LOGIT``.
        outputs: all tensors that the plain net returns, and after them the stages' outputs.
    """

    model: OneOutput
    image: Tensor
    layers: tuple[str, ...]
    outputs: tuple[Tensor, ...]

    def with_autograd(self) -> tuple[Tensor, ...]:
        """What the net and its stages return when gradients to the picture are wanted."""
        image = self.image.clone().requires_grad_()
        with torch.enable_grad():
            return tuple(tensor.detach() for tensor in run_plain(self.model, image, self.layers))

    @torch.no_grad()
    def in_double(self) -> Subject:
        """The same in float64; this subject's model is converted, not copied."""
        image = self.image.double()
        model = self.model.double()
        return Subject(model, image, self.layers, run_plain(model, image, self.layers))


@torch.no_grad()
def subject(name: str, seed: int) -> Subject:
    """Build a model with random weights and find its smallest picture and its stages.

    Args:
        name: full name.
        seed: of weights and picture.
    """
    torch.manual_seed(seed)
    loaded = built(name)
    loaded.model.requires_grad_(False)
    enliven(loaded.model)
    generator = torch.Generator().manual_seed(seed)
    image = smallest_picture(loaded, generator)
    other = torch.randn(image.shape, generator=generator)
    calibrate(loaded.model, torch.cat([image, other]))
    return ready(OneOutput(loaded.model), image, stages(loaded, image))


@torch.no_grad()
def ready(model: OneOutput, image: Tensor, stages: Iterable[str]) -> Subject:
    """A net that is calibrated, with its picture and the stages found for that."""
    layers = (*(f"{NET}.{stage}" for stage in stages), LOGIT)
    return Subject(model.eval(), image, layers, run_plain(model, image, layers))


def stages(loaded: cdn.LoadedModel, image: Tensor) -> tuple[str, ...]:
    """The stages of a net on a picture of this size."""
    found = loaded.stage_table
    return tuple(found(loaded.model, image)) if callable(found) else tuple(found)


def run_plain(model: OneOutput, image: Tensor, layers: tuple[str, ...]) -> tuple[Tensor, ...]:
    """All that the net returns, and what each stage returns, copied as it is returned."""
    copies: dict[str, Tensor] = {}
    handles = [
        model.get_submodule(layer).register_forward_hook(
            lambda module, args, output, layer=layer: copies.update({layer: output.clone()})
        )
        for layer in layers
        if layer != LOGIT
    ]
    try:
        model(image.clone())
    finally:
        for handle in handles:
            handle.remove()
    return (*model.whole, *(copies[layer] for layer in layers if layer != LOGIT))
