"""The work on one task: explain a block, then let every metric score the maps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer, Subject
from captum_deconvnet_benchmarks.protocol.metric import Scores
from captum_deconvnet_benchmarks.protocol.reproducibility import seed_of
from captum_deconvnet_benchmarks.runs.plan.identity import BlockIdentity, Unit
from captum_deconvnet_benchmarks.runs.plan.plan import ExplanationTask
from captum_deconvnet_benchmarks.runs.plan.spec import ModelChoice, Spec
from captum_deconvnet_benchmarks.runs.store.rows import with_scores, without_scores
from captum_deconvnet_benchmarks.runs.store.schema import FAILED, SKIPPED
from captum_deconvnet_benchmarks.runs.store.store import RunStore
from captum_deconvnet_benchmarks.runs.work.batches import in_batches, joined, metered
from captum_deconvnet_benchmarks.runs.work.models import Block, RunModel, RunModels

NO_REGIONS = "the metric needs masks of the objects, and some image has none"
Told = Callable[[Unit, float], None]
"""Called with every unit that is done, and the seconds that it took."""


@dataclass
class Worker:
    """Does tasks of units.

    Args:
        store: its folder.
        run_models: where models and images are loaded.
        rank: the number of this process.
        retry: whether to do again what failed before.
    """

    store: RunStore
    run_models: RunModels
    rank: int = 0
    retry: bool = False

    def do(self, task: ExplanationTask, told: Told) -> None:
        """Do the units of a task that are not done."""
        left = [u for u in task.units() if not self.store.done(u.address, retry=self.retry)]
        if not left:
            return
        start = time.perf_counter()
        run_model, block = self._shown(task.choice, task.identity)
        maps, status, reason = self._maps(task, run_model, block)
        seconds = time.perf_counter() - start
        for unit in left:
            start = time.perf_counter()
            if maps is not None:
                rows, cost = self._scored(unit, run_model, block, maps)
            else:
                rows, cost = without_scores(unit, status, reason), dict[str, Any]()
            self.store.keep_unit(unit.address, rows, self._cost(unit, cost))
            told(unit, time.perf_counter() - start + seconds)
            seconds = 0.0

    def _maps(
        self, task: ExplanationTask, run_model: RunModel, block: Block
    ) -> tuple[Tensor | None, str, str]:
        """The maps of a task, or why there are none."""
        try:
            reason = task.explainer.unfit(run_model.subject)
        except Exception as error:
            return None, FAILED, f"unfit() of the explainer fails: {_said(error)}"
        if reason:
            return None, SKIPPED, reason
        kept = self.store.explanation(task.explanation)
        if kept is not None and len(kept[0]) == len(block.names):
            return kept[0].to(self.device), "", ""
        try:
            maps, cost = self._explain(task, run_model, block)
        except Exception as error:
            return None, FAILED, f"the explainer fails: {_said(error)}"
        whole = self._cost(Unit(task.identity, task.explainer, task.metrics[0]), cost)
        self.store.keep_explanation(task.explanation, maps, whole | {"unit": "", "metric": ""})
        return maps.to(self.device), "", ""

    def _explain(
        self, task: ExplanationTask, run_model: RunModel, block: Block
    ) -> tuple[Tensor, dict[str, Any]]:
        """The maps of a block, 32-bit on the CPU as they are kept, and their cost."""
        explainer = BoundExplainer(task.explainer, run_model.subject)
        seeds = self._seeds("explainer", task.explainer.name, block)
        target = self._target(task.identity)

        def explain(part: slice) -> Tensor:
            maps = explainer(block.inputs[part], target[part], seeds[part])
            return _checked(maps, block.inputs[part]).detach().to("cpu", torch.float32)

        with metered(run_model.subject.model, self.device) as meter:
            parts, batch = in_batches(len(block.names), self._batch, explain)
        return torch.cat(parts), meter.cost() | {"batch": batch}

    def _scored(
        self, unit: Unit, run_model: RunModel, block: Block, maps: Tensor
    ) -> tuple[pa.Table, dict[str, Any]]:
        """The rows of a unit, and what they cost; what a plugin raises is a row."""
        if "regions" in unit.metric.needs and block.regions is None:
            return without_scores(unit, SKIPPED, NO_REGIONS), {}
        seeds = self._seeds("metric", unit.metric.name, block)
        try:
            scores, cost = self._evaluate(unit, run_model.subject, block, maps, seeds)
            return with_scores(unit, block, seeds, scores), cost
        except Exception as error:
            return without_scores(unit, FAILED, f"the metric fails: {_said(error)}"), {}

    def _evaluate(
        self, unit: Unit, subject: Subject, block: Block, maps: Tensor, seeds: list[int]
    ) -> tuple[Scores, dict[str, Any]]:
        """The scores of a block, and their cost."""
        regions = block.regions
        explainer, target = BoundExplainer(unit.explainer, subject), self._target(unit.identity)
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

    def _shown(self, choice: ModelChoice, identity: BlockIdentity) -> tuple[RunModel, Block]:
        """The model and the block of a identity, loaded.

        Raises:
            ResultsError: weights or images have changed since the run was planned.
        """
        run_model = self.run_models.of(choice)
        block = run_model.block(identity.start)
        found = run_model.subject.weights_hash, block.digest
        if found != (identity.weights, identity.digest):
            raise ResultsError(
                f"The weights or images of {identity.model} changed while the run was under way."
            )
        return run_model, block

    @property
    def device(self) -> torch.device:
        """Where it works."""
        return self.run_models.device

    @property
    def spec(self) -> Spec:
        """Of the run."""
        return self.run_models.spec

    @property
    def _batch(self) -> int:
        return self.spec.batch or self.spec.block

    def _seeds(self, kind: str, name: str, block: Block) -> list[int]:
        return [seed_of(self.spec.seed, kind, name, image) for image in block.names]

    def _target(self, identity: BlockIdentity) -> Tensor:
        return torch.tensor(identity.targets, device=self.device)

    def _cost(self, unit: Unit, cost: dict[str, Any]) -> dict[str, Any]:
        identity = unit.identity
        return {
            "unit": unit.address,
            "model": identity.model,
            "explainer": unit.explainer.name,
            "metric": unit.metric.name,
            "images": len(identity.names),
            "worker": self.rank,
            **cost,
        }


def _checked(maps: Any, inputs: Tensor) -> Tensor:
    """The maps, if they are one for each image and position.

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
