"""What is kept of one layer: how far its features moved, not the features themselves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from captum_deconvnet.errors import LayerError, NonFiniteError
from captum_deconvnet.invariance.part import Part, Undo, UnitSums, measured
from captum_deconvnet.invariance.schedule import Segment


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

    def measure(self, features: object, batch: Sequence[Segment]) -> tuple[list[Part], Tensor]:
        """Measure what the layer gave for a batch, without noting it yet.

        Returns:
            A part for every segment, and the last image's own features, (1, C, ...).

        Raises:
            LayerError: it gave no tensor whose rows are the images.
            NonFiniteError: features are NaN or infinite.
        """
        rows = batch[-1].rows.stop
        tensor = self._checked(features, rows)
        original, parts = self._original, []
        for segment in batch:
            if segment.has_original:
                original = tensor[segment.start : segment.start + 1]
            here = tensor[segment.rows]
            parts.append(measured(here, original, segment, units=self.units, undo=self.undo))
        self._check_finite(parts)
        return parts, original.clone()  # a view would keep the batch, or change with it

    def note(self, parts: Sequence[Part], original: Tensor) -> None:
        """Take over what :meth:`measure` gave."""
        self._original = original
        for part in parts:
            self._note_points(part)
            self._note_maps(part)
            if part.units is not None:
                self._note_units(part.segment, part.units)

    def _note_points(self, part: Part) -> None:
        place = part.segment.image, list(part.segment.points)
        self.difference[place] = part.difference.sum(1).cpu()
        self.energy[place] = part.energy.sum(1).cpu()
        if part.residual is not None and part.known is not None:
            self.residual[place] = part.residual.cpu()
            self.known[place] = part.known.cpu()

    def _note_maps(self, part: Part) -> None:
        if part.segment.has_original:
            self.map_difference.append(torch.zeros_like(part.original))
            self.map_energy.append(torch.zeros_like(part.original))
        changed = slice(part.segment.first_version, None)
        energy = part.energy[changed]
        self.map_difference[-1] += part.difference[changed].sum(0)
        self.map_energy[-1] += energy.sum(0) + len(energy) * part.original

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
        if features.dim() < 2 or len(features) != rows:
            raise LayerError(
                f"The layer {self.layer!r} gives {tuple(features.shape)} for {rows} images: its "
                "units belong to no single image. Choose a layer that gives (N, C, ...)."
            )
        return features

    def _check_finite(self, parts: Sequence[Part]) -> None:
        total = sum(part.difference.sum() + part.energy.sum() for part in parts)
        if not bool(torch.isfinite(torch.as_tensor(total))):
            raise NonFiniteError(f"The features of layer {self.layer!r} are NaN or infinite.")
