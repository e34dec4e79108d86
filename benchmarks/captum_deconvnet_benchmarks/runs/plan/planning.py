"""Planning a run: one process looks at models and images, the others are told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from captum_deconvnet.gallery.shared_work import SharedWork
from captum_deconvnet_benchmarks.runs.plan.addresses import Place
from captum_deconvnet_benchmarks.runs.plan.plan import Group, Selection, groups_at, place_of, select
from captum_deconvnet_benchmarks.runs.plan.spec import Spec
from captum_deconvnet_benchmarks.runs.store.record import start_record
from captum_deconvnet_benchmarks.runs.store.store import RunStore
from captum_deconvnet_benchmarks.runs.work.subjects import Studios, write_thumbnails

PLAN = "plan"


def start_plan(studios: Studios, store: RunStore, *, retry: bool) -> tuple[list[Group], list[int]]:
    """All groups of a run, and the numbers of those that are not done."""
    spec = studios.spec
    chosen = selections(spec)
    store.sweep()
    groups = [group for place in _places(studios, store) for group in _groups(spec, chosen, place)]
    start_record(store.folder, spec, groups)
    pending = [
        number
        for number, group in enumerate(groups)
        if not all(store.done(unit.address, retry=retry) for unit in group.units())
    ]
    return groups, pending


def selections(spec: Spec) -> dict[str, Selection]:
    """The explainers and metrics of each model, by its name."""
    return {choice.name: select(spec, choice) for choice in spec.models}


def sent(shared: SharedWork, groups: Sequence[Group], pending: Sequence[int]) -> None:
    """Tell the other processes the plan."""
    places = list(dict.fromkeys(group.place for group in groups))
    plan = {"places": [vars(place) for place in places], "pending": list(pending)}
    shared.store.set(PLAN, json.dumps(plan))
    shared.say("planned")


def received_plan(shared: SharedWork, spec: Spec) -> tuple[list[Group], list[int]]:
    """The plan, once the leading process has told it."""
    chosen = selections(spec)
    shared.hear("planned")
    plan = json.loads(shared.store.get(PLAN))
    places = [_place(facts) for facts in plan["places"]]
    groups = [group for place in places for group in _groups(spec, chosen, place)]
    return groups, plan["pending"]


def _places(studios: Studios, store: RunStore) -> list[Place]:
    """Every block of every model; its images are drawn small on the way."""
    places = []
    for choice in studios.spec.models:
        studio = studios.studio(choice)
        for start in studio.starts():
            block = studio.block(start)
            write_thumbnails(store.folder / "images", studio, block)
            places.append(place_of(studio, block, studio.targets(block)))
    return places


def _groups(spec: Spec, chosen: Mapping[str, Selection], place: Place) -> list[Group]:
    choice = next(choice for choice in spec.models if choice.name == place.model)
    return groups_at(choice, place, chosen[place.model])


def _place(facts: dict[str, Any]) -> Place:
    """A place that went through JSON, which knows no tuples."""
    tuples = {key: tuple(facts[key]) for key in ("names", "targets")}
    versions = tuple((name, version) for name, version in facts["versions"])
    return Place(**{**facts, **tuples, "versions": versions})
