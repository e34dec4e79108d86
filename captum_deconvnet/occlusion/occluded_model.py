"""A model under many windows: run whole, or only where it can differ; whichever is faster."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from torch import Tensor

from captum_deconvnet.attribution.model_checks import train_mode_refused
from captum_deconvnet.attribution.selected_call import SelectedCall
from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.occlusion.incremental.incremental_model import IncrementalModel
from captum_deconvnet.occlusion.incremental.plain_pass import plain_pass
from captum_deconvnet.occlusion.incremental.traceable import BatchDependentError
from captum_deconvnet.occlusion.incremental.traced_passes import (
    ForwardCall,
    as_unsupported,
    trace_clean_pass,
    trace_windows,
)
from captum_deconvnet.occlusion.maps import OcclusionReport
from captum_deconvnet.occlusion.occluder import Occluder
from captum_deconvnet.occlusion.whole_model import MANY, PICTURES, WholeModel
from captum_deconvnet.occlusion.window_grid import Grid, Window

FEW = 12
"""With fewer windows, following the model costs more than it saves."""
CLEARLY = 0.5
"""Below this part of the model's own time no closer measurement is needed."""
SMALL = 2**14
"""Numbers in an input below which going through together may save more than going in part."""
CACHED = 2**21
"""Bytes of one activation of many windows up to which they go through together at once."""
OVERHEAD, PASSES, WORTH = 0.05, 8, 3
"""What it costs to recompute in part: seconds, and passes; and how often that must be at stake."""
FIRST = 8
"""Windows run whole to compare with those recomputed in part."""
AS_FAST = "the model run whole is as fast"


