"""A model under many windows: run whole, or only where it can differ; whichever is faster."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from torch import Tensor

from captum_deconvnet.attr.occlusion_report import OcclusionReport
from captum_deconvnet.attr.selected_call import SelectedCall, finite
from captum_deconvnet.attr.steadiness import distance, is_mixed, mixed_error
from captum_deconvnet.attr.whole_model import PAYS, PICTURES, WholeModel
from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.incremental.engine import Incremental, Model, Passes, followed, unfollowed
from captum_deconvnet.incremental.followed import CompanyError, RandomError
from captum_deconvnet.incremental.occluder import Occluder
from captum_deconvnet.incremental.train_mode import train_mode_refused
from captum_deconvnet.incremental.windows import Grid, Window

FEW = 12
"""With fewer windows than this, following the model costs more than it saves."""
CLEARLY = 0.5
"""Below this part of the model's own time no closer measurement is needed."""
SHORT = 0.005
"""Seconds of a window below which calling operations costs more than what they do."""
HARDLY = 0.9
"""With more than this part of the arithmetic left, recomputing in part saves next to nothing."""
OVERHEAD, PASSES = 0.02, 4
"""What it costs to recompute in part: seconds, and passes of the model."""
FIRST = 8
"""Windows run whole to compare with those recomputed in part."""
ROUNDED = 4
"""How much coarser than the model we may be."""


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
        self.grids = [grid for grid in grids if occluder.inputs[grid.input].numel()]
        self.count = sum(len(grid) for grid in self.grids)
        self.memory_budget = memory_budget
        self.error: float | None = None
        self.whole: WholeModel | None = None
        self._done: dict[Window, Tensor] = {}
        self.engine, self.reason = self._engine()
        clean = self.engine.output if self.engine else self._whole().clean[0]
        self.clean = call.select(clean, 1)

    @property
    def report(self) -> OcclusionReport:
        """How it was worked out."""
        method = "incremental" if self.engine else "dense"
        return OcclusionReport(method, self.reason, self.count, self.error)

    def outputs(self) -> Iterator[tuple[list[Window], Tensor]]:
        """All windows, some at a time, with the selected outputs under them."""
        for window, output in self._done.items():
            yield [window], output
        tiles = self._tiles()
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

    def _tiles(self) -> list[list[Window]]:
        """The windows that are left, in tiles of as many as go through together in part."""
        most = 1
        if self.engine:
            most = self.engine.memory.windows(self.memory_budget)
            most = min(most, self.most or most)
        tiles = [tile for grid in self.grids for tile in grid.tiles(most)]
        left = [[window for window in tile if window not in self._done] for tile in tiles]
        return [tile for tile in left if tile]

    def _in_part(self, tile: list[Window]) -> Tensor | None:
        """The selected outputs of a tile recomputed in part; ``None`` if that does not work."""
        assert self.engine
        try:
            with unfollowed(self.engine.passes.model, self.occluder):
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

    def _whole(self, passes: Passes | None = None) -> WholeModel:
        """The model run whole, made when it is needed first."""
        if self.whole is None:
            alone = self.call.module is None or self.is_alone
            self.whole = WholeModel(
                self.call.name,
                self._all,
                self.occluder,
                most=self.most or (1 if alone else None),
                clean=[passes.clean] if passes else (),
                seconds=passes.seconds if passes else 0.0,
                is_suspect=self._is_suspect,
            )
        return self.whole

    def _all(self, inputs: Sequence[Tensor], count: int) -> list[Tensor]:
        with train_mode_refused(self.call.modules if count == 1 else {}):
            return [self.call.all(inputs, count)]

    @property
    def _is_suspect(self) -> bool:
        return self.count > 3 * FEW or self.call.in_train_mode or "random" in self.reason

    def _engine(self) -> tuple[Incremental | None, str]:
        """The engine, or why there is none."""
        self.reason, self.is_alone = "", False
        if self.method == "dense":
            return None, "asked for"
        if self.method == "auto" and self.call.module is None:
            return None, "the forward function is not a module"
        if self.method == "auto" and self.count < FEW:
            return None, f"only {self.count} windows"
        try:
            return self._chosen()
        except UnsupportedOperationError as error:
            if self.method == "incremental":
                raise self._refusal(error) from error
            self.is_alone = isinstance(error, CompanyError)
            self.reason = str(error)
            return None, self.reason

    def _chosen(self) -> tuple[Incremental | None, str]:
        """The engine, if it promises to be faster than the model run whole."""
        model = Model(
            self.call.function, self.call.modules, lambda count: self.call.expanded(count) or ()
        )
        sample = _sample(max(self.grids, key=len))
        passes = followed(model, self.occluder, sample)
        if self.method == "auto" and (reason := self._hardly_pays(passes)):
            return None, reason
        engine = Incremental(passes)
        self.error = engine.error
        if not engine.is_right:
            self._explain(engine)
        return engine, ""

    def _hardly_pays(self, passes: Passes) -> str:
        """Why recomputing in part promises nothing; empty if it may.

        Where windows take less time together, some are run whole, to see how much less.
        """
        share = 0.0
        is_long = passes.seconds >= SHORT
        if is_long and passes.seconds >= PAYS * passes.alone:
            return ""
        if is_long and (share := passes.share()) < HARDLY:
            return ""
        whole = self._whole(passes)
        rest = [window for grid in self.grids for window in grid.windows()][:PICTURES]
        for part, output in self._run_whole(rest):
            self._done.update(zip(part, output.reshape(len(part), -1), strict=True))
        left = (self.count - len(self._done)) * whole.fastest
        cost = OVERHEAD + PASSES * passes.seconds
        if left <= cost or left * (1 - (share or passes.share())) <= cost:
            return "the model run whole is as fast"
        return ""

    def _explain(self, engine: Incremental) -> None:
        """Raise for an engine that does not give what the model gives, if rounding is not why."""
        sample, expected = engine.passes.sample, engine.passes.covered
        again, alone = self._plain(sample), self._plain(sample[:1])
        if distance(again, finite(expected)) > engine.limit:
            raise RandomError("the model gives different outputs for the same input")
        if is_mixed(alone, again[: len(alone)]):
            raise mixed_error(self.call.name)
        if engine.error > ROUNDED * distance(alone, again[: len(alone)]):
            raise UnsupportedOperationError(
                f"recomputed outputs were off by {engine.error:.1g} of the largest"
            )

    def _plain(self, sample: Sequence[Window]) -> Tensor:
        """All outputs of the model itself, for some windows together."""
        return self.call.all(self.occluder.whole(sample), len(sample))

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
        if not tiles or seconds < CLEARLY * engine.passes.seconds:
            return
        whole, rest = self._whole(engine.passes), tiles.pop()
        for size in (FIRST, PICTURES):
            part, rest = rest[:size], rest[size:]
            yield from self._run_whole(part)
            if not whole.pays:
                break
        tiles.extend([rest] if rest else [])
        if whole.fastest < seconds:
            self.engine, self.reason = None, "no faster than running the model whole"


def _sample(grid: Grid) -> list[Window]:
    """A window in the middle and the one in the corner."""
    return [grid.at([count // 2 for count in grid.counts]), grid.at([0] * len(grid.counts))]
