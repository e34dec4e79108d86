"""A model made ready to be measured, and the units that are projected.

The model gets the smallest picture that it takes, and returns one tensor, whatever the net inside
returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import timm
import torch
from torch import Tensor, nn

import captum_deconvnet as cdn
from captum_deconvnet import LoadedModel
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


NET = "net"
"""The path of the net itself."""


class OneOutput(nn.Module):
    """Gives the tensor of the net's output that a projection can start from.

    A segmenter's is its map of classes, a backbone's its last and smallest map. Attributes:
    ``whole`` is all that the net returned last.

    Args:
        net: the net.
        select: takes from what the net returns what to choose from; all of it by default.
    """

    def __init__(self, net: nn.Module, select: Callable[[Any], Any] | None = None) -> None:
        """Wrap ``net``."""
        super().__init__()
        self.net = net
        self.select = select
        self.whole: tuple[Tensor, ...] = ()

    def forward(self, image: Tensor) -> Tensor:
        """The output to start from."""
        output = self.net(image)
        self.whole = tuple(tensors(output))
        return chosen(self.select(output) if self.select else output)


def chosen(output: Any) -> Tensor:
    """A tensor itself, the ``out`` of a mapping, else the last one there is."""
    if isinstance(output, Mapping) and "out" in output:
        output = output["out"]
    return list(tensors(output))[-1]


def tensors(output: Any) -> Iterator[Tensor]:
    """All tensors of an output, in order."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for item in output.values():
            yield from tensors(item)
    elif isinstance(output, tuple | list):
        for item in output:
            yield from tensors(item)


SIDES = (64, 96, 128, 160, 192, 224, 256)
"""Smaller ones leave the last stage of most nets a single position."""

BUILT_SIDE = 128
"""For nets that are built for one size of picture, where timm can build them for another."""


def built(name: str) -> LoadedModel:
    """A model with random weights, for small pictures if its size is settled when it is built."""
    loaded = cdn.load_model(name, "random")
    if not is_fixed(loaded) or min(loaded.input_size[-2:]) <= BUILT_SIDE:
        return loaded
    try:
        net = timm.create_model(name.partition("/")[2], img_size=BUILT_SIDE)
        with torch.no_grad():
            net.eval()(torch.zeros(1, 3, BUILT_SIDE, BUILT_SIDE))
    except (AssertionError, RuntimeError, TypeError, ValueError):
        return loaded  # it is built for its own size only
    return replace(loaded, model=net, input_size=(3, BUILT_SIDE, BUILT_SIDE))


def is_fixed(loaded: LoadedModel) -> bool:
    """Whether a net takes pictures of one size only."""
    return bool(getattr(loaded.model, "pretrained_cfg", {}).get("fixed_input_size"))


def smallest_picture(loaded: LoadedModel, generator: torch.Generator) -> Tensor:
    """A random input (1, 3, side, side), or (1, 3, T, side, side) for clips, that the model takes.

    Raises:
        RuntimeError: the model takes none, not even of its own size.
    """
    trouble: Exception | None = None
    for shape in shapes(loaded):
        image = torch.randn(1, *shape, generator=generator)
        try:
            with torch.no_grad():
                loaded.model(image.clone())
        except (AssertionError, RuntimeError, ValueError, IndexError, ZeroDivisionError) as error:
            trouble = error
        else:
            return image
    raise RuntimeError(f"no picture fits: {trouble}") from trouble


def shapes(loaded: LoadedModel) -> Iterator[tuple[int, ...]]:
    """The shapes to try, the model's own last."""
    own = loaded.input_size
    if not is_fixed(loaded):
        yield from ((*own[:-2], side, side) for side in SIDES if side < min(own[-2:]))
    yield own
