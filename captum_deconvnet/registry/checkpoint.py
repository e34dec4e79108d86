"""The content of a checkpoint: its tensors under dotted names, however deep they lie in it.

Beside tensors, checkpoints often hold Python objects; those that do nothing when loaded are listed.
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
"""A dictionary with fewer tensors than this share of the largest is no net's (an optimiser's)."""

WRAPPERS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""What torch puts into names, at any depth, when it wraps modules."""


@dataclass(frozen=True)
class NamedTensors:
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


def dictionaries(content: object) -> list[NamedTensors]:
    """The dictionaries that hold a net's tensors, as they are.

    The largest come first; among equals, the first in the checkpoint.
    """
    found = [NamedTensors(own, prefix) for prefix, own in _holders(content, "")]
    most = max((len(each.tensors) for each in found), default=0)
    large = [each for each in found if len(each.tensors) >= SMALL * most]
    return sorted(large, key=lambda each: -len(each.tensors))


def without_common(found: NamedTensors) -> NamedTensors:
    """The tensors without the leading names that all share, but for the last one or two."""
    split = [name.split(".")[:-2] for name in found.tensors]
    shared = itertools.takewhile(lambda names: len(set(names)) == 1, zip(*split, strict=False))
    common = "".join(f"{names[0]}." for names in shared)
    stripped = {name.removeprefix(common): tensor for name, tensor in found.tensors.items()}
    return NamedTensors(stripped, found.prefix + common)


def without_wrappers(name: str) -> str:
    """A name without what torch's wrappers put into it.

    Example:
        >>> without_wrappers("net._orig_mod.fc.weight")
        'net.fc.weight'
    """
    return ".".join(each for each in name.split(".") if each not in WRAPPERS)


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


PLAIN = (
    argparse.Namespace, collections.defaultdict, collections.deque, datetime.datetime,
    datetime.date, datetime.timedelta, dict, list, set, int, float, np.ndarray, np.dtype,
)  # fmt: skip


def safe_objects() -> list[Any]:
    """What ``torch.serialization.safe_globals`` takes: harmless types, some under several names."""
    kinds = {type(np.dtype(code)) for code in np.typecodes["All"]}
    return [*PLAIN, *_safe_paths(), *_safe_arrays(), *sorted(kinds, key=str)]


def _safe_paths() -> list[tuple[Any, str]]:
    """Paths, with the names that Python versions give them."""
    kinds = PURE | {each.__name__: each for each in PURE.values()}
    modules = ("pathlib", "pathlib._local")
    return [(kind, f"{module}.{name}") for module in modules for name, kind in kinds.items()]


def _safe_arrays() -> list[tuple[Any, str]]:
    """The functions that rebuild NumPy's scalars and arrays, with the names of NumPy 1 and 2."""
    scalar: Any = np.float64(0).__reduce__()[0]
    rebuilt: Any = np.zeros(0).__reduce__()[0]
    return [
        (function, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for function, name in ((scalar, "scalar"), (rebuilt, "_reconstruct"))
    ]
