"""The size of a net's input: as given, or the first usual one that the net runs on."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy

from captum_deconvnet.errors import ModelError

GivenSize: TypeAlias = "str | int | Sequence[int]"

COLOURS = 3
USUAL_SIZES: dict[int, tuple[tuple[int, ...], ...]] = {
    1: ((224,), (1024,), (128,), (4096,), (16384,)),
    2: tuple((side, side) for side in (224, 32, 28, 64, 96, 128, 256, 299, 384, 512, 16, 8)),
    3: ((16, 112, 112), (32, 32, 32), (64, 64, 64), (96, 96, 96)),
}
"""By the number of spatial dimensions, in the order in which they are tried."""

HELP = "give --input-size 3x224x224, or input_size=(3, 224, 224)"


def parsed_size(given: GivenSize) -> tuple[int, ...]:
    """The numbers of a size such as ``"3x224x224"``, ``"28"``, ``28`` or ``(1, 28, 28)``.

    Raises:
        ModelError: they are not one to four whole numbers above 0.
    """
    parts = re.split(r"[x,*]", given.strip()) if isinstance(given, str) else given
    try:
        size = (parts,) if isinstance(parts, int) else tuple(int(part) for part in parts)
    except (TypeError, ValueError):
        size = ()
    if not 1 <= len(size) <= 4 or min(size) < 1:
        raise ModelError(f"{given!r} is no input size; {HELP}, or one number for a square.")
    return size


def input_size(net: nn.Module, given: GivenSize | None, name: str) -> tuple[int, ...]:
    """The shape (C, H, W) of one input, or (C, L) or (C, T, H, W), that a net runs on.

    Args:
        net: the net, in eval mode. Its lazy modules are made by running it at that size.
        given: all of the shape, all but the channels, or one side; ``None`` to look for a size: as
            many channels as the first convolution takes, and the first usual side that runs.
        name: what errors call the net.

    Raises:
        ModelError: it does not run on what was given, or on no usual size.
    """
    candidates = list(_candidates(net, None if given is None else parsed_size(given)))
    troubles = []
    for size in candidates:
        trouble = _trouble(net, size)
        if trouble is None:
            if _is_lazy(net):
                _run(net, size)
            return size
        troubles.append(trouble)
    tried = ", ".join(map(size_name, candidates[:4])) + (", ..." if len(candidates) > 4 else "")
    hint = "Is --input-size right?" if given is not None else f"If it needs another, {HELP}."
    raise ModelError(f"{name} does not run on an input of {tried}: {troubles[0]}. {hint}")


def size_name(size: Sequence[int]) -> str:
    """A size as it is written: ``3x224x224``."""
    return "x".join(map(str, size))


def _candidates(net: nn.Module, given: tuple[int, ...] | None) -> Iterator[tuple[int, ...]]:
    """The sizes to try."""
    channels, dimensions = _first_layer(net)
    if given is not None and len(given) > dimensions:
        yield given
    elif given is not None:
        sides = given * dimensions if len(given) == 1 else given
        yield from ((count, *sides) for count in channels)
    else:
        for sides in USUAL_SIZES[dimensions]:
            yield from ((count, *sides) for count in channels)


def _first_layer(net: nn.Module) -> tuple[list[int], int]:
    """The channels that an input may have, the likeliest first, and its spatial dimensions."""
    convolutions = [each for each in net.modules() if isinstance(each, _ConvNd)]
    if convolutions:
        first = convolutions[0]
        return [first.in_channels] if first.in_channels else [COLOURS, 1], len(first.kernel_size)
    filters = [each for each in net.parameters() if not is_lazy(each) and each.ndim > 2]
    if filters and filters[0].ndim <= 5:
        return list(dict.fromkeys([filters[0].shape[1], COLOURS, 1])), filters[0].ndim - 2
    return [COLOURS, 1], 2


def _trouble(net: nn.Module, size: tuple[int, ...]) -> str | None:
    """Why the net does not run on an input of that size; ``None`` if it does."""
    try:
        _run(copy.deepcopy(net) if _is_lazy(net) else net, size)
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(".")
    return None


def _run(net: nn.Module, size: tuple[int, ...]) -> None:
    like = next((each for each in net.parameters() if not is_lazy(each)), torch.empty(0))
    with torch.no_grad():
        net(torch.zeros(1, *size, dtype=like.dtype, device=like.device))


def _is_lazy(net: nn.Module) -> bool:
    return any(map(is_lazy, [*net.parameters(), *net.buffers()]))
