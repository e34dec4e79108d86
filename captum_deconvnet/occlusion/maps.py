"""What occlusion gives: the maps, how they are filled window by window, and how it was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from captum_deconvnet.attribution.model_checks import (
    Target,
    as_probabilities,
    check_output_kind,
    labels_of,
    targets_of,
)
from captum_deconvnet.attribution.selected_call import finite
from captum_deconvnet.engine.windows.receptive_field import Box
from captum_deconvnet.errors import unknown_name
from captum_deconvnet.occlusion.window_grid import Grid, Window
from captum_deconvnet.short_repr import short_repr


@dataclass(frozen=True)
class OcclusionMaps:
    """What covering each place of N images did; maps have a row and column a place.

    Args:
        probability: of the target class, in [0, 1], (N, rows, columns): Fig. 7 (d).
        label: the most probable class, (N, rows, columns): Fig. 7 (e).
        target: the target class of each image, (N,).
        clean_probability: of the target class, nothing covered, (N,).
        clean_label: the most probable class, nothing covered, (N,).
        boxes: the pixels that each place covers, by row and column of the maps.
        channel: each image's strongest feature map of the layer, by the sum of its activations,
            (N,); ``None`` without a layer, as are the next four.
        activity: the sum of that map, (N, rows, columns): Fig. 7 (b).
        clean_activity: likewise, nothing covered, (N,).
        projection: of that map, all positions kept, (N, C, H, W): Fig. 7 (c).
        other_projections: of the same maps on the other images, (N, M, C, H, W).
        probabilities: of all classes, (N, K, rows, columns), if asked for.
    """

    probability: Tensor
    label: Tensor
    target: Tensor
    clean_probability: Tensor
    clean_label: Tensor
    boxes: list[list[Box]]
    channel: Tensor | None = None
    activity: Tensor | None = None
    clean_activity: Tensor | None = None
    projection: Tensor | None = None
    other_projections: Tensor | None = None
    probabilities: Tensor | None = None

    __repr__ = short_repr


METHODS = ("auto", "incremental", "dense")


def check_method(method: str) -> str:
    """The method, if there is one of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    return method


@dataclass(frozen=True)
class OcclusionReport:
    """How an occlusion was worked out.

    Args:
        method: ``"incremental"`` or ``"dense"``.
        reason: why it was not incremental; empty if it was.
        windows: how many windows there were.
        error: the largest difference of two windows' outputs from the model's own, relative to
            the largest output; ``None`` if the model could not be traced.
    """

    method: str
    reason: str
    windows: int
    error: float | None = None


class MapCollector:
    """The maps of :class:`OcclusionSensitivity` while windows come in."""

    def __init__(
        self,
        grid: Grid,
        clean: Sequence[Tensor],
        target: Target,
        output: str,
        *,
        all_classes: bool,
    ) -> None:
        """Begin with what the model gives with nothing covered.

        Args:
            grid: where the windows are.
            clean: the outputs (N, K), and the activations of the layer if there is one.
            target: as :meth:`OcclusionSensitivity.attribute` takes it.
            output: ``"logits"`` or ``"probabilities"``.
            all_classes: keep the probabilities of all classes.
        """
        self.grid, shape, self.output = grid, grid.counts[1:], output
        check_output_kind(clean[0], output)
        probabilities = as_probabilities(clean[0], output)
        self.count = len(probabilities)
        self.clean_label = labels_of(probabilities)
        wanted = targets_of(target, self.count, probabilities.shape[1])
        most = probabilities.argmax(1)
        self.target = most if wanted is None else wanted.to(most.device).clone()
        self.clean_probability = self._of_target(probabilities)
        self.probability = probabilities.new_zeros(self.count, *shape)
        self.label = self.target.new_zeros(self.count, *shape)
        every = probabilities.new_zeros(*probabilities.shape, *shape) if all_classes else None
        self.probabilities = every
        self.channel = self.activity = self.clean_activity = None
        if len(clean) > 1:
            self.clean_activity, self.channel = _sums(clean[1]).max(1)
            self.activity = probabilities.new_zeros(self.count, *shape)

    def add(self, windows: list[Window], tensors: Sequence[Tensor]) -> None:
        """The outputs, and the activations if any, under ``windows``."""
        outputs, *activations = tensors
        found = as_probabilities(finite(outputs), self.output)
        found = found.reshape(len(windows), self.count, -1)
        for number, window in enumerate(windows):
            row, column = self._place(window)
            self.label[:, row, column] = labels_of(found[number])
            self.probability[:, row, column] = self._of_target(found[number])
            if self.probabilities is not None:
                self.probabilities[:, :, row, column] = found[number]
        for activation in activations:
            self._add_activity(windows, activation)

    def _add_activity(self, windows: list[Window], activation: Tensor) -> None:
        assert self.channel is not None
        assert self.activity is not None
        found = _sums(activation).reshape(len(windows), self.count, -1)
        for number, window in enumerate(windows):
            row, column = self._place(window)
            self.activity[:, row, column] = found[number].gather(1, self.channel[:, None])[:, 0]

    def _of_target(self, probabilities: Tensor) -> Tensor:
        return probabilities.gather(1, self.target[:, None])[:, 0]

    def maps(self, own: Tensor | None, others: Tensor | None) -> OcclusionMaps:
        """The maps, with the projections of the strongest map on its own and on other images."""
        return OcclusionMaps(
            self.probability,
            self.label,
            self.target,
            self.clean_probability,
            self.clean_label,
            self._boxes(),
            self.channel,
            self.activity,
            self.clean_activity,
            own,
            others,
            self.probabilities,
        )

    def _place(self, window: Window) -> tuple[int, int]:
        return tuple(window.starts[dim] // self.grid.strides[dim] for dim in (1, 2))  # type: ignore[return-value]

    def _boxes(self) -> list[list[Box]]:
        _, rows, columns = self.grid.axes
        return [[Box(top, left, bottom, right) for left, right in columns] for top, bottom in rows]


def _sums(activation: Tensor) -> Tensor:
    """Every feature map's activations summed over space: (N, C)."""
    return activation.flatten(2).sum(2)
