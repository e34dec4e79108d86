"""What is swept: which nets there are, how one is measured, and where its row goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from captum_deconvnet_benchmarks.zoo import census
from captum_deconvnet_benchmarks.zoo.row import Row
from captum_deconvnet_benchmarks.zoo.rows_file import NAME
from captum_deconvnet_benchmarks.zoo.worker import work


@dataclass(frozen=True)
class Collection:
    """Nets that are swept together.

    Args:
        file: what their files are called after.
        names: the full names that fit a pattern.
        work: what a child process does with a name, its pipe, and ``seed``.
        packages: the distributions whose versions are noted beside those of the zoo.
        row: what a row of them holds.
    """

    file: str
    names: Callable[[str], list[str]]
    work: Callable[..., None]
    packages: Callable[[], tuple[str, ...]] = tuple
    row: type[Row] = Row


ZOO = Collection(NAME, census.names, work)
"""torchvision's and timm's nets."""
