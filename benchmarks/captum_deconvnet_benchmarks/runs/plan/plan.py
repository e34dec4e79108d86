"""The plan of a run: every unit of work, grouped by the explanation that it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from captum_deconvnet.cli.options import DEVICES
from captum_deconvnet.cli.options import device_of as named_device
from captum_deconvnet.errors import unknown_name
from captum_deconvnet_benchmarks.protocol.catalogue import (
    chosen,
    chosen_explainers,
    explainers,
    metrics,
    with_parameters,
)
from captum_deconvnet_benchmarks.protocol.explainer import Explainer
from captum_deconvnet_benchmarks.protocol.metric import Metric
from captum_deconvnet_benchmarks.runs.plan.addresses import Place, code_versions
from captum_deconvnet_benchmarks.runs.plan.spec import ModelChoice, Spec
from captum_deconvnet_benchmarks.runs.store.rows import Unit
from captum_deconvnet_benchmarks.runs.work.subjects import Block, Studio


@dataclass(frozen=True)
class Selection:
    """The explainers and metrics of a run, with its parameters."""

    explainers: tuple[Explainer, ...]
    metrics: tuple[Metric, ...]


@dataclass(frozen=True)
class Group:
    """The units that share one explanation."""

    choice: ModelChoice
    place: Place
    explainer: Explainer
    metrics: tuple[Metric, ...]

    @property
    def explanation(self) -> str:
        """The address of the maps."""
        return self.place.explanation(self.explainer)

    def units(self) -> list[Unit]:
        """One for each metric."""
        return [Unit(self.place, self.explainer, metric) for metric in self.metrics]


def select(spec: Spec, choice: ModelChoice) -> Selection:
    """What the names and patterns of a spec mean for one of its models.

    Raises:
        UnknownNameError: a name, or a parameter, that nothing has; names the nearest.
    """
    found = chosen_explainers(spec.explainers, explainers())
    scores = chosen("metric", spec.metrics, metrics())
    given = {kind: _given(spec, choice, kind) for kind in ("explainers", "metrics")}
    ours = [with_parameters("explainer", e, given["explainers"].pop(e.name, {})) for e in found]
    theirs = [with_parameters("metric", m, given["metrics"].pop(m.name, {})) for m in scores]
    for kind, left in given.items():
        for name in left:
            known = [row.name for row in (found if kind == "explainers" else scores)]
            raise unknown_name(f"name under parameters.{kind}", name, known)
    return Selection(tuple(ours), tuple(theirs))


def _given(spec: Spec, choice: ModelChoice, kind: str) -> dict[str, dict[str, Any]]:
    """The parameters of the run by name, with those of the model on top."""
    shared, own = spec.parameters.get(kind, {}), choice.parameters.get(kind, {})
    names = dict.fromkeys([*shared, *own])
    return {name: {**shared.get(name, {}), **own.get(name, {})} for name in names}


def place_of(studio: Studio, block: Block, targets: Sequence[int]) -> Place:
    """Where the work on a block is done."""
    spec = studio.spec
    return Place(
        model=studio.choice.name,
        weights=studio.subject.weights_hash,
        layer=studio.subject.layer,
        start=block.start,
        names=tuple(block.names),
        digest=block.digest,
        targets=tuple(targets),
        seed=spec.seed,
        versions=tuple(sorted(code_versions(studio.device).items())),
    )


def groups_at(choice: ModelChoice, place: Place, selection: Selection) -> list[Group]:
    """The groups of one block of a model."""
    return [Group(choice, place, each, selection.metrics) for each in selection.explainers]


def device_of(spec: Spec, local_rank: int) -> torch.device:
    """The device of a process; ``"cuda"`` is shared out between those of one machine.

    Raises:
        ModelError: this machine has no such device.
    """
    is_kind = spec.device in DEVICES
    device = named_device(spec.device) if is_kind else torch.device(spec.device)
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", local_rank % max(torch.cuda.device_count(), 1))
    return device


def plan_facts(groups: Sequence[Group]) -> dict[str, Any]:
    """The plan as JSON: which files hold what."""
    return {
        "explanations": [
            {
                "model": group.place.model,
                "explainer": group.explainer.name,
                "start": group.place.start,
                "images": list(group.place.names),
                "targets": list(group.place.targets),
                "address": group.explanation,
            }
            for group in groups
        ],
        "units": [
            {
                "model": unit.place.model,
                "explainer": unit.explainer.name,
                "metric": unit.metric.name,
                "start": unit.place.start,
                "address": unit.address,
            }
            for group in groups
            for unit in group.units()
        ],
    }
