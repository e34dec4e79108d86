"""What is kept of one layer: how far its features moved, not the features themselves.

One pass over all versions of all images, in which every layer is measured as it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.attribution.model_checks import train_mode_refused
from captum_deconvnet.engine.output import OutputName, named_signals, select_output
from captum_deconvnet.engine.recorder.module_hooks import in_this_thread
from captum_deconvnet.engine.steadiness import (
    check_chance,
    check_company,
    drew_since,
    generator_states,
)
from captum_deconvnet.errors import LayerError, ModelError, NonFiniteError
from captum_deconvnet.invariance.schedule import (
    Part,
    Segment,
    Undo,
    UnitSums,
    measured,
    schedule,
    segments,
)


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


pass

Version = Callable[[int, int], Tensor]
Layers = Mapping[str, LayerChanges]
Measured = Mapping[str, tuple[list[Part], Tensor]]
"""What was measured of each layer in a pass: its parts, and the last image's own features."""


@dataclass(frozen=True)
class Measurement:
    """How a model is run on versions of images.

    Args:
        model: the model.
        additional: its arguments after the images, the same for every batch.
        version: gives an image, by index, in a version, by index: (1, C, H, W).
        images: how many images.
        points: versions of each, the image itself included.
        batch_size: how many go through the model together.
        show_progress: show a bar on stderr.
        chosen: which tensor of the model's output holds the class scores.
        needs_scores: whether the model must give class scores.
    """

    model: nn.Module
    additional: tuple[Any, ...]
    version: Version
    images: int
    points: int
    batch_size: int
    show_progress: bool = False
    chosen: OutputName | None = None
    needs_scores: bool = False

    def run(self, layers: Layers) -> Tensor | None:
        """Fill ``layers``, and give the outputs.

        Returns:
            (images, points, K) if the model gives (N, K), else None.

        Raises:
            LayerError: a layer did not run, or does not give one tensor.
            ModelError: the model cannot run on the images, or mixes them.
            OutputChoiceError: scores are needed, and the model gives several tensors.
            NonFiniteError: the features of a layer are NaN or infinite.
        """
        outputs: list[Tensor] = []
        is_checked = False
        total, hidden = self.images * self.points, not self.show_progress
        with tqdm(total=total, desc="invariance", leave=False, disable=hidden) as bar:
            for batch in schedule(self.images, self.points, self.batch_size):
                output, seen = self._measured(batch, layers, is_checked=is_checked)
                is_checked = True
                for path, changes in layers.items():
                    changes.note(*seen[path])
                if output is not None and output.dim() == 2:
                    outputs.append(output)
                bar.update(batch[-1].rows.stop)
        if sum(map(len, outputs)) != total:
            return None
        return torch.cat(outputs).view(self.images, self.points, -1)

    def _scores(self, output: Any) -> Tensor | None:
        """The tensor that may be class scores; None where there is a choice that nobody needs."""
        is_open = self.chosen is None and not self.needs_scores
        if is_open and len(named_signals(output)) != 1:
            return None
        return select_output(output, self.chosen, type(self.model).__name__)

    def _measured(
        self, batch: Sequence[Segment], layers: Layers, *, is_checked: bool
    ) -> tuple[Tensor | None, Measured]:
        """What a batch gives; the first one is checked for chance and for images that mix."""
        images = torch.cat(
            [self.version(segment.image, point) for segment in batch for point in segment.points]
        )
        before = generator_states()
        output, seen = self._forward(images, batch, layers)
        if not is_checked:
            self._check(images, layers, first_of(output, seen), drew=drew_since(before))
        return output, seen

    def _check(self, images: Tensor, layers: Layers, together: list[Tensor], *, drew: bool) -> None:
        """Warn of chance, and raise if what the first image gives depends on the others."""

        def again(count: int, *, copies: bool = False) -> list[Tensor]:
            given = images[:1].repeat_interleave(count, 0) if copies else images[:count]
            same = segments([(0, 0)] * count)
            return first_of(*self._forward(given, same, layers))

        if drew:
            check_chance(together, lambda: again(len(images)))
        elif len(images) > 1:
            check_company(
                type(self.model).__name__,
                together,
                again(1),
                lambda: again(1),
                lambda: again(len(images), copies=True),
                "give batch_size=1",
            )

    def _forward(
        self, images: Tensor, batch: Sequence[Segment], layers: Layers
    ) -> tuple[Tensor | None, Measured]:
        with (
            torch.no_grad(),
            train_mode_refused(dict(self.model.named_modules())),
            watched(self.model, layers, batch) as seen,
        ):
            try:
                output = self.model(images, *self.additional)
            except RuntimeError as error:
                if type(error) is not RuntimeError:
                    raise
                reason, shape = " ".join(str(error).split()), tuple(images.shape)
                raise ModelError(f"The model cannot run on input {shape}: {reason}") from error
        for path in layers:
            if path not in seen:
                raise LayerError(f"The layer {path!r} did not run in this forward pass.")
        return self._scores(output), seen


def first_of(output: Tensor | None, seen: Measured) -> list[Tensor]:
    """What the first image gave: the squared norm of every map of its layers, and its scores."""
    like = [original.dtype for _, original in seen.values()]
    norms = [parts[0].original for parts, _ in seen.values()]
    found = [norm.to(dtype) for norm, dtype in zip(norms, like, strict=True)]
    return found if output is None or output.dim() != 2 else [*found, output[:1]]


@contextmanager
def watched(
    model: nn.Module, layers: Layers, batch: Sequence[Segment]
) -> Iterator[dict[str, tuple[list[Part], Tensor]]]:
    """Measure layers while the model runs, before it can change their outputs in place.

    Of a module that runs several times the last run counts.
    """
    seen: dict[str, tuple[list[Part], Tensor]] = {}

    def noting(path: str) -> Callable[[nn.Module, object, object], None]:
        def note(module: nn.Module, arguments: object, output: object) -> None:
            seen[path] = layers[path].measure(output, batch)

        return note

    hooks = [
        model.get_submodule(path).register_forward_hook(in_this_thread(noting(path)))
        for path in layers
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
