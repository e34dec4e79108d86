"""Trust checks: how much of a projection is the unit's, and how much the switches'.

A deconvnet picture owes much to the switches, which carry the image's edges to the pixels whatever
the unit is (Mahendran & Vedaldi 2016, Nie et al. 2018; Adebayo et al. 2018 randomise weights). Each
check changes one thing, projects again, and compares.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.engine.checks import check_inputs, require_module
from captum_deconvnet.engine.record import record
from captum_deconvnet.engine.recording import Recording
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.rules.switches import random_switches
from captum_deconvnet.engine.units import Unit, position
from captum_deconvnet.engine.windows.receptive_field import Box
from captum_deconvnet.errors import InputError
from captum_deconvnet.renamed import renamed
from captum_deconvnet.short_repr import short_repr


@dataclass(frozen=True, eq=False)
class Check:
    """One changed projection, beside the one that is checked.

    Args:
        projection: with one thing changed, (C, H, W).
        correlation: Pearson's, of the pixels in the receptive field; None if one is constant.
        magnitude: the same of their absolute values: do the two pictures have the same places?
        unit: the unit that was projected.
    """

    projection: Tensor
    correlation: float | None
    magnitude: float | None
    unit: Unit

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class TrustChecks:
    """What is left of a projection when one thing is changed.

    A high correlation under another image's or random switches says that switches matter little
    here; one with another unit, or with random weights, that the picture says little of this unit.

    Args:
        unit: the unit that was projected, with its activation.
        projection: its projection, (C, H, W).
        box: its receptive field; correlations are of the pixels in it.
        checks: by name: ``other image``, ``random switches``, ``random weights``, ``other unit``.
        pools: how many max pools with switches lie between the unit and the image.
    """

    unit: Unit
    projection: Tensor
    box: Box
    checks: Mapping[str, Check]
    pools: int

    __repr__ = short_repr


@renamed(image="inputs", other_image="other_inputs")
def trust_checks(
    model: nn.Module,
    inputs: Tensor,
    unit: Unit,
    other_inputs: Tensor,
    *,
    relu: str | Family = "deconvnet",
    seed: int = 0,
    additional_forward_args: Any = None,
) -> TrustChecks:
    """Project a unit, then again with one thing changed at a time, and correlate.

    All seeds are the unit's activation on ``inputs``, so that only the backward pass differs. The
    four: the switches of another image; switches drawn at random in their windows; weights shuffled
    within each filter bank, in the whole model; another unit of the layer at the same place, drawn
    at random, with the same switches.

    Args:
        model: any conv net, in eval mode; it is left as it was found.
        inputs: one image, (1, C, H, W).
        unit: the unit to check; ``unit.image`` must be 0.
        other_inputs: another image of the same shape.
        relu: how rectifiers pass the signal, as for :func:`captum_deconvnet.record`.
        seed: of the random switches, weights and unit.
        additional_forward_args: further arguments of the model, one or a tuple.

    Returns:
        The projection, the four others, and their correlations.

    Raises:
        InputError: if the images differ in shape, or are several.
        NotAModuleError: if ``model`` is not a module.
        UnknownLayerError: for a layer that is not in the model.
        UnitError: for a unit outside its layer.

    Example:
        >>> import torch, captum_deconvnet as cdn
        >>> net = torch.nn.Sequential(
        ...     torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2)).eval()
        >>> one, other = torch.rand(2, 1, 3, 16, 16)
        >>> checks = cdn.trust_checks(net, one, cdn.Unit(0, "2", 5, 3, 3), other)
        >>> list(checks.checks)
        ['other image', 'random switches', 'random weights', 'other unit']
    """
    require_module(model)
    check_inputs((inputs, other_inputs))
    if inputs.shape != other_inputs.shape or len(inputs) != 1:
        raise InputError(
            f"Give one image and another of its shape; given {tuple(inputs.shape)} and "
            f"{tuple(other_inputs.shape)}."
        )
    generator = torch.Generator().manual_seed(seed)
    options: dict[str, Any] = {"relu": relu, "additional_forward_args": additional_forward_args}
    recording = record(model, inputs, unit.layer, **options)
    base, activation = _projected(recording, unit), recording.activations[unit.layer]
    value = float(activation[position(unit, activation)])
    unit = replace(unit, value=value)
    box = recording.receptive_field(unit.layer).box(unit.row, unit.column)
    other = replace(unit, channel=other_channel(unit.channel, activation.shape[1], generator))
    by_chance = record(model, inputs, unit.layer, rules=random_switches(generator), **options)
    changed = {
        "other image": (record(model, other_inputs, unit.layer, **options), unit),
        "random switches": (by_chance, unit),
        "random weights": (
            record(with_shuffled_weights(model, generator), inputs, unit.layer, **options),
            unit,
        ),
        "other unit": (recording, other),
    }
    checks = {
        name: _check(base, _projected(recorded, chosen, value), box, chosen)
        for name, (recorded, chosen) in changed.items()
    }
    return TrustChecks(unit, base, box, checks, _pools(recording, unit.layer))


def _pools(recording: Recording, layer: str) -> int:
    """How many max pools with switches lie between a layer and the image."""
    entries = recording.receipt_from(layer).entries
    return sum(entry.count for entry in entries if entry.rule == "switches")


def with_shuffled_weights(model: nn.Module, generator: torch.Generator) -> nn.Module:
    """A copy of the model, the numbers of each filter bank and matrix in random order."""
    made = copy.deepcopy(model)
    with torch.no_grad():
        for weight in made.parameters():
            if weight.dim() > 1:
                order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
                weight.copy_(weight.flatten()[order].view(weight.shape))
    return made


def other_channel(channel: int, count: int, generator: torch.Generator) -> int:
    """Another of ``count`` channels, drawn at random; the same if there is no other."""
    step = torch.randint(1, max(count, 2), (1,), generator=generator)
    return (channel + int(step)) % count


def correlation(one: Tensor, other: Tensor) -> float | None:
    """Pearson's correlation of two pictures; None where one of them is constant."""
    pair = torch.stack([one.flatten(), other.flatten()]).double()
    centred = pair - pair.mean(1, keepdim=True)
    lengths = centred.norm(dim=1)
    if not bool((lengths > 0).all()):
        return None
    return float((centred[0] / lengths[0]) @ (centred[1] / lengths[1]))


def _projected(recording: Recording, unit: Unit, seed: str | float = "activation") -> Tensor:
    projection = recording.project([unit], seed=seed)
    assert isinstance(projection, Tensor)
    return projection[0]


def _check(base: Tensor, other: Tensor, box: Box, unit: Unit) -> Check:
    inside = (..., slice(box.top, box.bottom), slice(box.left, box.right))
    one, two = base[inside], other[inside]
    return Check(other, correlation(one, two), correlation(one.abs(), two.abs()), unit)
