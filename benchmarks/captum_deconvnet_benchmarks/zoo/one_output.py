"""A model that returns one tensor, whatever the net inside returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

NET = "net"
"""The path of the net itself."""


class OneOutput(nn.Module):
    """Gives the tensor of the net's output that a projection can start from.

    A segmenter's is its map of classes, a backbone's its last and smallest map. Attributes:
    ``whole`` is all that the net returned last.

    Args:
        net: the net.
        part: takes from what the net returns what to choose from; all of it by default.
    """

    def __init__(self, net: nn.Module, part: Callable[[Any], Any] | None = None) -> None:
        """Wrap ``net``."""
        super().__init__()
        self.net = net
        self.part = part
        self.whole: tuple[Tensor, ...] = ()

    def forward(self, image: Tensor) -> Tensor:
        """The output to start from."""
        output = self.net(image)
        self.whole = tuple(tensors(output))
        return chosen(self.part(output) if self.part else output)


def chosen(output: Any) -> Tensor:
    """A tensor itself, the ``out`` of a mapping, else the last one there is."""
    if isinstance(output, Mapping) and "out" in output:
        output = output["out"]
    return list(tensors(output))[-1]


def tensors(output: Any) -> Iterator[Tensor]:
    """All tensors of an output, in order."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for item in output.values():
            yield from tensors(item)
    elif isinstance(output, tuple | list):
        for item in output:
            yield from tensors(item)