class OccludedModel:
    """Gives a model's selected outputs under windows of its inputs.

    Args:
        call: the model, its target and further arguments.
        occluder: covers windows of the inputs.
        grids: where the windows are.
        method: ``"auto"``, ``"incremental"`` or ``"dense"``.
        most: how many windows may go through together; ``None`` for what is fastest.
        memory_budget: bytes that the windows going through together may take.
    """

    def __init__(
        self,
        call: SelectedCall,
        occluder: Occluder,
        grids: Sequence[Grid],
        *,
        method: str,
        most: int | None,
        memory_budget: int,
    ) -> None:
        """Nothing runs but what tells how the windows are to be run."""
        self.call, self.occluder, self.method, self.most = call, occluder, method, most
        self.all_grids = grids
        self.grids = [grid for grid in grids if occluder.inputs[grid.input].numel()]
        self.count = sum(len(grid) for grid in self.grids)
        self.memory_budget = memory_budget
        self.error: float | None = None
        self.whole: WholeModel | None = None
        self._model = ForwardCall(call.run, call.modules, lambda count: call.expanded(count) or ())
        self._ahead: list[tuple[list[Window], Tensor]] = []
        self.engine, self.reason = self._engine()
        clean = self.engine.output if self.engine else self._whole().clean[0]
        if self.is_alone or (method == "dense" and self.count > 2 * FEW and not most):
            call.check_company(occluder.inputs, clean)
        self.clean = call.select(clean, 1)

    @property
    def report(self) -> OcclusionReport:
        """How it was worked out."""
        method = "incremental" if self.engine else "dense"
        return OcclusionReport(method, self.reason, self.count, self.error)

    def outputs(self) -> Iterator[tuple[list[Window], Tensor]]:
        """All windows, some at a time, with the selected outputs under them."""
        yield from self._ahead
        if self.engine is None:
            yield from self._run_whole(self._left())
            return
        tiles = self._tiles(self.engine)
        if self.engine and self.method == "auto":
            yield from self._compared(tiles)
        while self.engine and tiles:
            found = self._in_part(tiles[-1])
            if found is not None:
                yield tiles.pop(), found
        yield from self._run_whole([window for tile in tiles for window in tile])

    def _refusal(self, error: UnsupportedOperationError) -> UnsupportedOperationError:
        refused = f"{self.call.name} cannot be recomputed in part: {error}."
        return type(error)(f"{refused} Give method='auto' or 'dense'.")

    def _left(self) -> list[Window]:
        """The windows that have not been run yet."""
        windows = [window for grid in self.grids for window in grid.windows()]
        return windows[sum(len(part) for part, _ in self._ahead) :]

    def _tiles(self, engine: IncrementalModel) -> list[list[Window]]:
        """The windows that are left, in tiles of as many as go through together in part."""
        most = engine.memory.windows(self.memory_budget)
        left = set(self._left())
        tiles = [tile for grid in self.grids for tile in grid.tiles(min(most, self.most or most))]
        tiles = [[window for window in tile if window in left] for tile in tiles]
        return [tile for tile in tiles if tile]

    def _in_part(self, tile: list[Window]) -> Tensor | None:
        """The selected outputs of a tile recomputed in part; ``None`` if that does not work."""
        assert self.engine
        try:
            with as_unsupported(self.engine.passes.call, self.occluder):
                outputs = self.engine.outputs(tile)
        except UnsupportedOperationError as error:
            if self.method == "incremental":
                raise self._refusal(error) from error
            self.engine, self.reason = None, str(error)
            return None
        return self.call.select(outputs, len(tile))

    def _run_whole(self, windows: list[Window]) -> Iterator[tuple[list[Window], Tensor]]:
        if windows:
            for part, found in self._whole().outputs(windows):
                yield part, self.call.select(found[0], len(part))

    def _whole(
        self, clean: Tensor | None = None, seconds: float = 0.0, *, is_small: bool = False
    ) -> WholeModel:
        """The model run whole, made when it is needed first."""
        if self.whole is None:
            alone = self.call.module is None or self.is_alone
            self.whole = WholeModel(
                self.call.name,
                self._all,
                self.occluder,
                most=self.most or (1 if alone else None),
                clean=() if clean is None else [clean],
                seconds=seconds,
                is_suspect=self._is_suspect,
                is_small=is_small,
            )
        return self.whole

    def _all(self, inputs: Sequence[Tensor], count: int) -> list[Tensor]:
        with train_mode_refused(self.call.modules if count == 1 else {}):
            return [self.call.all(inputs, count)]

    @property
    def _is_suspect(self) -> bool:
        """Whether the model may be random and windows that go together do not show it."""
        is_long = self.count > 3 * FEW and (self.is_alone or self.call.module is None)
        return is_long or self.call.in_train_mode or "random" in self.reason

    def _engine(self) -> tuple[IncrementalModel | None, str]:
        """The engine, or why there is none."""
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
                raise self._refusal(error) from error
            self.is_alone = isinstance(error, BatchDependentError)
            self.reason = str(error)
            if self.is_alone and self.whole:  # what went through together does not count
                self.whole, self._ahead = None, []
            return None, self.reason

    def _chosen(self) -> tuple[IncrementalModel | None, str]:
        """The engine, if it promises to be faster than the model run whole."""
        if self.method == "auto" and self._is_short():
            return None, AS_FAST
        model, sample = self._model, max(self.grids, key=len).sample()
        passes = trace_windows(trace_clean_pass(model, self.occluder), model, self.occluder, sample)
        if self._ahead and self._at_stake() * (1 - passes.share()) <= self._cost():
            return None, AS_FAST
        engine = IncrementalModel(passes)
        self.error = engine.error
        if not engine.is_right:
            engine.check_error_is_rounding(self.call)
        return engine, ""

    def _looks_plain(self) -> bool:
        """Run the clean inputs, and say whether windows may simply go through together."""
        clean = plain_pass(self._model, self.occluder)
        if clean is not None:
            most = MANY * clean.largest / len(self.occluder.inputs[0])
            is_small = most <= CACHED or most <= self.call.weights
            self._whole(clean.output, clean.seconds, is_small=is_small)
        return clean is not None

    def _is_short(self) -> bool:
        """Whether small inputs take so little time run whole, some of them measured, as to stay."""
        is_small = max(tensor[:1].numel() for tensor in self.occluder.inputs) <= SMALL
        if not is_small or not self._looks_plain():
            return False
        if self._at_stake() > WORTH * self._cost():
            self._ahead = list(self._run_whole(self._left()[: self._whole().first - 1]))
        return self._at_stake() <= WORTH * self._cost()

    def _at_stake(self) -> float:
        """Seconds that the windows left take run whole, as far as is known."""
        left = self.count - sum(len(part) for part, _ in self._ahead)
        return left * self._whole().fastest

    def _cost(self) -> float:
        """Seconds that it takes to make ready to recompute in part."""
        return OVERHEAD + PASSES * self._whole().seconds

    def _compared(self, tiles: list[list[Window]]) -> Iterator[tuple[list[Window], Tensor]]:
        """Run one tile in part and, if that was not clearly faster, some windows whole."""
        assert self.engine
        engine, tile = self.engine, tiles.pop(len(tiles) // 2)
        start = time.perf_counter()
        outputs = self._in_part(tile)
        seconds = (time.perf_counter() - start) / len(tile)
        if outputs is None:
            tiles.append(tile)
            return
        yield tile, outputs
        is_clear = seconds < CLEARLY * (self.whole or engine.passes).seconds
        if not tiles or (is_clear and not self._ahead):
            return
        whole, rest = self._whole(engine.passes.clean, engine.passes.seconds), tiles.pop()
        for size in () if self._ahead else (FIRST, PICTURES):
            part, rest = rest[:size], rest[size:]
            yield from self._run_whole(part)
            if not whole.pays:
                break
        tiles.extend([rest] if rest else [])
        if whole.fastest < seconds:
            self.engine, self.reason = None, "no faster than running the model whole"
