"""A batch of windows that goes through the program: what has changed of each value so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from captum_deconvnet.occlusion.incremental.memory_layout import repeated
from captum_deconvnet.occlusion.incremental.program import Program
from captum_deconvnet.occlusion.incremental.region import (
    WHOLE,
    Region,
    RegionValues,
    cut,
    paste,
    windowed,
)


class WindowBatch:
    """What changed under some windows, value by value.

    Attributes:
        program: the forward pass.
        clean: its values on the clean inputs.
        count: how many windows.
        changed: the regions of the values that have changed and are still needed.
    """

    def __init__(
        self,
        program: Program,
        clean: Mapping[int, Tensor],
        count: int,
        inputs: Mapping[int, RegionValues],
    ) -> None:
        """Begin with the occluded inputs."""
        self.program, self.clean, self.count = program, clean, count
        self.changed = dict(inputs)

    def whole(self, index: int) -> Tensor:
        """A whole value, of all windows."""
        changed = self.changed.get(index)
        if changed is None:
            dim = self.program.batch_dims[index]
            clean = self.clean[index]
            return clean if dim is None else repeated(clean, dim, self.count)
        if changed.region:
            whole = cut(self.clean[index], WHOLE, self.count)
            paste(whole, WHOLE, changed, self.count)
            changed = self.changed[index] = RegionValues(whole, WHOLE)
        return changed.tensor

    def within(self, index: int, region: Region, fill: float = 0.0) -> Tensor:
        """A value in ``region``, which may stick out of the map; there it is ``fill``."""
        changed = self.changed.get(index)
        if changed is None:
            return cut(self.clean[index], region, self.count, fill)
        return windowed(self.clean[index], region, changed, self.count, fill)

    def concatenated(
        self, output: int, dim: int, inputs: Sequence[tuple[int, int, int]], region: Region
    ) -> Tensor:
        """A concatenation in ``region``: of each input the value, where it starts, its length."""
        found = cut(self.clean[output], region, self.count)
        for index, start, length in inputs:
            if index in self.changed:
                changed = self.changed[index]
                paste(found.narrow(dim, start, length), region, changed, self.count)
        return found
