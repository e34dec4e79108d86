"""The idx files of MNIST and its kin, plain or gzipped (yann.lecun.com/exdb/mnist)."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import torch
from torch import Tensor

from captum_deconvnet.errors import DataError

UNSIGNED_BYTE = 0x08


def read_idx(path: Path) -> Tensor:
    """Read unsigned bytes of any shape from an idx file.

    Args:
        path: the file; one that ends in ``.gz`` is unpacked on the way.

    Raises:
        DataError: the file is no idx file of bytes, or is cut short.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged: {error}.") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE:
        raise DataError(f"{path} is not an idx file of bytes: it starts with {content[:4]!r}.")
    start = 4 + 4 * content[3]
    shape = struct.unpack(f">{content[3]}I", content[4:start]) if len(content) >= start else (1,)
    if len(content) - start != math.prod(shape):
        raise DataError(
            f"{path} is damaged: {max(len(content) - start, 0)} bytes where "
            f"{' x '.join(map(str, shape))} were expected."
        )
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)[start:].reshape(shape)
