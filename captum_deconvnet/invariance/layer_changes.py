"""How far the features of one layer moved, for every image and version of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.engine.layers import check_rows
from captum_deconvnet.errors import LayerError, NonFiniteError


@dataclass(frozen=True)
class Segment:
    """Neighbouring rows of one batch that are versions of one image.

    Args:
        image: index of the image.
        points: which versions; 0 is the image itself, which always comes first.
        start: the first of the rows.
    """

    image: int
    points: tuple[int, ...]
    start: int

    @property
    def rows(self) -> slice:
        """Where the segment stands in its batch."""
        return slice(self.start, self.start + len(self.points))

    @property
    def has_original(self) -> bool:
        """Whether its first row is the image itself; else that was in the batch before."""
        return self.points[0] == 0

    @property
    def first_version(self) -> int:
        """The first of its rows that is not the image itself."""
        return int(self.has_original)


Undo = Callable[[Tensor, int], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class UnitSums:
    """Squares of single units, summed over the versions of an image; each (C, H, W), float64.

    Args:
        difference: |f(Tx) - f(x)|^2.
        energy: |f(Tx)|^2 + |f(x)|^2.
    """

    difference: Tensor
    energy: Tensor


@dataclass(frozen=True)
class SegmentChanges:
    """The rows of one segment, measured; all float64.

    Args:
        segment: which image and which versions of it.
        original: |f_c(x)|^2 of every map c, (C,).
        difference: |f_c(Tx) - f_c(x)|^2, (rows, C).
        energy: |f_c(Tx)|^2, (rows, C).
        units: the sums of single units, if they were asked for.
        residual: |M(T'f(Tx) - f(x))|^2 where T' turns the features back and M are the positions
            that are known then; (rows,), or None.
        known: |M f(x)|^2, (rows,), or None.
    """

    segment: Segment
    original: Tensor
    difference: Tensor
    energy: Tensor
    units: UnitSums | None = None
    residual: Tensor | None = None
    known: Tensor | None = None


def compare_features(
    features: Tensor, original: Tensor, segment: Segment, *, units: bool, undo: Undo | None
) -> SegmentChanges:
    """Compare the features of one image's versions, (rows, C, ...), with its own, (1, C, ...)."""
    change = features - original
    changed = slice(segment.first_version, None)
    residual, known = (
        (None, None) if undo is None else changes_turned_back(features, original, segment, undo)
    )
    return SegmentChanges(
        segment,
        squared_norms(original)[0],
        squared_norms(change),
        squared_norms(features),
        unit_sums(change[changed], features[changed], original) if units else None,
        residual,
        known,
    )


def squared_norms(features: Tensor) -> Tensor:
    """The squared norm of every map of features (N, C, ...): (N, C), float64.

    Within a map it is summed in the features' own type, between maps in float64.
    """
    if features.dim() == 2:
        return features.double().square()
    norms: Tensor = torch.linalg.vector_norm(features.flatten(2), dim=2)
    return norms.double().square()


def unit_sums(change: Tensor, features: Tensor, original: Tensor) -> UnitSums:
    """The sums over the rows, for every unit."""
    own = len(features) * original[0].double().square()
    return UnitSums(change.double().square().sum(0), features.double().square().sum(0) + own)


def changes_turned_back(
    features: Tensor, original: Tensor, segment: Segment, undo: Undo
) -> tuple[Tensor, Tensor]:
    """What is left of the change with the maps turned back, and the known part of the original."""
    residuals, known = [], []
    for row, point in enumerate(segment.points):
        back, mask = undo(features[row : row + 1], point)
        residuals.append(squared_norms((back - original) * mask).sum())
        known.append(squared_norms(original * mask).sum())
    return torch.stack(residuals), torch.stack(known)


class LayerChanges:
    """The changes of one layer's features, for every image and version of it.

    Args:
        layer: module path, for errors.
        images: how many.
        points: versions of each, the image itself (version 0) included.
        undo: if given, turns maps (1, C, H, W) of a version back; gives those, and which
            positions are known then, (1, 1, H, W).
        units: whether to keep sums for every unit, which take four times a layer's maps an image.

    Attributes:
        difference: |f(Tx) - f(x)|^2, (images, points), as all here float64.
        energy: |f(Tx)|^2, (images, points).
        residual: |M(T'f(Tx) - f(x))|^2 with the maps turned back, (images, points).
        known: |M f(x)|^2, (images, points).
        map_difference: |f_c(Tx) - f_c(x)|^2 summed over versions, one (C,) an image.
        map_energy: |f_c(Tx)|^2 + |f_c(x)|^2 summed over versions, one (C,) an image.
        unit_sums: the same for single units, one an image.
    """

    def __init__(
        self, layer: str, images: int, points: int, undo: Undo | None = None, *, units: bool = False
    ) -> None:
        """Expect versions of ``images`` images."""
        self.layer, self.undo, self.units = layer, undo, units
        self.difference, self.energy, self.residual, self.known = (
            torch.zeros(images, points, dtype=torch.float64) for _ in range(4)
        )
        self.map_difference: list[Tensor] = []
        self.map_energy: list[Tensor] = []
        self.unit_sums: list[UnitSums] = []
        self._original = torch.empty(0)

    def measure(
        self, features: object, batch: Sequence[Segment]
    ) -> tuple[list[SegmentChanges], Tensor]:
        """Measure what the layer gave for a batch, without noting it yet.

        Returns:
            The changes of every segment, and the last image's own features, (1, C, ...).

        Raises:
            LayerError: it gave no tensor whose rows are the images.
            NonFiniteError: features are NaN or infinite.
        """
        rows = batch[-1].rows.stop
        tensor = self._checked(features, rows)
        original, changes = self._original, []
        for segment in batch:
            if segment.has_original:
                original = tensor[segment.start : segment.start + 1]
            here = tensor[segment.rows]
            changes.append(
                compare_features(here, original, segment, units=self.units, undo=self.undo)
            )
        self._check_finite(changes)
        return changes, original.clone()  # a view would keep the batch, or change with it

    def note(self, changes: Sequence[SegmentChanges], original: Tensor) -> None:
        """Add what :meth:`measure` gave."""
        self._original = original
        for segment_changes in changes:
            self._note_points(segment_changes)
            self._note_maps(segment_changes)
            if segment_changes.units is not None:
                self._note_units(segment_changes.segment, segment_changes.units)

    def _note_points(self, segment_changes: SegmentChanges) -> None:
        place = segment_changes.segment.image, list(segment_changes.segment.points)
        self.difference[place] = segment_changes.difference.sum(1).cpu()
        self.energy[place] = segment_changes.energy.sum(1).cpu()
        if segment_changes.residual is not None and segment_changes.known is not None:
            self.residual[place] = segment_changes.residual.cpu()
            self.known[place] = segment_changes.known.cpu()

    def _note_maps(self, segment_changes: SegmentChanges) -> None:
        if segment_changes.segment.has_original:
            self.map_difference.append(torch.zeros_like(segment_changes.original))
            self.map_energy.append(torch.zeros_like(segment_changes.original))
        changed = slice(segment_changes.segment.first_version, None)
        energy = segment_changes.energy[changed]
        self.map_difference[-1] += segment_changes.difference[changed].sum(0)
        self.map_energy[-1] += energy.sum(0) + len(energy) * segment_changes.original

    def _note_units(self, segment: Segment, units: UnitSums) -> None:
        if segment.has_original:
            self.unit_sums.append(units)
            return
        self.unit_sums[-1].difference.add_(units.difference)
        self.unit_sums[-1].energy.add_(units.energy)

    def _checked(self, features: object, rows: int) -> Tensor:
        if not isinstance(features, Tensor):
            given = type(features).__name__
            raise LayerError(f"The layer {self.layer!r} gives a {given}; choose one of one tensor.")
        check_rows(self.layer, features, rows)
        return features

    def _check_finite(self, changes: Sequence[SegmentChanges]) -> None:
        total = sum(
            segment_changes.difference.sum() + segment_changes.energy.sum()
            for segment_changes in changes
        )
        if not bool(torch.isfinite(torch.as_tensor(total))):
            raise NonFiniteError(f"The features of layer {self.layer!r} are NaN or infinite.")
