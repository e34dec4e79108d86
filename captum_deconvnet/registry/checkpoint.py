"""The tensors of a checkpoint under dotted names, however deep they lie in it.

Python objects that checkpoints often hold beside tensors and that do nothing when loaded.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import itertools
import pathlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

SMALL = 0.5
"""A dictionary with fewer tensors than this part of the largest is no net's (an optimiser's)."""

WRAPPERS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""What torch puts into names, at any depth, when it wraps modules."""


@dataclass(frozen=True)
class Part:
    """Some of a checkpoint's tensors, under the names that remain without a prefix.

    Args:
        tensors: by name.
        prefix: what stood before each name: dictionaries, then modules.
    """

    tensors: dict[str, Tensor]
    prefix: str


def flattened(content: object) -> dict[str, Tensor]:
    """Every tensor in nested dictionaries and lists, by its dotted name.

    Example:
        >>> import torch
        >>> list(flattened({"epoch": 3, "ema": {"module.fc.weight": torch.ones(2)}}))
        ['ema.module.fc.weight']
    """
    return dict(_leaves(content, ""))


def dictionaries(content: object) -> list[Part]:
    """The dictionaries that hold a net's tensors, as they are.

    The largest come first; among equals, the first in the checkpoint.
    """
    found = [Part(own, prefix) for prefix, own in _holders(content, "")]
    most = max((len(part.tensors) for part in found), default=0)
    large = [part for part in found if len(part.tensors) >= SMALL * most]
    return sorted(large, key=lambda part: -len(part.tensors))


def without_common(part: Part) -> Part:
    """The part without the leading pieces that all names share, but for the last one or two."""
    split = [name.split(".")[:-2] for name in part.tensors]
    shared = itertools.takewhile(lambda pieces: len(set(pieces)) == 1, zip(*split, strict=False))
    common = "".join(f"{pieces[0]}." for pieces in shared)
    stripped = {name.removeprefix(common): tensor for name, tensor in part.tensors.items()}
    return Part(stripped, part.prefix + common)


def without_wrappers(name: str) -> str:
    """A name without what torch's wrappers put into it.

    Example:
        >>> without_wrappers("net._orig_mod.fc.weight")
        'net.fc.weight'
    """
    return ".".join(piece for piece in name.split(".") if piece not in WRAPPERS)


def _children(content: object) -> Iterator[tuple[str, object]]:
    if isinstance(content, Mapping):
        yield from ((str(key), value) for key, value in content.items())
    elif isinstance(content, list | tuple):
        yield from ((str(number), value) for number, value in enumerate(content))


def _leaves(content: object, prefix: str) -> Iterator[tuple[str, Tensor]]:
    for key, value in _children(content):
        if isinstance(value, Tensor):
            yield prefix + key, value
        else:
            yield from _leaves(value, f"{prefix}{key}.")


def _holders(content: object, prefix: str) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Every dictionary that has tensors itself, with the way to it."""
    if isinstance(content, Mapping):
        own = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
        if own:
            yield prefix, own
    for key, value in _children(content):
        yield from _holders(value, f"{prefix}{key}.")


PURE = {"PosixPath": pathlib.PurePosixPath, "WindowsPath": pathlib.PureWindowsPath}
"""Paths, read as paths that cannot touch the file system."""


def safe_objects() -> list[Any]:
    """What ``torch.serialization.safe_globals`` takes: harmless types, some under several names."""
    paths = [
        (kind, f"{module}.{name}")
        for module in ("pathlib", "pathlib._local")
        for name, kind in (PURE | {each.__name__: each for each in PURE.values()}).items()
    ]
    scalar: Any = np.float64(0).__reduce__()[0]
    rebuilt: Any = np.zeros(0).__reduce__()[0]
    arrays = [
        (function, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for function, name in ((scalar, "scalar"), (rebuilt, "_reconstruct"))
    ]
    kinds = {type(np.dtype(code)) for code in np.typecodes["All"]}
    return [
        argparse.Namespace,
        collections.defaultdict,
        collections.deque,
        datetime.datetime,
        datetime.date,
        datetime.timedelta,
        dict,
        list,
        set,
        int,
        float,
        np.ndarray,
        np.dtype,
        *paths,
        *arrays,
        *sorted(kinds, key=str),
    ]
