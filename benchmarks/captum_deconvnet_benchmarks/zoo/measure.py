"""From a model's name to its row."""

from __future__ import annotations

import math

import torch
from torch import Tensor

import captum_deconvnet as cdn
from captum_deconvnet.errors import NonFiniteError, UnsupportedOperationError
from captum_deconvnet_benchmarks.zoo.census import Size, convolutions
from captum_deconvnet_benchmarks.zoo.projections import (
    Projected,
    Projections,
    is_in_range,
    project_all,
    project_by_captum,
    project_by_reference,
    relative_error,
    strongest_units,
)
from captum_deconvnet_benchmarks.zoo.row import (
    AS_WITH_AUTOGRAD,
    DIFFERENT,
    IDENTICAL,
    PROJECTED,
    SweepRow,
)
from captum_deconvnet_benchmarks.zoo.subject import LOGIT, Subject, subject

TOLERANCE = 1e-5
"""Of agreement with the reference and with autograd."""

SAME = 1e-6
"""Two float32 results that come from the same operations in another order."""


def measure(name: str, size: Size, seed: int) -> SweepRow:
    """Project one model and compare.

    Args:
        name: full name.
        size: from the census.
        seed: of weights and picture.
    """
    return measure_subject(subject(name, seed), name, size)


def measure_subject(case: Subject, name: str, size: Size) -> SweepRow:
    """The row of a model that is ready; its weights may be float64 afterwards."""
    row = SweepRow(name, size.family, parameters=size.parameters)
    row.convolutions = convolutions(case.model)
    row.input = "x".join(map(str, case.image.shape))
    row.stages = len(case.layers) - 1
    units = record_forward(case, row)
    found = projections(case, units)
    if not is_settled(found):
        found = projections(case.in_double(), units)
    fill_in(row, found)
    row.status = PROJECTED
    return row


def record_forward(case: Subject, row: SweepRow) -> dict[str, cdn.Unit]:
    """Record in float32: the receipt, whether the forward is the plain one, and the units."""
    recording = cdn.record(case.model, case.image, case.layers)
    stages = [recording.activations[layer] for layer in case.layers if layer != LOGIT]
    row.forward = comparison((*case.model.whole, *stages), case)
    receipt = recording.receipt
    row.paper, row.adjoint = receipt.counts["paper"], receipt.counts["adjoint"]
    row.extension, row.fallback = receipt.counts["extension"], receipt.counts["fallback"]
    row.fallbacks = " ".join(f"{entry.module}:{entry.operation}" for entry in receipt.fallbacks)
    row.strict_agrees = strict_raises(case) == (row.fallback > 0)
    return strongest_units(recording, case.layers)


def comparison(found: tuple[Tensor, ...], case: Subject) -> str:
    """Whether the recorded forward gave what the plain model gives, to the last bit."""
    if same_bits(found, case.outputs):
        return IDENTICAL
    return AS_WITH_AUTOGRAD if same_bits(found, case.with_autograd()) else DIFFERENT


def same_bits(found: tuple[Tensor, ...], plain: tuple[Tensor, ...]) -> bool:
    """Whether all tensors are equal."""
    return len(found) == len(plain) and all(map(torch.equal, found, plain))


def strict_raises(case: Subject) -> bool:
    """Whether ``strict=True`` refuses the model."""
    try:
        cdn.record(case.model, case.image, case.layers, strict=True)
    except UnsupportedOperationError:
        return True
    return False


def projections(case: Subject, units: dict[str, cdn.Unit]) -> Projections:
    """What everybody says in the type of the subject; the engine nothing if it overflows."""
    found = Projections()
    try:
        recording = cdn.record(case.model, case.image, case.layers)
        found.deconvnet = project_all(recording, units)
        recording = cdn.record(case.model, case.image, case.layers, relu="gradient")
        found.gradient = project_all(recording, units)
        del recording
    except NonFiniteError:
        if case.image.dtype == torch.float64:
            raise
        return found
    project_by_reference(case, units, found)
    project_by_captum(case, units[LOGIT], found)
    return found


def is_settled(found: Projections) -> bool:
    """Whether float32 was enough: all in range, and all agree that should."""
    projections = [found.deconvnet, found.reference, found.autograd]
    in_range = all(is_in_range(one) for by_layer in projections for one in by_layer.values())
    errors = (worst(found.gradient, found.autograd), worst(found.deconvnet, found.reference))
    return bool(found.deconvnet) and in_range and max(errors) <= TOLERANCE


def worst(found: Projected, right: Projected) -> float:
    """The largest error over the layers; 0 where there is nothing to compare with."""
    return max((relative_error(found[layer], right[layer]) for layer in right), default=0.0)


def fill_in(row: SweepRow, found: Projections) -> None:
    """Write the comparison into the row."""
    logit, gradient = found.deconvnet[LOGIT], found.autograd[LOGIT]
    row.precision = str(logit.dtype).removeprefix("torch.")
    row.finite = all(bool(p.isfinite().all()) for p in found.deconvnet.values())
    row.zero = sum(not bool(p.any()) for p in found.deconvnet.values())
    row.logit_largest = float(logit.abs().max())
    row.gradient_error = worst(found.gradient, found.autograd)
    row.no_reference, row.reference_fallbacks = found.no_reference, found.reference_fallbacks
    if found.reference:
        row.reference_error = worst(found.deconvnet, found.reference)
    row.captum_trouble = found.captum_trouble
    if found.captum is not None:
        row.captum_error = relative_error(found.captum, found.reference.get(LOGIT, logit))
        row.captum_is_gradient = relative_error(found.captum, gradient) <= SAME
    norm = float(gradient.double().norm())
    row.norm_ratio = float(logit.double().norm()) / norm if norm > 0 else math.nan
