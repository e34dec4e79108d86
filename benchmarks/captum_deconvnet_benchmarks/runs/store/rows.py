"""Long rows: one a (model, explainer, metric, image, score, step)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan
from typing import Any

import pyarrow as pa

from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.protocol.metric import Scores
from captum_deconvnet_benchmarks.runs.plan.identity import Unit
from captum_deconvnet_benchmarks.runs.store.schema import NO_IMAGE, OK, SCHEMA
from captum_deconvnet_benchmarks.runs.work.models import Block


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
            "target": unit.identity.targets[image],
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
