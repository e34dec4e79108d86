"""Curves of several images that were measured one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from captum_deconvnet.invariance.curves import InvarianceCurves
from captum_deconvnet.invariance.distances import Norms


def joined(parts: Sequence[InvarianceCurves]) -> InvarianceCurves:
    """The curves of all images together; every part has the same transform, values and layers."""
    first = parts[0]
    return InvarianceCurves(
        transform=first.transform,
        unit=first.unit,
        values=first.values,
        norms={path: all_norms([part.norms[path] for part in parts]) for path in first.layers},
        map_scores=by_layer([part.map_scores for part in parts]),
        unit_scores=by_layer([part.unit_scores for part in parts]),
        undone={path: all_norms([part.undone[path] for part in parts]) for path in first.undone},
        target=together([part.target for part in parts]),
        probability=together([part.probability for part in parts]),
        predicted=together([part.predicted for part in parts]),
    )


def all_norms(parts: Sequence[Norms]) -> Norms:
    """Norms of all images."""
    return Norms(
        torch.cat([part.original for part in parts]),
        torch.cat([part.moved for part in parts]),
        torch.cat([part.difference for part in parts]),
    )


def by_layer(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors of every layer, for all images."""
    return {path: torch.cat([part[path] for part in parts]) for path in parts[0]}


def together(parts: Sequence[Tensor | None]) -> Tensor | None:
    """The tensors of all images; None if one has none."""
    there = [part for part in parts if part is not None]
    return torch.cat(there) if len(there) == len(parts) else None
