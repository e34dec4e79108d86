"""The columns of a run's tables, and what may stand in them."""

from __future__ import annotations

from math import nan

import pyarrow as pa

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

COSTS = pa.schema(
    [
        ("unit", pa.string()),
        ("model", pa.string()),
        ("explainer", pa.string()),
        ("metric", pa.string()),
        ("seconds", pa.float64()),
        ("images", pa.int64()),
        ("batch", pa.int64()),
        ("forward_passes", pa.int64()),
        ("backward_passes", pa.int64()),
        ("peak_bytes", pa.int64()),
        ("worker", pa.int64()),
    ]
)
