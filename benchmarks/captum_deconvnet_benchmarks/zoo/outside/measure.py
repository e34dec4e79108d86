"""From the name of a net of another library to its row, in a child process."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Mapping
from functools import cache, partial
from multiprocessing.connection import Connection

from captum_deconvnet_benchmarks.zoo.census import Size
from captum_deconvnet_benchmarks.zoo.collection import Collection
from captum_deconvnet_benchmarks.zoo.measure import measure_subject
from captum_deconvnet_benchmarks.zoo.outside import criteria
from captum_deconvnet_benchmarks.zoo.outside.libraries import LIBRARIES
from captum_deconvnet_benchmarks.zoo.outside.net import Net
from captum_deconvnet_benchmarks.zoo.outside.report import FILE
from captum_deconvnet_benchmarks.zoo.outside.row import OutsideRow
from captum_deconvnet_benchmarks.zoo.outside.subject import subject
from captum_deconvnet_benchmarks.zoo.row import Row
from captum_deconvnet_benchmarks.zoo.subject import LOGIT, Subject
from captum_deconvnet_benchmarks.zoo.worker import send_row, timed


@cache
def nets() -> Mapping[str, Net]:
    """The nets of every library that is installed, by full name."""
    found: dict[str, Net] = {}
    for library in LIBRARIES:
        if library.is_installed:
            found.update(library.nets())
    return found


def names(pattern: str) -> list[str]:
    """The full names that fit ``pattern``, sorted."""
    return sorted(fnmatch.filter(nets(), pattern))


def packages() -> tuple[str, ...]:
    """What the libraries that are there were installed as."""
    return tuple(library.distribution for library in LIBRARIES if library.is_installed)


def measure(name: str, seed: int) -> OutsideRow:
    """Project one net and compare, as for the zoo; then its patches and its occlusion."""
    case = subject(nets()[name], seed)
    patches = criteria.patches_error(case)
    occlusion = criteria.occlusion(subject(nets()[name], seed))  # in float32 again
    case = subject(nets()[name], seed)
    row = measure_subject(case, name, size(case))
    return OutsideRow(
        **dataclasses.asdict(row),
        layers=" ".join(layer for layer in case.layers if layer != LOGIT),
        patches_error=patches,
        occlusion_error=occlusion.error,
        occlusion_whole=occlusion.reason,
    )


def size(case: Subject) -> Size:
    """Where a net is defined, and how many numbers it learns."""
    family = type(case.model.net).__module__.rpartition(".")[2].removeprefix("modeling_")
    return Size(family, sum(parameter.numel() for parameter in case.model.parameters()))


def visit(name: str, seed: int, pipe: Connection) -> Row | None:
    """The row of a net; the parent is told of no size, since none is large."""
    pipe.send(0)
    return timed(name, lambda: measure(name, seed)) if pipe.recv() else None


OUTSIDE = Collection(FILE, names, partial(send_row, visit), packages, OutsideRow)
"""Nets of other libraries than torchvision and timm."""
