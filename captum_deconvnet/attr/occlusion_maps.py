"""What :class:`OcclusionSensitivity` finds."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class OcclusionMaps:
    """What covering each place of N images did; maps have a row and column a place.

    Args:
        probability: of the target class, in [0, 1], (N, rows, columns): Fig. 7 (d).
        label: the most probable class, (N, rows, columns): Fig. 7 (e).
        target: the target class of each image, (N,).
        clean_probability: of the target class, nothing covered, (N,).
        clean_label: the most probable class, nothing covered, (N,).
        rows: the first and the last row of pixels covered, by row of the maps.
        columns: likewise of columns.
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
    rows: list[tuple[int, int]]
    columns: list[tuple[int, int]]
    channel: Tensor | None = None
    activity: Tensor | None = None
    clean_activity: Tensor | None = None
    projection: Tensor | None = None
    other_projections: Tensor | None = None
    probabilities: Tensor | None = None
