"""The plan of a run: every unit of work, grouped by the explanation that it looks at.

One process looks at models and images and plans; the others are told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from captum_deconvnet.cli.loading import device_of as named_device
from captum_deconvnet.cli.options import DEVICES
from captum_deconvnet.errors import unknown_name
from captum_deconvnet.gallery.shared_work import SharedWork
from captum_deconvnet_benchmarks.protocol.catalogue import (
    chosen,
    chosen_explainers,
    explainers,
    metrics,
    with_parameters,
)
from captum_deconvnet_benchmarks.protocol.explainer import Explainer
from captum_deconvnet_benchmarks.protocol.metric import Metric
from captum_deconvnet_benchmarks.runs.plan.identity import BlockIdentity, Unit, code_versions
from captum_deconvnet_benchmarks.runs.plan.spec import KINDS, Kind, ModelChoice, Spec
from captum_deconvnet_benchmarks.runs.store.store import RunStore
from captum_deconvnet_benchmarks.runs.work.models import (
    Block,
    RunModel,
    RunModels,
    write_thumbnails,
)


@dataclass(frozen=True)
class Selection:
    """The explainers and metrics of a run, with its parameters."""

    explainers: tuple[Explainer, ...]
    metrics: tuple[Metric, ...]


@dataclass(frozen=True)
class ExplanationTask:
    """The units that share one explanation."""

    choice: ModelChoice
    identity: BlockIdentity
    explainer: Explainer
    metrics: tuple[Metric, ...]

    @property
    def explanation(self) -> str:
        """The address of the maps."""
        return self.identity.explanation(self.explainer)

    def units(self) -> list[Unit]:
        """One for each metric."""
        return [Unit(self.identity, self.explainer, metric) for metric in self.metrics]


def select(spec: Spec, choice: ModelChoice) -> Selection:
    """What the names and patterns of a spec mean for one of its models.

    Raises:
        UnknownNameError: a name, or a parameter, that nothing has; names the nearest.
    """
    found = chosen_explainers(spec.explainers, explainers())
    scores = chosen("metric", spec.metrics, metrics())
    given = {kind: _given(spec, choice, kind) for kind in KINDS}
    ours = [with_parameters("explainer", e, given["explainers"].pop(e.name, {})) for e in found]
    theirs = [with_parameters("metric", m, given["metrics"].pop(m.name, {})) for m in scores]
    for kind, left in given.items():
        for name in left:
            known = [row.name for row in (found if kind == "explainers" else scores)]
            raise unknown_name(f"name under parameters.{kind}", name, known)
    return Selection(tuple(ours), tuple(theirs))


def _given(spec: Spec, choice: ModelChoice, kind: Kind) -> dict[str, dict[str, Any]]:
    """The parameters of the run by name, with those of the model on top."""
    shared, own = spec.parameters.get(kind, {}), choice.parameters.get(kind, {})
    names = dict.fromkeys([*shared, *own])
    return {name: {**shared.get(name, {}), **own.get(name, {})} for name in names}


def identity_of(run_model: RunModel, block: Block, targets: Sequence[int]) -> BlockIdentity:
    """What the work on a block depends on."""
    spec = run_model.spec
    return BlockIdentity(
        model=run_model.choice.name,
        weights=run_model.subject.weights_hash,
        layer=run_model.subject.layer,
        start=block.start,
        names=tuple(block.names),
        digest=block.digest,
        targets=tuple(targets),
        seed=spec.seed,
        versions=tuple(sorted(code_versions(run_model.device).items())),
    )


def tasks_at(
    choice: ModelChoice, identity: BlockIdentity, selection: Selection
) -> list[ExplanationTask]:
    """The tasks of one block of a model."""
    return [
        ExplanationTask(choice, identity, each, selection.metrics) for each in selection.explainers
    ]


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


def plan_facts(tasks: Sequence[ExplanationTask]) -> dict[str, Any]:
    """The plan as JSON: which files hold what."""
    return {
        "explanations": [
            {
                "model": task.identity.model,
                "explainer": task.explainer.name,
                "start": task.identity.start,
                "images": list(task.identity.names),
                "targets": list(task.identity.targets),
                "address": task.explanation,
            }
            for task in tasks
        ],
        "units": [
            {
                "model": unit.identity.model,
                "explainer": unit.explainer.name,
                "metric": unit.metric.name,
                "start": unit.identity.start,
                "address": unit.address,
            }
            for task in tasks
            for unit in task.units()
        ],
    }


PLAN = "plan"


def start_plan(
    run_models: RunModels, store: RunStore, *, retry: bool
) -> tuple[list[ExplanationTask], list[int]]:
    """All tasks of a run, and the numbers of those that are not done."""
    spec = run_models.spec
    chosen = selections(spec)
    store.sweep()
    tasks = [
        task
        for identity in _identities(run_models, store)
        for task in _tasks(spec, chosen, identity)
    ]
    pending = [
        number
        for number, task in enumerate(tasks)
        if not all(store.done(unit.address, retry=retry) for unit in task.units())
    ]
    return tasks, pending


def selections(spec: Spec) -> dict[str, Selection]:
    """The explainers and metrics of each model, by its name."""
    return {choice.name: select(spec, choice) for choice in spec.models}


def sent(shared: SharedWork, tasks: Sequence[ExplanationTask], pending: Sequence[int]) -> None:
    """Tell the other processes the plan."""
    identities = list(dict.fromkeys(task.identity for task in tasks))
    plan = {"identities": [vars(identity) for identity in identities], "pending": list(pending)}
    shared.store.set(PLAN, json.dumps(plan))
    shared.announce("planned")


def received_plan(shared: SharedWork, spec: Spec) -> tuple[list[ExplanationTask], list[int]]:
    """The plan, once the leading process has told it."""
    chosen = selections(spec)
    shared.wait_for("planned")
    plan = json.loads(shared.store.get(PLAN))
    identities = [_identity(facts) for facts in plan["identities"]]
    tasks = [task for identity in identities for task in _tasks(spec, chosen, identity)]
    return tasks, plan["pending"]


def _identities(run_models: RunModels, store: RunStore) -> list[BlockIdentity]:
    """Every block of every model; its images are drawn small on the way."""
    identities = []
    for choice in run_models.spec.models:
        run_model = run_models.of(choice)
        for start in run_model.starts():
            block = run_model.block(start)
            write_thumbnails(store.folder / "images", run_model, block)
            identities.append(identity_of(run_model, block, run_model.targets(block)))
    return identities


def _tasks(
    spec: Spec, chosen: Mapping[str, Selection], identity: BlockIdentity
) -> list[ExplanationTask]:
    choice = next(choice for choice in spec.models if choice.name == identity.model)
    return tasks_at(choice, identity, chosen[identity.model])


def _identity(facts: dict[str, Any]) -> BlockIdentity:
    """A block's identity that went through JSON, which knows no tuples."""
    tuples = {key: tuple(facts[key]) for key in ("names", "targets")}
    versions = tuple((name, version) for name, version in facts["versions"])
    return BlockIdentity(**{**facts, **tuples, "versions": versions})
