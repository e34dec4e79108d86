"""A block of windows: what changed under them, value by value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from captum_deconvnet.occlusion.incremental.program import Program, repeated
from captum_deconvnet.occlusion.incremental.region import (
    WHOLE,
    Changed,
    Region,
    cut,
    paste,
    windowed,
)


class Block:
    """What changed under some windows, value by value.

    Attributes:
        program: the forward pass.
        clean: its values on the clean inputs.
        count: how many windows.
        values: what changed of the values that have changed and are still needed.
    """

    def __init__(
        self,
        program: Program,
        clean: Mapping[int, Tensor],
        count: int,
        first: Mapping[int, Changed],
    ) -> None:
        """Begin with the occluded inputs."""
        self.program, self.clean, self.count = program, clean, count
        self.values = dict(first)

    def dense(self, index: int) -> Tensor:
        """A whole value, of all windows."""
        changed = self.values.get(index)
        if changed is None:
            dim = self.program.batch[index]
            return (
                self.clean[index] if dim is None else repeated(self.clean[index], dim, self.count)
            )
        if changed.region:
            whole = cut(self.clean[index], WHOLE, self.count)
            paste(whole, WHOLE, changed, self.count)
            changed = self.values[index] = Changed(whole, WHOLE)
        return changed.tensor

    def read(self, index: int, region: Region, fill: float = 0.0) -> Tensor:
        """A value in ``region``, which may stick out of the map; there it is ``fill``."""
        changed = self.values.get(index)
        if changed is None:
            return cut(self.clean[index], region, self.count, fill)
        return windowed(self.clean[index], region, changed, self.count, fill)

    def joined(
        self, output: int, dim: int, parts: Sequence[tuple[int, int, int]], region: Region
    ) -> Tensor:
        """A concatenation in ``region``, of ``parts``: values, where they start, their lengths."""
        whole = cut(self.clean[output], region, self.count)
        for read, start, length in parts:
            if read in self.values:
                paste(whole.narrow(dim, start, length), region, self.values[read], self.count)
        return whole
