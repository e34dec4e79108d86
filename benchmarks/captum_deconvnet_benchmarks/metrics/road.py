"""ROAD (Rong et al. 2022): deletion whose holes are filled so that they hardly show.

Missing pixels are filled in from their neighbours, all at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from captum_deconvnet.errors import ModelError
from captum_deconvnet_benchmarks.metrics.explanations import (
    CHANNELS,
    Model,
    PixelOrder,
    check_channels,
    maps_of,
    net_of,
    seeds_or_numbers,
)
from captum_deconvnet_benchmarks.metrics.passes import check_output, target_outputs
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Curve, Scores
from captum_deconvnet_benchmarks.protocol.reproducibility import generator_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEIGHBOURS = {
    (row, column): 1 / 6 if 0 in (row, column) else 1 / 12
    for row in (-1, 0, 1)
    for column in (-1, 0, 1)
    if (row, column) != (0, 0)
}
"""The weight of each of the eight neighbours; at the edge of the image the others count more."""


def imputed(image: Tensor, missing: Tensor) -> Tensor:
    """An image whose missing pixels are the weighted means of their neighbours, all at once.

    One sparse system for each mask, factorised once for all channels, on the CPU.

    Args:
        image: (C, H, W).
        missing: (H, W) boolean, not true everywhere.

    Returns:
        (C, H, W).
    """
    from scipy.sparse.linalg import splu  # slow to import

    if not bool(missing.any()):
        return image.clone()
    holes = missing.cpu().numpy()
    system, constants = _equations(image.double().cpu().numpy(), holes)
    solution = torch.from_numpy(splu(system).solve(constants).T.copy())
    filled = image.clone()
    filled[:, missing] = solution.to(image)
    return filled


def _equations(image: NDArray[np.float64], holes: NDArray[np.bool_]) -> tuple[Any, Any]:
    """The matrix (M, M) and the right side (M, C) that M missing pixels obey."""
    import numpy as np
    from scipy.sparse import coo_matrix

    rows, columns = np.nonzero(holes)
    number = np.full(holes.shape, -1)
    number[holes] = np.arange(len(rows))
    diagonal = np.zeros(len(rows))
    constants = np.zeros((len(rows), len(image)))
    entries: list[tuple[Any, Any, Any]] = []
    for (down, right), weight in NEIGHBOURS.items():
        there, row, column = _inside(rows + down, columns + right, holes.shape)
        diagonal[there] += weight
        unknown = holes[row, column]
        known_row, known_column = row[~unknown], column[~unknown]
        constants[there[~unknown]] += weight * image[:, known_row, known_column].T
        entries.append((there[unknown], number[row[unknown], column[unknown]], -weight))
    entries.append((np.arange(len(rows)), np.arange(len(rows)), diagonal))
    values = np.concatenate([np.broadcast_to(value, len(row)) for row, _, value in entries])
    places = [np.concatenate([entry[axis] for entry in entries]) for axis in (0, 1)]
    return coo_matrix((values, places), shape=(len(rows), len(rows))).tocsc(), constants


def _inside(
    rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Which places lie inside the image, and their rows and columns."""
    import numpy as np

    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return np.flatnonzero(inside), rows[inside], columns[inside]


STRONGEST, WEAKEST = "most_relevant_first", "least_relevant_first"


class RoadBenchmark:
    """Remove and debias (Rong et al. 2022).

    A share of the pixels is replaced by the weighted means of their neighbours and a little noise:
    the most relevant ones, and the least relevant ones. The score is half the difference of the
    mean outputs that remain, least minus most relevant.

    Args:
        model: the model.
        shares: of the pixels that are replaced, each between 0 and 1.
        noise: its deviation, in units of the input.
        output: ``"probability"`` or ``"logit"`` of the target.
        channels: how maps lose their channels.

    Raises:
        UnknownNameError: for an unknown output or reduction.
        ModelError: for shares that are none.
    """

    def __init__(
        self,
        model: Model,
        *,
        shares: Iterable[float] = (0.1, 0.3, 0.5, 0.7, 0.9),
        noise: float = 0.01,
        output: str = "probability",
        channels: str = "signed",
    ) -> None:
        """Remove pixels from images of ``model``."""
        self.shares = tuple(shares)
        if not self.shares or not all(0 < share < 1 for share in self.shares):
            raise ModelError(f"The shares are {self.shares}; give numbers between 0 and 1.")
        self.model, self.noise = net_of(model), noise
        self.output, self.channels = check_output(output), check_channels(channels)

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
        """``road``, half of least minus most relevant; the means and curves of both; ``tied``."""
        seeds = seeds_or_numbers(seeds, len(inputs))
        maps = CHANNELS[self.channels](maps_of(explainer, inputs, target, seeds, attributions))
        order = PixelOrder(maps)

        def make(images: Tensor, versions: Tensor) -> Tensor:
            pairs = zip(images.tolist(), versions.tolist(), strict=True)
            return torch.stack(
                [self._version(inputs[n], order.rank[n], v, seeds[n]) for n, v in pairs]
            )

        found = target_outputs(self.model, target, 2 * len(self.shares), make, self.output)
        return self._scores(found, order.tied)

    def _scores(self, found: Tensor, tied: Tensor) -> Scores:
        """From outputs (N, 2 * shares) without the most and without the least relevant pixels."""
        most, least = torch.split(found, len(self.shares), 1)
        x = torch.tensor(self.shares).to(found)
        return Scores(
            {
                "road": (least.mean(1) - most.mean(1)) / 2,
                STRONGEST: most.mean(1),
                WEAKEST: least.mean(1),
                "tied": tied,
            },
            {STRONGEST: Curve(x, most), WEAKEST: Curve(x, least)},
        )

    def _version(self, image: Tensor, rank: Tensor, version: int, seed: int) -> Tensor:
        """An image (C, H, W) without its most relevant pixels, or without its least relevant."""
        weakest, number = divmod(version, len(self.shares))
        count = round(self.shares[number] * rank.numel())
        missing = rank >= rank.numel() - count if weakest else rank < count
        filled = imputed(image, missing)
        generator = generator_of("road", seed, version)
        noise = torch.randn(image.shape, generator=generator, dtype=torch.float64).to(image)
        return filled + self.noise * noise * missing
