"""Missing pixels filled in from their neighbours (Rong et al. 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

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

    One sparse system for each mask, factorised once for all channels, on the CPU: the only trip
    off the device that any metric makes.

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
