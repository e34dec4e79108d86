"""A model run whole for every window, as many windows together as is fastest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.attribution.captum_compat import check_output_shape_valid
from captum_deconvnet.attribution.model_checks import feature_maps, train_mode_refused
from captum_deconvnet.attribution.selected_call import SelectedCall
from captum_deconvnet.engine.consistency import (
    check_batch_independence,
    check_determinism,
    drew_since,
    generator_states,
)
from captum_deconvnet.engine.recorder.module_hooks import layer_outputs
from captum_deconvnet.errors import CaptumDeconvnetError
from captum_deconvnet.occlusion.incremental.traceable import ADVICE
from captum_deconvnet.occlusion.occluder import Occluder
from captum_deconvnet.occlusion.window_grid import Window

PICTURES, MANY = 16, 64
"""Pictures that go through together at first, and where that pays."""
PAYS, MUCH = 0.7, 0.5
"""Going through together pays, and pays much, where a window takes less than this share of its time
alone."""
CACHED = 2**21
"""Bytes of one activation of many windows up to which they go through together at once."""
SPARE = 1.25
"""How many times as many go through together where none are left then."""

NOWHERE = Window(-1, (), ())
"""A window of no input: nothing is covered."""

Batch = tuple[list[Window], list[Tensor]]
"""Windows, and for all of them the output and, if a layer is asked for, its activations."""

ForwardPass = Callable[[Sequence[Tensor], int], list[Tensor]]
"""From inputs under a number of windows to tensors with N rows a window, the output first."""


def forward_pass(call: SelectedCall, layer: str | None = None) -> ForwardPass:
    """The model as a function that gives its output and, if asked for, a layer's activations.

    Args:
        call: the model and its further arguments.
        layer: the path of a module.
    """
    layers = {} if layer is None else {layer: call.modules[layer]}

    def run(inputs: Sequence[Tensor], count: int) -> list[Tensor]:
        found: list[Any] = []
        refused = train_mode_refused(call.modules if count == 1 else {})
        hooks = layer_outputs(layers, lambda _, output: found.append(_copy(output)), prepend=True)
        with refused, hooks:
            output = call.outputs(inputs, count)
        return [output, *(feature_maps(path, found) for path in layers)]

    return run


def _copy(output: Any) -> Any:
    """The model may change in place, after the layer, what the layer gave."""
    return output.clone() if isinstance(output, Tensor) else output


class WholeModel:
    """Gives what a model gives under windows of its inputs.

    Args:
        name: what errors call the model.
        run: runs it.
        occluder: covers windows of the inputs.
        most: how many windows go through together; ``None`` for as many as is fastest.
        clean: what it gives, nothing covered, if that is known.
        seconds: what a window takes alone, an upper bound, likewise.
        is_suspect: whether it may give something else every time.
        is_small: whether a cache holds the numbers of many windows, or weights outweigh them.
    """

    def __init__(
        self,
        name: str,
        run: ForwardPass,
        occluder: Occluder,
        *,
        most: int | None = None,
        clean: Sequence[Tensor] = (),
        seconds: float = 0.0,
        is_suspect: bool = False,
        is_small: bool = False,
    ) -> None:
        """Run it on the clean inputs, if what it gives is not known."""
        self.name, self.run, self.occluder, self.most = name, run, occluder, most
        self.clean, self.seconds = clean, seconds
        self.images = max(1, len(occluder.inputs[0]))
        pictures = MANY if is_small else PICTURES
        self.first, self.many = (max(1, number // self.images) for number in (pictures, MANY))
        self._times: dict[int, float] = {}
        self._is_compared = not occluder.keeps_dtypes
        before = generator_states()
        first = clean[0] if clean else self._run_clean()
        if is_suspect or drew_since(before):
            check_determinism([first], lambda: [self._run_clean()])
        if not self._grows():
            self.most = self.most or 1

    def outputs(self, windows: Sequence[Window]) -> Iterator[Batch]:
        """All windows, some at a time, with what the model gives under them."""
        rest = list(windows)
        while rest:
            size = self._size(len(rest))
            compares = size > 1 and not self._is_compared
            batch = rest[: size - compares]
            rest = rest[len(batch) :]
            yield batch, self._together(batch, compares=compares)

    @property
    def fastest(self) -> float:
        """The least seconds that a window has taken, as far as was tried."""
        return min(self._times.values(), default=self.seconds)

    @property
    def pays(self) -> bool:
        """Whether it pays that windows go through together."""
        return self.fastest < PAYS * self.seconds

    def _size(self, left: int) -> int:
        """How many go through next; sizes are tried before the fastest is settled on."""
        if self.most is not None:
            return self.most
        left += not self._is_compared
        size = self._tried(left)
        return left if left <= SPARE * size else size

    def _tried(self, left: int) -> int:
        """The next size to try, or the fastest."""
        if self.first not in self._times:
            return self.first
        if self.fastest < MUCH * self.seconds and self.many not in self._times:
            return min(self.many, left)
        if not self.pays and 1 not in self._times:
            return 1
        return min(self._times, key=self._times.__getitem__)

    def _together(self, batch: list[Window], *, compares: bool) -> list[Tensor]:
        """What the model gives for windows together; one by one, if it does not take them so."""
        start = time.perf_counter()
        try:
            found = self._compared(batch) if compares else self._checked(batch)
        except CaptumDeconvnetError:
            raise
        except Exception:
            if self.most is not None or len(batch) + compares == 1:
                raise
            found = None
        if found is None:
            self.most = 1
            alone = [self._checked([window]) for window in batch]
            return [torch.cat(tensors) for tensors in zip(*alone, strict=True)]
        size = len(batch) + compares
        self._times[size] = (time.perf_counter() - start) / size
        return found

    def _compared(self, batch: list[Window]) -> list[Tensor] | None:
        """The same with the clean inputs among them; ``None`` if those come out not as alone."""
        found = self._checked([NOWHERE, *batch])
        rows = [len(tensor) for tensor in self.clean]
        together, alone = found[0][: rows[0]], self.clean[0]
        self._is_compared = True
        is_same = check_batch_independence(
            self.name,
            [together],
            [alone],
            lambda: [self._run_clean()],
            lambda: [self._checked([NOWHERE] * (len(batch) + 1))[0][: len(together)]],
            ADVICE,
        )
        if not is_same and self.most is None:
            return None
        return [tensor[count:] for tensor, count in zip(found, rows, strict=True)]

    def _checked(self, batch: list[Window]) -> list[Tensor]:
        inputs = self.occluder.covered_inputs(batch)
        found = list(self.run(inputs, len(batch)))
        check_output_shape_valid(inputs, self.images, self.clean[0], found[0], len(batch))
        return found

    def _run_clean(self) -> Tensor:
        start = time.perf_counter()
        found = self.run(self.occluder.clean_inputs(), 1)
        self.seconds = time.perf_counter() - start
        self.clean = self.clean or found
        return found[0]

    def _grows(self) -> bool:
        """Whether the output has rows for the images."""
        output = self.clean[0]
        return output.dim() > 0 and len(output) % self.images == 0
