"""A model under many windows: run whole, or only where it can differ; whichever is faster."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_deconvnet.attr.captum_compat import check_output_shape_valid
from captum_deconvnet.attr.selected_call import SelectedCall, finite
from captum_deconvnet.errors import ModelError, UnsupportedOperationError
from captum_deconvnet.incremental.engine import Incremental, Model, relative
from captum_deconvnet.incremental.followed import RandomError
from captum_deconvnet.incremental.occluder import Occluder
from captum_deconvnet.incremental.train_mode import train_mode_refused
from captum_deconvnet.incremental.windows import Grid, Window

TOGETHER = 16
"""Windows that go through the whole model together, if the user sets no lower bound."""
FEW = 12
"""With fewer windows than this, following the model costs more than it saves."""
CLEARLY = 0.5
"""Below this part of the model's own time no closer measurement is needed."""


MIXED, ROUNDED = 100, 4
"""How many times the tolerance no rounding reaches; how much coarser than the model we may be."""


@dataclass(frozen=True)
class OcclusionReport:
    """How an occlusion was worked out.

    Args:
        method: ``"incremental"`` or ``"dense"``.
        reason: why it was not incremental; empty if it was.
        windows: how many windows there were.
        error: the largest difference of two windows' outputs from the model's own, as a part of
            the largest output; ``None`` if the model could not be followed.
    """

    method: str
    reason: str
    windows: int
    error: float | None = None


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
        """Nothing runs yet."""
        self.call, self.occluder, self.method, self.most = call, occluder, method, most
        self.grids = [grid for grid in grids if occluder.inputs[grid.input].numel()]
        self.count = sum(len(grid) for grid in self.grids)
        self.memory_budget = memory_budget
        self.error: float | None = None
        self.together = most or (TOGETHER if call.module is not None else 1)
        self.engine, self.reason = self._engine()
        self.clean = call.select(self.engine.output, 1) if self.engine else self._own_clean()

    @property
    def report(self) -> OcclusionReport:
        """How it was worked out."""
        method = "incremental" if self.engine else "dense"
        return OcclusionReport(method, self.reason, self.count, self.error)

    def outputs(self) -> Iterator[tuple[list[Window], Tensor]]:
        """All windows, some at a time, with the selected outputs under them."""
        tiles = [tile for grid in self.grids for tile in grid.tiles(self.together)]
        if self.engine and self.method == "auto":
            yield from self._compared(tiles)
        while tiles:
            tile = tiles.pop()
            yield tile, self._evaluated(tile)

    def _evaluated(self, windows: list[Window]) -> Tensor:
        if self.engine:
            return self.call.select(self.engine.outputs(windows), len(windows))
        parts = [windows[k : k + self.together] for k in range(0, len(windows), self.together)]
        return torch.cat([self._dense(part).reshape(len(part), -1) for part in parts])

    def _dense(self, windows: list[Window]) -> Tensor:
        inputs = self.occluder.whole(windows)
        output = self.call(inputs, len(windows))
        images = len(self.occluder.inputs[0])
        check_output_shape_valid(inputs, images, self.clean, output, len(windows))
        return output

    def _own_clean(self) -> Tensor:
        with train_mode_refused(self.call.modules):
            output = self.call.all(self.occluder.inputs, 1)
        clean = self.call.select(output, 1)
        grows = clean.dim() > 0 and len(clean) % max(len(self.occluder.inputs[0]), 1) == 0
        self.together = self.together if grows or self.most else 1
        is_suspect = self.count > 3 * FEW or self.call.in_train_mode or "random" in self.reason
        if is_suspect and _distance(self.call.all(self.occluder.inputs, 1), output) > 0:
            _warn_random()
        return clean

    def _engine(self) -> tuple[Incremental | None, str]:
        """The engine, or why there is none."""
        if self.method == "dense":
            return None, "asked for"
        if self.method == "auto" and self.call.module is None:
            return None, "the forward function is not a module"
        if self.method == "auto" and self.count < FEW:
            return None, f"only {self.count} windows"
        try:
            return self._checked_engine(), ""
        except UnsupportedOperationError as error:
            if self.method == "incremental":
                raise
            return None, str(error)

    def _checked_engine(self) -> Incremental:
        model = Model(
            self.call.function, self.call.modules, lambda count: self.call.expanded(count) or ()
        )
        sample = _sample(max(self.grids, key=len))
        engine = Incremental(model, self.occluder, sample)
        self.error = engine.checked.error
        if not engine.checked.error <= engine.checked.limit:
            self._explain(sample, engine)
        fitting = engine.memory.windows(self.memory_budget)
        self.together = min(fitting, self.most or fitting)
        return engine

    def _explain(self, sample: list[Window], engine: Incremental) -> None:
        """Raise for an engine that does not give what the model gives, if rounding is not why."""
        checked = engine.checked
        again, alone = self._plain(sample), self._plain(sample[:1])
        if _distance(again, finite(checked.output)) > checked.limit:
            raise RandomError("the model gives different outputs for the same input")
        rounding = _distance(alone, again[: len(alone)])
        if rounding > MIXED * checked.limit:
            raise ModelError(
                f"{_name(self.call)} gives an image another output when other images are in its "
                "batch: windows cannot go through together. Call model.eval(), or give "
                "method='dense' and perturbations_per_eval=1."
            )
        if checked.error > ROUNDED * rounding:
            raise UnsupportedOperationError(
                f"recomputed outputs were off by {checked.error:.1g} of the largest"
            )

    def _plain(self, windows: list[Window]) -> Tensor:
        """All outputs of the model itself, for some windows together."""
        return self.call.all(self.occluder.whole(windows), len(windows))

    def _compared(self, tiles: list[list[Window]]) -> Iterator[tuple[list[Window], Tensor]]:
        """Run one tile incrementally and, if that was not clearly faster, one window whole."""
        assert self.engine
        tile = tiles.pop(len(tiles) // 2)
        seconds, outputs = _timed(lambda: self._evaluated(tile))
        yield tile, outputs
        seconds /= len(tile)
        if not tiles or seconds < CLEARLY * self.engine.checked.seconds:
            return
        engine, self.engine = self.engine, None
        rest = tiles.pop()
        own = []
        for size in {1, min(8, self.together, max(1, len(rest) - 1))}:
            part, rest = rest[:size], rest[size:]
            if part:
                taken, outputs = _timed(lambda part=part: self._dense(part))  # type: ignore[misc]
                yield part, outputs
                own.append((taken / len(part), size))
        tiles.extend([rest] if rest else [])
        if seconds < min(own)[0]:
            self.engine = engine
        else:
            self.reason, self.together = "no faster than running the model whole", min(own)[1]


def _sample(grid: Grid) -> list[Window]:
    """A window in the middle and the one in the corner."""
    return [grid.at([count // 2 for count in grid.counts]), grid.at([0] * len(grid.counts))]


def _distance(one: Tensor, other: Tensor) -> float:
    """The largest difference, as a part of the largest value."""
    return relative(one, other) if one.numel() else 0.0


def _timed(run: Callable[[], Tensor]) -> tuple[float, Tensor]:
    start = time.perf_counter()
    outputs = run()
    return time.perf_counter() - start, outputs


def _name(call: SelectedCall) -> str:
    return type(call.module).__name__ if call.module is not None else "The forward function"


def _warn_random() -> None:
    warnings.warn(
        "The model gives different outputs for the same input: what occlusion shows is partly "
        "chance. Call model.eval(), or seed what it draws.",
        UserWarning,
        stacklevel=2,
    )
