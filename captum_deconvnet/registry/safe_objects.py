"""Python objects that checkpoints often hold beside tensors and that do nothing when loaded."""

from __future__ import annotations

import argparse
import collections
import datetime
import pathlib
from typing import Any

import numpy as np

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
