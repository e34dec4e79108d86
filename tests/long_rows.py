"""Rows of a run, as ``deconvnet bench run`` writes them, from values given by hand."""

from __future__ import annotations

import numpy as np

CONTROL = "control/"


def score_rows(model, explainer, metric, values, **changes):
    """Rows of one pair: one value an image; ``cluster`` may be a list, one an image."""
    clusters = changes.pop("cluster", [f"photograph {n}" for n in range(len(values))])
    same = {
        "model": model,
        "weights": f"weights of {model}",
        "explainer": explainer,
        "explainer_parameters": "{}",
        "control": explainer.startswith(CONTROL),
        "metric": metric,
        "metric_parameters": '{"window": 8}',
        "metric_version": 1,
        "better": "higher",
        "headline": True,
        "target": 3,
        "score": "value",
        "step": -1,
        "x": float("nan"),
        "status": "ok",
        "reason": "",
        "seed": 7,
        "unit": f"{model} {explainer} {metric}",
    } | changes
    return [
        same | {"image": n, "image_name": f"{n}.png", "cluster": cluster, "value": float(value)}
        for n, (value, cluster) in enumerate(zip(values, clusters, strict=True))
    ]


def lost_row(model, explainer, metric, status, reason, **changes):
    """The row of a unit that was skipped or failed."""
    (row,) = score_rows(model, explainer, metric, [np.nan], status=status, reason=reason, **changes)
    return row | {"image": -1, "image_name": "", "cluster": "", "headline": False, "score": ""}


def curve_rows(model, explainer, metric, score, x, curves, **changes):
    """Rows of curves, (images, steps)."""
    return [
        row
        for step, place in enumerate(x)
        for row in score_rows(
            model, explainer, metric, [curve[step] for curve in curves],
            score=score, step=step, x=float(place), headline=False, **changes,
        )
    ]  # fmt: skip


def cost_row(model, explainer, metric, seconds, images, forward, backward, peak):
    """The cost of one unit."""
    return {
        "unit": f"{model} {explainer} {metric} {seconds}",
        "model": model,
        "explainer": explainer,
        "metric": metric,
        "seconds": seconds,
        "images": images,
        "forward_passes": forward,
        "backward_passes": backward,
        "peak_bytes": peak,
        "worker": "a",
    }
