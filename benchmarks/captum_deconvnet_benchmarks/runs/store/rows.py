"""Long rows: one a (model, explainer, metric, image, score, step)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import pyarrow as pa

from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.protocol.explainer import Explainer
from captum_deconvnet_benchmarks.protocol.metric import Metric, Scores
from captum_deconvnet_benchmarks.runs.plan.addresses import Place, plain_json
from captum_deconvnet_benchmarks.runs.work.subjects import Block

SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("weights", pa.string()),
        ("explainer", pa.string()),
        ("explainer_parameters", pa.string()),
        ("control", pa.bool_()),
        ("metric", pa.string()),
        ("metric_parameters", pa.string()),
        ("metric_version", pa.int64()),
        ("better", pa.string()),
        ("headline", pa.bool_()),
        ("image", pa.int64()),
        ("image_name", pa.string()),
        ("cluster", pa.string()),
        ("target", pa.int64()),
        ("score", pa.string()),
        ("step", pa.int64()),
        ("x", pa.float64()),
        ("value", pa.float64()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("seed", pa.int64()),
        ("unit", pa.string()),
    ]
)
ORDER = ("model", "explainer", "metric", "image", "score", "step")
OK, SKIPPED, FAILED = "ok", "skipped", "failed"
NO_IMAGE = {
    "headline": False, "image": -1, "image_name": "", "cluster": "", "target": -1, "score": "",
    "step": -1, "x": nan, "value": nan, "seed": -1,
}  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """One piece of work: a metric's scores of an explainer's maps of one block."""

    place: Place
    explainer: Explainer
    metric: Metric

    @property
    def address(self) -> str:
        """The digest of all that decides its scores."""
        return self.place.unit(self.explainer, self.metric)

    def facts(self) -> dict[str, Any]:
        """What all its rows share."""
        return {
            "model": self.place.model,
            "weights": self.place.weights,
            "explainer": self.explainer.name,
            "explainer_parameters": plain_json(self.explainer.parameters),
            "control": self.explainer.control,
            "metric": self.metric.name,
            "metric_parameters": plain_json(self.metric.parameters),
            "metric_version": self.metric.version,
            "better": self.metric.better or "",
            "unit": self.address,
        }


def without_scores(unit: Unit, status: str, reason: str) -> pa.Table:
    """The one row of a unit that was skipped or failed."""
    row = unit.facts() | NO_IMAGE | {"status": status, "reason": " ".join(reason.split())}
    return pa.Table.from_pylist([row], SCHEMA)


def with_scores(unit: Unit, block: Block, seeds: Sequence[int], scores: Scores) -> pa.Table:
    """The rows of a unit that was scored.

    Raises:
        ResultsError: the metric gave no scores, or not one an image.
    """
    _check(scores, len(block.names))
    facts = unit.facts() | {"status": OK, "reason": ""}
    rows = []
    for image, name in enumerate(block.names):
        own = {
            "image": block.start + image,
            "image_name": name,
            "cluster": block.clusters[image],
            "target": unit.place.targets[image],
            "seed": seeds[image],
        }
        rows += [facts | own | score for score in _scores_of(scores, image)]
    return pa.Table.from_pylist(rows, SCHEMA)


def _scores_of(scores: Scores, image: int) -> Iterator[dict[str, Any]]:
    """The scores of one image, then its curves, point by point."""
    headline = next(iter(scores.values))
    for name, values in scores.values.items():
        value = float(values[image])
        yield {"score": name, "headline": name == headline, "step": -1, "x": nan, "value": value}
    for name, curve in scores.curves.items():
        points = zip(curve.x.tolist(), curve.y[image].tolist(), strict=True)
        for step, (x, value) in enumerate(points):
            yield {"score": name, "headline": False, "step": step, "x": x, "value": value}


def _check(scores: Scores, count: int) -> None:
    if not isinstance(scores, Scores) or not scores.values:
        raise ResultsError(f"the metric gave {scores!r}; Scores with at least one were expected")
    shapes = {name: tuple(values.shape) for name, values in scores.values.items()}
    shapes |= {name: tuple(curve.y.shape)[:1] for name, curve in scores.curves.items()}
    wrong = {name: shape for name, shape in shapes.items() if shape != (count,)}
    if wrong:
        raise ResultsError(f"the metric gave {wrong} scores for {count} images")
