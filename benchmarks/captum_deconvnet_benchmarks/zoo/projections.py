"""The same units projected by the engine, the reference, autograd and Captum, and compared."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from captum.attr import Deconvolution
from torch import Tensor

import captum_deconvnet as cdn
from captum_deconvnet.engine.units import activation_of
from captum_deconvnet_benchmarks.zoo.reference import NoReferenceError, read
from captum_deconvnet_benchmarks.zoo.subject import LOGIT, Subject

Projected = Mapping[str, Tensor]
"""Projections by layer."""


@dataclass
class Projections:
    """What everybody says of one subject.

    Attributes:
        deconvnet: the engine's projections.
        gradient: the engine's with ``relu="gradient"``.
        autograd: the plain gradient.
        reference: the reference's projections; empty if it has none.
        no_reference: why.
        reference_fallbacks: how often it took the gradient.
        captum: ``captum.attr.Deconvolution`` at the logit, unless it failed.
        captum_trouble: how it failed.
    """

    deconvnet: Projected = field(default_factory=dict)
    gradient: Projected = field(default_factory=dict)
    autograd: Projected = field(default_factory=dict)
    reference: Projected = field(default_factory=dict)
    no_reference: str = ""
    reference_fallbacks: int | None = None
    captum: Tensor | None = None
    captum_trouble: str = ""


def strongest_units(recording: cdn.Recording, layers: tuple[str, ...]) -> dict[str, cdn.Unit]:
    """The strongest unit of every layer."""
    return {layer: max(recording.strongest(layer), key=activation_of) for layer in layers}


def project_all(recording: cdn.Recording, units: Mapping[str, cdn.Unit]) -> dict[str, Tensor]:
    """Project each unit with its own activation, the logit with 1."""
    return {
        layer: one(recording.project([unit], seed=1.0 if layer == LOGIT else "activation"))
        for layer, unit in units.items()
    }


def one(projection: Tensor | tuple[Tensor, ...]) -> Tensor:
    """The projection of a model with one input."""
    assert isinstance(projection, Tensor)
    return projection


def project_by_reference(
    subject: Subject, units: Mapping[str, cdn.Unit], into: Projections
) -> None:
    """Fill in what the reference and autograd say."""
    tape = read(subject.model, subject.image, subject.layers)
    seeds = {layer: seed_of(unit, tape.values[layer]) for layer, unit in units.items()}
    into.autograd = {layer: tape.gradient(layer, seed) for layer, seed in seeds.items()}
    try:
        found = {layer: tape.project(layer, seed) for layer, seed in seeds.items()}
    except NoReferenceError as reason:
        into.no_reference = str(reason)
        return
    into.reference = {layer: projection for layer, (projection, _) in found.items()}
    into.reference_fallbacks = max(fallbacks for _, fallbacks in found.values())


def seed_of(unit: cdn.Unit, activation: Tensor) -> Tensor:
    """The seed that the engine puts on a unit."""
    seed = torch.zeros_like(activation)
    index = (0, *index_of(unit, activation))
    seed[index] = 1.0 if unit.layer == LOGIT else activation[index]
    return seed


def index_of(unit: cdn.Unit, activation: Tensor) -> tuple[int, ...]:
    """Where a unit is in the map of its image."""
    position = (unit.frame, unit.row, unit.column)[5 - activation.dim() :]
    return (unit.channel, *position[: activation.dim() - 2])


def project_by_captum(subject: Subject, unit: cdn.Unit, into: Projections) -> None:
    """Fill in what Captum says of the logit, or how it failed."""
    index = index_of(unit, subject.model(subject.image.clone()))
    target = index[0] if len(index) == 1 else index
    image = subject.image.clone().requires_grad_()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            into.captum = Deconvolution(subject.model).attribute(image, target).detach()
    except Exception as error:
        into.captum_trouble = " ".join(f"{type(error).__name__}: {error}".split())


SMALLEST = 1e-30
"""Largest values below this are near where float32 loses its digits (1.2e-38)."""


def relative_error(found: Tensor, right: Tensor) -> float:
    """The largest difference over the largest right value; infinite if either is not finite."""
    scale = float(right.abs().max())
    apart = float((found.double() - right.double()).abs().max())
    if scale == 0:
        return 0.0 if apart == 0 else math.inf
    ratio = apart / scale
    return ratio if math.isfinite(ratio) else math.inf


def is_in_range(projection: Tensor) -> bool:
    """Whether a projection is finite and far from underflow."""
    largest = float(projection.abs().max())
    return math.isfinite(largest) and largest > SMALLEST
