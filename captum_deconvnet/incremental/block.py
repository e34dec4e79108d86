"""A block of windows on its way through the program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from captum_deconvnet.incremental.program import Program, Step, repeated, resolved
from captum_deconvnet.incremental.recompute import ONE_BY_ONE, TABLE
from captum_deconvnet.incremental.region import WHOLE, Changed, Region, cut, paste, windowed


class Block:
    """What changed under some windows, value by value.

    Attributes:
        program: the forward pass.
        clean: its values on the clean inputs.
        count: how many windows.
        values: what changed of the values that have changed and are still needed.
        most_bytes: the most memory that these took at once, so far.
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
        self.most_bytes = 0

    def run(self) -> dict[int, Tensor]:
        """The results, of all windows: (windows * N, ...) or as the batch grows in them."""
        for step in self.program.steps:
            if any(read in self.values for read in step.reads):
                self._run(step)
                self.most_bytes = max(self.most_bytes, bytes_of(self.values.values()))
            for index in step.last:
                self.values.pop(index, None)
        return {index: self.dense(index) for index in self.program.results}

    def _run(self, step: Step) -> None:
        found = None
        if any(self.values[read].region for read in step.reads if read in self.values):
            way = TABLE.get(step.name)
            batches = [self.program.batch[index] for index in step.outputs if index is not None]
            found = way(self, step) if way and not any(batches) and None not in batches else None
        for index, changed in zip(step.outputs, found or self._dense(step), strict=False):
            if index is not None:
                self.values[index] = changed

    def _dense(self, step: Step) -> list[Changed]:
        """Run a step on whole maps."""
        args = resolved(step.args, self.count, self.dense)
        kwargs = {
            name: resolved(item, self.count, self.dense) for name, item in step.kwargs.items()
        }
        output = step.function(*args, **kwargs)
        return [Changed(one, WHOLE) for one in ([output] if step.single else output)]

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


def bytes_of(changed: Iterable[Changed]) -> int:
    """What the numbers of these take in memory."""
    return sum(one.tensor.nbytes for one in changed)


def clean_pass(program: Program, inputs: Sequence[Tensor]) -> dict[int, Tensor]:
    """Every value that a block of windows may have to look at, on the clean inputs."""
    users = program.users()
    pasted = {index for step in program.steps if step.name == "cat" for index in step.outputs}
    values = dict(zip(program.inputs, inputs, strict=True))
    with torch.no_grad():
        for step in program.steps:
            output = step.function(
                *resolved(step.args, 1, values.__getitem__),
                **{
                    name: resolved(item, 1, values.__getitem__)
                    for name, item in step.kwargs.items()
                },
            )
            for index, one in zip(step.outputs, [output] if step.single else output, strict=False):
                if index is not None:
                    values[index] = one
            for index in step.last:
                if index not in pasted and is_passed_by(users[index]):
                    del values[index]
    return values


def is_passed_by(users: Sequence[Step]) -> bool:
    """Whether every step that reads a value needs only what changed of it."""
    return all(step.name in ONE_BY_ONE for step in users)
