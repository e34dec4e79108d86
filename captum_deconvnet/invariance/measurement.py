"""One pass over all versions of all images, in which every layer is measured as it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.attribution.further_arguments import are_by_image, for_rows
from captum_deconvnet.attribution.model_checks import train_mode_refused
from captum_deconvnet.engine.consistency import (
    check_batch_independence,
    check_determinism,
    drew_since,
    generator_states,
)
from captum_deconvnet.engine.layers import check_ran
from captum_deconvnet.engine.output import OutputName, named_signals, select_output
from captum_deconvnet.engine.recorder.module_hooks import layer_outputs
from captum_deconvnet.errors import ModelError
from captum_deconvnet.invariance.layer_changes import LayerChanges, Segment, SegmentChanges

Version = Callable[[int, int], Tensor]
Layers = Mapping[str, LayerChanges]
Measured = Mapping[str, tuple[list[SegmentChanges], Tensor]]
"""What was measured of each layer in a pass: by segment, and the last image's own features."""


@dataclass(frozen=True)
class Measurement:
    """How a model is run on versions of images.

    Args:
        model: the model.
        additional: its arguments after the images; tensors with a row an image are repeated by row.
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
        if not is_checked and not are_by_image(self.additional, self.images):
            self._check(images, layers, first_of(output, seen), drew=drew_since(before))
        return output, seen

    def _check(self, images: Tensor, layers: Layers, together: list[Tensor], *, drew: bool) -> None:
        """Warn of chance, and raise if what the first image gives depends on the others."""

        def again(count: int, *, copies: bool = False) -> list[Tensor]:
            given = images[:1].repeat_interleave(count, 0) if copies else images[:count]
            same = segments([(0, 0)] * count)
            return first_of(*self._forward(given, same, layers))

        if drew:
            check_determinism(together, lambda: again(len(images)))
        elif len(images) > 1:
            check_batch_independence(
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
        rows = [segment.image for segment in batch for _ in segment.points]
        with (
            torch.no_grad(),
            train_mode_refused(dict(self.model.named_modules())),
            measuring(self.model, layers, batch) as seen,
        ):
            try:
                output = self.model(images, *for_rows(self.additional, self.images, rows))
            except RuntimeError as error:
                if type(error) is not RuntimeError:
                    raise
                reason, shape = " ".join(str(error).split()), tuple(images.shape)
                raise ModelError(f"The model cannot run on input {shape}: {reason}") from error
        check_ran(layers, seen)
        return self._scores(output), seen


def first_of(output: Tensor | None, seen: Measured) -> list[Tensor]:
    """What the first image gave: the squared norm of every map of its layers, and its scores."""
    like = [original.dtype for _, original in seen.values()]
    norms = [changes[0].original for changes, _ in seen.values()]
    found = [norm.to(dtype) for norm, dtype in zip(norms, like, strict=True)]
    return found if output is None or output.dim() != 2 else [*found, output[:1]]


@contextmanager
def measuring(
    model: nn.Module, layers: Layers, batch: Sequence[Segment]
) -> Iterator[dict[str, tuple[list[SegmentChanges], Tensor]]]:
    """Measure layers while the model runs, before it can change their outputs in place.

    Of a module that runs several times the last run counts.
    """
    seen: dict[str, tuple[list[SegmentChanges], Tensor]] = {}

    def measure(path: str, output: object) -> None:
        seen[path] = layers[path].measure(output, batch)

    modules = {path: model.get_submodule(path) for path in layers}
    with layer_outputs(modules, measure):
        yield seen


def schedule(images: int, points: int, batch_size: int) -> Iterator[list[Segment]]:
    """Batches of at most ``batch_size`` rows, image after image.

    Args:
        images: how many.
        points: versions of each, the image itself included.
        batch_size: rows of a batch.
    """
    everything = [(image, point) for image in range(images) for point in range(points)]
    for first in range(0, len(everything), batch_size):
        yield segments(everything[first : first + batch_size])


def segments(rows: list[tuple[int, int]]) -> list[Segment]:
    """Rows of (image, point), grouped by their image."""
    found: list[Segment] = []
    for image, group in groupby(rows, key=lambda row: row[0]):
        start = found[-1].rows.stop if found else 0
        found.append(Segment(image, tuple(point for _, point in group), start))
    return found
