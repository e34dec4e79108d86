"""What a figure shows, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from captum_deconvnet import Receipt, Recording, Unit
from captum_deconvnet.cli.projected import Projected, ProjectedLayer


def layer_facts(projected: ProjectedLayer) -> dict[str, Any]:
    """A layer: its shape, what a unit of it sees, and the units or maps shown."""
    return {
        "layer": projected.layer,
        "shape": list(projected.shape),
        "receptive_field": {
            "size": list(projected.field.size),
            "jump": list(projected.field.jump),
            "start": list(projected.field.start),
        },
        "shown": [shown_facts(shown) for shown in projected.shown],
    }


def shown_facts(shown: Projected) -> dict[str, Any]:
    """A unit with its position and activation, or a map with its sum, and its projections."""
    source = shown.source
    if isinstance(source, Unit):
        facts = {"row": source.row, "column": source.column, "activation": source.value}
    else:
        facts = {"sum": source.value}
    extremes = {
        name: {"min": float(projection.min()), "max": float(projection.max())}
        for name, projection in shown.projections.items()
    }
    return {"channel": source.channel, **facts, "box": asdict(shown.box), "projections": extremes}


def receipt_facts(receipt: Receipt) -> dict[str, Any]:
    """How many operations ran under each kind of rule, and which rule ran where."""
    return {
        "counts": dict(receipt.counts),
        "entries": [asdict(entry) for entry in receipt.entries],
    }


def figure_facts(
    about: Mapping[str, Any],
    layers: Sequence[ProjectedLayer],
    recordings: Mapping[str, Recording],
) -> dict[str, Any]:
    """All facts of a figure: what was asked, every layer, and the receipt of every rule."""
    receipts = {name: receipt_facts(recording.receipt) for name, recording in recordings.items()}
    return {**about, "layers": [layer_facts(layer) for layer in layers], "receipts": receipts}
