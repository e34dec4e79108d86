"""The explainers and metrics that the plugins offer, by name."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from captum_deconvnet.errors import ResultsError, unknown_name
from captum_deconvnet.registry import Registry, process_registry
from captum_deconvnet_benchmarks.explainers.controls import MINUS, minus
from captum_deconvnet_benchmarks.protocol.explainer import Explainer
from captum_deconvnet_benchmarks.protocol.metric import Metric

Entry = TypeVar("Entry", Explainer, Metric)


def explainers(registry: Registry | None = None) -> dict[str, Explainer]:
    """Every explainer, by name, in the order they were registered."""
    return _by_name("explainer", (registry or process_registry()).collect("register_explainers"))


def metrics(registry: Registry | None = None) -> dict[str, Metric]:
    """Every metric, by name, in the order they were registered."""
    return _by_name("metric", (registry or process_registry()).collect("register_metrics"))


def chosen_explainers(patterns: Iterable[str], known: Mapping[str, Explainer]) -> list[Explainer]:
    """The explainers that patterns name; ``control/minus-NAME`` makes one of any other.

    Raises:
        UnknownNameError: a pattern fits none; names the nearest.
    """
    wanted = list(patterns)
    made = {
        name: minus(known[name.removeprefix(MINUS)])
        for name in wanted
        if name.removeprefix(MINUS) in known and name not in known
    }
    return chosen("explainer", wanted, {**known, **made})


def chosen(kind: str, patterns: Iterable[str], known: Mapping[str, Entry]) -> list[Entry]:
    """The rows whose name fits a pattern, each once, in the order of the patterns.

    Raises:
        UnknownNameError: a pattern fits none; names the nearest.
    """
    found: dict[str, Entry] = {}
    for pattern in patterns:
        names = [name for name in known if fnmatch.fnmatchcase(name, pattern)]
        if not names:
            raise unknown_name(kind, pattern, known, f"See: deconvnet bench {kind}s")
        found.update((name, known[name]) for name in names)
    return list(found.values())


def with_parameters(kind: str, row: Entry, given: Mapping[str, Any]) -> Entry:
    """The row with some of its parameters replaced.

    Raises:
        UnknownNameError: the row has no such parameter; names the nearest.
    """
    for name in given:
        if name not in row.parameters:
            has = ", ".join(row.parameters) or "none"
            hint = f"{row.name} has: {has}."
            raise unknown_name(f"parameter of {kind}", name, row.parameters, hint)
    return replace(row, parameters={**row.parameters, **given})


def _by_name(kind: str, brought: Iterable[tuple[str, Entry]]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    owner: dict[str, str] = {}
    for plugin, row in brought:
        if row.name in found:
            raise ResultsError(
                f"Both {owner[row.name]} and {plugin} offer the {kind} {row.name!r}; leave one out "
                "with DECONVNET_PLUGINS."
            )
        found[row.name], owner[row.name] = row, plugin
    return found
