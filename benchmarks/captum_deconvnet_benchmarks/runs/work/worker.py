"""The work on one group: explain a block, then let every metric score the maps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Scores
from captum_deconvnet_benchmarks.protocol.randomness import seed_of
from captum_deconvnet_benchmarks.protocol.subject import Subject
from captum_deconvnet_benchmarks.runs.plan.addresses import Place
from captum_deconvnet_benchmarks.runs.plan.plan import Group
from captum_deconvnet_benchmarks.runs.plan.spec import ModelChoice, Spec
from captum_deconvnet_benchmarks.runs.store.rows import (
    FAILED,
    SKIPPED,
    Unit,
    with_scores,
    without_scores,
)
from captum_deconvnet_benchmarks.runs.store.store import RunStore
from captum_deconvnet_benchmarks.runs.work.batches import in_batches, joined, metered
from captum_deconvnet_benchmarks.runs.work.subjects import Block, Studio, Studios

NO_REGIONS = "the metric needs masks of the objects, and some image has none"
Told = Callable[[Unit, float], None]
"""Called with every unit that is done, and the seconds that it took."""


@dataclass
class Worker:
    """Does groups of units.

    Args:
        store: its folder.
        studios: where models and images are loaded.
        rank: the number of this process.
        retry: whether to do again what failed before.
    """

    store: RunStore
    studios: Studios
    rank: int = 0
    retry: bool = False

    def do(self, group: Group, told: Told) -> None:
        """Do the units of a group that are not done."""
        left = [u for u in group.units() if not self.store.done(u.address, retry=self.retry)]
        if not left:
            return
        start = time.perf_counter()
        studio, block = self._shown(group.choice, group.place)
        maps, status, reason = self._maps(group, studio, block)
        seconds = time.perf_counter() - start
        for unit in left:
            start = time.perf_counter()
            if maps is not None:
                rows, cost = self._scored(unit, studio, block, maps)
            else:
                rows, cost = without_scores(unit, status, reason), dict[str, Any]()
            self.store.keep_unit(unit.address, rows, self._cost(unit, cost))
            told(unit, time.perf_counter() - start + seconds)
            seconds = 0.0

    def _maps(self, group: Group, studio: Studio, block: Block) -> tuple[Tensor | None, str, str]:
        """The maps of a group, or why there are none."""
        try:
            reason = group.explainer.unfit(studio.subject)
        except Exception as error:
            return None, FAILED, f"unfit() of the explainer fails: {_said(error)}"
        if reason:
            return None, SKIPPED, reason
        kept = self.store.explanation(group.explanation)
        if kept is not None and len(kept[0]) == len(block.names):
            return kept[0].to(self.device), "", ""
        try:
            maps, cost = self._explain(group, studio, block)
        except Exception as error:
            return None, FAILED, f"the explainer fails: {_said(error)}"
        whole = self._cost(Unit(group.place, group.explainer, group.metrics[0]), cost)
        self.store.keep_explanation(group.explanation, maps, whole | {"unit": "", "metric": ""})
        return maps.to(self.device), "", ""

    def _explain(self, group: Group, studio: Studio, block: Block) -> tuple[Tensor, dict[str, Any]]:
        """The maps of a block, 32-bit on the CPU as they are kept, and their cost."""
        explainer = BoundExplainer(group.explainer, studio.subject)
        seeds = self._seeds("explainer", group.explainer.name, block)
        target = self._target(group.place)

        def explain(part: slice) -> Tensor:
            maps = explainer(block.inputs[part], target[part], seeds[part])
            return _checked(maps, block.inputs[part]).detach().to("cpu", torch.float32)

        with metered(studio.subject.model, self.device) as meter:
            parts, batch = in_batches(len(block.names), self._batch, explain)
        return torch.cat(parts), meter.cost() | {"batch": batch}

    def _scored(
        self, unit: Unit, studio: Studio, block: Block, maps: Tensor
    ) -> tuple[pa.Table, dict[str, Any]]:
        """The rows of a unit, and what they cost; what a plugin raises is a row."""
        if "regions" in unit.metric.needs and block.regions is None:
            return without_scores(unit, SKIPPED, NO_REGIONS), {}
        seeds = self._seeds("metric", unit.metric.name, block)
        try:
            scores, cost = self._evaluate(unit, studio.subject, block, maps, seeds)
            return with_scores(unit, block, seeds, scores), cost
        except Exception as error:
            return without_scores(unit, FAILED, f"the metric fails: {_said(error)}"), {}

    def _evaluate(
        self, unit: Unit, subject: Subject, block: Block, maps: Tensor, seeds: list[int]
    ) -> tuple[Scores, dict[str, Any]]:
        """The scores of a block, and their cost."""
        regions = block.regions
        explainer, target = BoundExplainer(unit.explainer, subject), self._target(unit.place)
        benchmark = unit.metric.on(subject)

        def evaluate(part: slice) -> Scores:
            return benchmark.evaluate(
                explainer,
                block.inputs[part],
                target[part],
                attributions=maps[part].to(block.inputs),
                seeds=seeds[part],
                regions=None if regions is None else regions[part],
            )

        with metered(subject.model, self.device) as meter:
            parts, batch = in_batches(len(block.names), self._batch, evaluate)
        return joined(parts), meter.cost() | {"batch": batch}

    def _shown(self, choice: ModelChoice, place: Place) -> tuple[Studio, Block]:
        """The model and the block of a place, loaded.

        Raises:
            ResultsError: weights or images have changed since the run was planned.
        """
        studio = self.studios.studio(choice)
        block = studio.block(place.start)
        found = studio.subject.weights_hash, block.digest
        if found != (place.weights, place.digest):
            raise ResultsError(
                f"The weights or images of {place.model} changed while the run was under way."
            )
        return studio, block

    @property
    def device(self) -> torch.device:
        """Where it works."""
        return self.studios.device

    @property
    def spec(self) -> Spec:
        """Of the run."""
        return self.studios.spec

    @property
    def _batch(self) -> int:
        return self.spec.batch or self.spec.block

    def _seeds(self, kind: str, name: str, block: Block) -> list[int]:
        return [seed_of(self.spec.seed, kind, name, image) for image in block.names]

    def _target(self, place: Place) -> Tensor:
        return torch.tensor(place.targets, device=self.device)

    def _cost(self, unit: Unit, cost: dict[str, Any]) -> dict[str, Any]:
        place = unit.place
        return {
            "unit": unit.address,
            "model": place.model,
            "explainer": unit.explainer.name,
            "metric": unit.metric.name,
            "images": len(place.names),
            "worker": self.rank,
            **cost,
        }


def _checked(maps: Any, inputs: Tensor) -> Tensor:
    """The maps, if they are one for each image and place.

    Raises:
        ResultsError: they are not.
    """
    count, channels, *sides = inputs.shape
    shapes = [(count, each, *sides) for each in (1, channels)]
    if not isinstance(maps, Tensor) or tuple(maps.shape) not in shapes:
        given = tuple(maps.shape) if isinstance(maps, Tensor) else type(maps).__name__
        raise ResultsError(f"it gave {given} for inputs {tuple(inputs.shape)}")
    return maps


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
