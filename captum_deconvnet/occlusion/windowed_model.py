"""A model under many windows of its inputs: run whole, or recomputed in part, as is faster."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from torch import Tensor

from captum_deconvnet.attribution.selected_call import SelectedCall
from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.occlusion.incremental.incremental_model import IncrementalModel
from captum_deconvnet.occlusion.incremental.plain_pass import plain_pass
from captum_deconvnet.occlusion.incremental.traceable import BatchDependentError, refused_in_part
from captum_deconvnet.occlusion.incremental.traced_passes import (
    ForwardCall,
    as_unsupported,
    trace_clean_pass,
    trace_windows,
)
from captum_deconvnet.occlusion.maps import OcclusionReport
from captum_deconvnet.occlusion.occluder import Occluder
from captum_deconvnet.occlusion.whole_model import (
    CACHED,
    MANY,
    PICTURES,
    Batch,
    WholeModel,
    forward_pass,
)
from captum_deconvnet.occlusion.window_grid import Grid, Window, tiles_of

FEW = 12
"""With fewer windows, tracing the model costs more than it saves."""
CLEARLY = 0.5
"""Below this share of the model's own time no closer measurement is needed."""
SMALL = 2**14
"""Numbers in an input below which going through together may save more than going in part."""
OVERHEAD, PASSES, WORTH = 0.05, 8, 3
"""What it costs to recompute in part: seconds, and passes; and how often that must be at stake."""
FIRST = 8
"""Windows run whole to compare with those recomputed in part."""
AS_FAST = "the model run whole is as fast"


