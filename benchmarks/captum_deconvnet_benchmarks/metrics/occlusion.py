"""Occlusion correlation: does a map say what covering a window does?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet import LoadedModel
from captum_deconvnet.attribution.selected_call import finite
from captum_deconvnet.errors import ModelError, UnsupportedOperationError
from captum_deconvnet.occlusion.occluder import Occluder
from captum_deconvnet.occlusion.occlusion_sensitivity import ClassScores
from captum_deconvnet.occlusion.whole_model import Batch
from captum_deconvnet.occlusion.window_grid import Grid, Window
from captum_deconvnet.occlusion.windowed_model import WindowedModel
from captum_deconvnet.pictures.fills import Fill, filled
from captum_deconvnet_benchmarks.metrics.explanations import (
    CHANNELS,
    Model,
    check_channels,
    maps_of,
    net_of,
)
from captum_deconvnet_benchmarks.metrics.passes import OUTPUTS, check_output, in_pixels
from captum_deconvnet_benchmarks.metrics.similarity import pearson, spearman
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Scores


class OcclusionBenchmark:
    """Correlation of what a map gives a window with what covering it costs (Zeiler & Fergus, 4.2).

    For every window, the fall of the target's output when it is covered, and the sum of the map
    over it. The model is recomputed in part, as by :class:`captum_deconvnet.Occlusion`, image by
    image, where it can be.

    Args:
        model: a classifier; constructed as :class:`captum_deconvnet.OcclusionSensitivity` is.
        window: side of the square in pixels of images of 224, in proportion on smaller ones.
        stride: how far it moves, likewise.
        fill: what covers, as for :class:`captum_deconvnet.OcclusionSensitivity`.
        output: ``"logit"`` or ``"probability"`` of the target.
        channels: how maps lose their channels.
        memory_budget: bytes that the windows going through together may take.

    Raises:
        AssertionError: if ``model`` is not a module.
        UnknownNameError: for an unknown output or reduction.
        ModelError: for a stride that is not between 1 and the window.
    """

    def __init__(
        self,
        model: Model,
        *,
        window: int = 32,
        stride: int = 16,
        fill: Fill = 0.0,
        output: str = "logit",
        channels: str = "signed",
        memory_budget: int = 2**30,
    ) -> None:
        """Cover windows of images of ``model``."""
        if not 1 <= stride <= window:
            raise ModelError(f"A stride of {stride} is not between 1 and the window, {window}.")
        self.model, self.loaded = net_of(model), model if isinstance(model, LoadedModel) else None
        self.window, self.stride, self.fill = window, stride, fill
        self.output, self.channels = check_output(output), check_channels(channels)
        self.memory_budget = memory_budget

    def evaluate(
        self,
        explainer: BoundExplainer,
        inputs: Tensor,
        target: Tensor,
        *,
        attributions: Tensor | None = None,
        seeds: Sequence[int] | None = None,
        regions: Tensor | None = None,
    ) -> Scores:
        """``spearman`` and ``pearson`` over the windows; NaN where map or falls are constant.

        Also the lowest probability of the target under a window, and the share of windows under
        which another class is the most probable one.
        """
        maps = CHANNELS[self.channels](maps_of(explainer, inputs, target, seeds, attributions))
        found = [
            self._one(inputs[index : index + 1], target[index : index + 1], maps[index])
            for index in range(len(inputs))
        ]
        names = ("spearman", "pearson", "lowest_probability", "label_changes")
        return Scores(dict(zip(names, torch.stack(found).T, strict=True)))

    def _one(self, image: Tensor, target: Tensor, space: Tensor) -> Tensor:
        """All scores of one image (1, C, H, W) with its map (H, W)."""
        falls = self._falls(image, target)
        sums = window_sums(space, falls.windows)
        return torch.stack(
            [
                spearman(sums, falls.fall),
                pearson(sums, falls.fall),
                falls.probability.amin(),
                falls.changes.double().mean(),
            ]
        )

    def _falls(self, image: Tensor, target: Tensor) -> Falls:
        shape = image.shape[1:]
        side, step = in_pixels(self.window, shape), in_pixels(self.stride, shape)
        grid = Grid(0, tuple(shape), (shape[0], side, side), (shape[0], step, step))
        with torch.no_grad():
            occluder = Occluder([image.detach()], [filled(self.fill, image, self.loaded)])
            model = self._windowed(occluder, grid)
            windows, scores = _gathered(model.outputs())
            clean = finite(model.own_output)
            return self._compared(windows, finite(scores).double(), clean.double(), target)

    def _windowed(self, occluder: Occluder, grid: Grid) -> WindowedModel:
        """The model recomputed in part where it can be: no choice by time, which would change."""
        call = ClassScores(self.model, None, None)
        budget = self.memory_budget
        try:
            return WindowedModel(call, occluder, [grid], method="incremental", memory_budget=budget)
        except UnsupportedOperationError:
            return WindowedModel(call, occluder, [grid], method="dense", memory_budget=budget)

    def _compared(
        self, windows: list[Window], scores: Tensor, clean: Tensor, target: Tensor
    ) -> Falls:
        column = OUTPUTS[self.output]
        fall = column(clean)[:, target] - column(scores)[:, target]
        probability = torch.softmax(scores, 1)[:, target]
        changes = scores.argmax(1) != clean.argmax(1)
        return Falls(windows, fall[:, 0], probability[:, 0], changes)


@dataclass(frozen=True)
class Falls:
    """What covering each of W windows of one image did.

    Args:
        windows: where they are.
        fall: of the target's output, (W,).
        probability: of the target, (W,).
        changes: whether another class became the most probable one, (W,).
    """

    windows: list[Window]
    fall: Tensor
    probability: Tensor
    changes: Tensor


def window_sums(space: Tensor, windows: Sequence[Window]) -> Tensor:
    """The sum of a map (H, W) over each window, (W,)."""
    sums = [
        space[window.starts[1] : window.stops[1], window.starts[2] : window.stops[2]].sum()
        for window in windows
    ]
    return torch.stack(sums)


def _gathered(tiles: Iterator[Batch]) -> tuple[list[Window], Tensor]:
    """All windows and their class scores (W, K), from the first tile on.

    The model gives its last tile first. A score is a sum over windows, whose order decides its
    last digit.
    """
    windows: list[Window] = []
    scores: list[Tensor] = []
    for some, (output, *_) in reversed(list(tiles)):
        windows.extend(some)
        scores.append(output.reshape(len(some), -1))
    return windows, torch.cat(scores)