class WindowedModel:
    """Gives a model's outputs, and one layer's activations, under windows of its inputs.

    Args:
        call: the model and its further arguments.
        occluder: covers windows of the inputs.
        grids: where the windows are.
        method: ``"auto"``, ``"incremental"`` or ``"dense"``.
        memory_budget: bytes that the windows going through together may take.
        most: how many windows may go through together; ``None`` for what is fastest.
        layer: the path of the module whose activations are asked for; ``None`` for none.

    Attributes:
        clean: the output, and the activations, with nothing covered.
    """

    def __init__(
        self,
        call: SelectedCall,
        occluder: Occluder,
        grids: Sequence[Grid],
        *,
        method: str,
        memory_budget: int,
        most: int | None = None,
        layer: str | None = None,
    ) -> None:
        """Nothing runs but what tells how the windows are to be run."""
        self.call, self.occluder, self.method, self.most = call, occluder, method, most
        self.grids = [grid for grid in grids if occluder.inputs[grid.input].numel()]
        self.count = sum(len(grid) for grid in self.grids)
        self.memory_budget, self.layer = memory_budget, layer
        self.error: float | None = None
        self.whole: WholeModel | None = None
        self._forward = forward_pass(call, layer)
        self._done: list[Batch] = []
        self.incremental, self.reason = self._incremental()
        self.clean = self.incremental.clean_tensors if self.incremental else self._whole().clean
        if self.is_alone or (method == "dense" and self.count > 2 * FEW and not most):
            call.check_batch_independence(occluder.inputs, self.clean[0])

    @property
    def own_output(self) -> Tensor:
        """What the model itself gave with nothing covered, not recomputed."""
        return self.incremental.passes.clean if self.incremental else self._whole().clean[0]

    @property
    def report(self) -> OcclusionReport:
        """How it was worked out."""
        method = "incremental" if self.incremental else "dense"
        return OcclusionReport(method, self.reason, self.count, self.error)

    def outputs(self) -> Iterator[Batch]:
        """All windows, some at a time, with the tensors under them, the first window first."""
        yield from self._done
        if self.incremental is None:
            yield from self._run_whole(self._left())
            return
        tiles = self._tiles(self.incremental)
        if self.method == "auto":
            yield from self._compared(tiles)
        while self.incremental and tiles:
            found = self._in_part(tiles[-1])
            if found is not None:
                yield tiles.pop(), found
        yield from self._run_whole([window for tile in tiles for window in tile])

    def _left(self) -> list[Window]:
        """The windows that have not been run yet."""
        windows = [window for grid in self.grids for window in grid.windows()]
        return windows[sum(len(batch) for batch, _ in self._done) :]

    def _tiles(self, incremental: IncrementalModel) -> list[list[Window]]:
        """The windows that are left, in tiles of as many as go through together in part."""
        most = incremental.memory.windows(self.memory_budget)
        return tiles_of(self.grids, min(most, self.most or most), self._left())

    def _in_part(self, tile: list[Window]) -> list[Tensor] | None:
        """The tensors under a tile recomputed in part; ``None`` if that does not work."""
        assert self.incremental
        try:
            with as_unsupported(self.incremental.passes.call, self.occluder):
                return self.incremental.outputs(tile)
        except UnsupportedOperationError as error:
            if self.method == "incremental":
                raise refused_in_part(self.call.name, error) from error
            self.incremental, self.reason = None, str(error)
            return None

    def _run_whole(self, windows: list[Window]) -> Iterator[Batch]:
        if windows:
            yield from self._whole().outputs(windows)

    def _whole(
        self, clean: Sequence[Tensor] = (), seconds: float = 0.0, *, is_small: bool = False
    ) -> WholeModel:
        """The model run whole, made when it is needed first."""
        if self.whole is None:
            alone = self.call.module is None or self.is_alone
            self.whole = WholeModel(
                self.call.name,
                self._forward,
                self.occluder,
                most=self.most or (1 if alone else None),
                clean=clean,
                seconds=seconds,
                is_suspect=self._is_suspect,
                is_small=is_small,
            )
        return self.whole

    @property
    def _is_suspect(self) -> bool:
        """Whether the model may be random and windows that go together do not show it."""
        is_long = self.count > 3 * FEW and (self.is_alone or self.call.module is None)
        return is_long or self.call.in_train_mode or "random" in self.reason

    def _incremental(self) -> tuple[IncrementalModel | None, str]:
        """The model recomputed in part, or why it is not."""
        self.reason, self.is_alone = "", False
        if self.method == "dense":
            return None, "asked for"
        if self.method == "auto" and self.call.module is None:
            return None, "the forward function is not a module"
        if self.method == "auto" and self.count < FEW:
            self.is_alone = not self._looks_plain()
            return None, f"only {self.count} windows"
        try:
            return self._chosen()
        except UnsupportedOperationError as error:
            if self.method == "incremental":
                raise refused_in_part(self.call.name, error) from error
            self.is_alone = isinstance(error, BatchDependentError)
            self.reason = str(error)
            if self.is_alone and self.whole:  # what went through together does not count
                self.whole, self._done = None, []
            return None, self.reason

    def _chosen(self) -> tuple[IncrementalModel | None, str]:
        """The model recomputed in part, if that promises to be faster than run whole."""
        if self.method == "auto" and self._is_short():
            return None, AS_FAST
        call, sample = ForwardCall.of(self.call, self.layer), max(self.grids, key=len).sample()
        clean = trace_clean_pass(call, self.occluder)
        passes = trace_windows(clean, call, self.occluder, sample)
        if self._done and self._at_stake() * (1 - passes.share()) <= self._cost():
            return None, AS_FAST
        incremental = IncrementalModel(passes)
        self.error = incremental.error
        if not incremental.is_right:
            incremental.check_error_is_rounding(self.call)
        return incremental, ""

    def _looks_plain(self) -> bool:
        """Run the clean inputs, and say whether windows may simply go through together."""
        clean = plain_pass(self._forward, self.occluder)
        if clean is not None:
            largest = MANY * clean.largest / len(self.occluder.inputs[0])
            is_small = largest <= max(CACHED, self.call.weights)
            self._whole(clean.outputs, clean.seconds, is_small=is_small)
        return clean is not None

    def _is_short(self) -> bool:
        """Whether small inputs take so little time run whole, some of them measured, as to stay."""
        is_small = max(tensor[:1].numel() for tensor in self.occluder.inputs) <= SMALL
        if not is_small or not self._looks_plain():
            return False
        if self._at_stake() > WORTH * self._cost():
            self._done = list(self._run_whole(self._left()[: self._whole().first - 1]))
        return self._at_stake() <= WORTH * self._cost()

    def _at_stake(self) -> float:
        """Seconds that the windows left take run whole, as far as is known."""
        left = self.count - sum(len(batch) for batch, _ in self._done)
        return left * self._whole().fastest

    def _cost(self) -> float:
        """Seconds that it takes to make ready to recompute in part."""
        return OVERHEAD + PASSES * self._whole().seconds

    def _compared(self, tiles: list[list[Window]]) -> Iterator[Batch]:
        """Run one tile in part and, if that was not clearly faster, some windows whole."""
        assert self.incremental
        incremental, tile = self.incremental, tiles.pop(len(tiles) // 2)
        start = time.perf_counter()
        outputs = self._in_part(tile)
        seconds = (time.perf_counter() - start) / len(tile)
        if outputs is None:
            tiles.append(tile)
            return
        yield tile, outputs
        passes = incremental.passes
        is_clear = seconds < CLEARLY * (self.whole or passes).seconds
        if not tiles or (is_clear and not self._done):
            return
        clean = [passes.clean, *incremental.clean_tensors[1:]]
        whole, rest = self._whole(clean, passes.seconds), tiles.pop()
        for size in () if self._done else (FIRST, PICTURES):
            first, rest = rest[:size], rest[size:]
            yield from self._run_whole(first)
            if not whole.pays:
                break
        tiles.extend([rest] if rest else [])
        if whole.fastest < seconds:
            self.incremental, self.reason = None, "no faster than running the model whole"
