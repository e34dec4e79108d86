"""Layers of one image, projected: what the figure and the JSON of a command both say.

What a figure shows, as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet import Box, Receipt, ReceptiveField, Recording, Unit
from captum_deconvnet.projections.selection import FeatureMap, Request, select

FIXED = "no max pool on the way: this picture does not depend on the image"
SILENT = "activation 0 everywhere in this image (dead here), so the picture is empty"


@dataclass(frozen=True)
class Projected:
    """One unit or map and its projections.

    Args:
        source: what was projected.
        box: what it sees of the image, clipped to it.
        projections: by the name of the rule at rectifiers, each (C, H, W).
        silent: whether its map is 0 at every place of this image.
    """

    source: Unit | FeatureMap
    box: Box
    projections: Mapping[str, torch.Tensor]
    silent: bool = False


@dataclass(frozen=True)
class ProjectedLayer:
    """One layer.

    Args:
        layer: module path.
        shape: of its output for one image.
        field: the receptive field of its units.
        shown: the units or maps projected, the strongest first.
        fixed: whether the deconvnet's pictures are the same for every image.
    """

    layer: str
    shape: tuple[int, ...]
    field: ReceptiveField
    shown: Sequence[Projected]
    fixed: bool = False

    @property
    def notes(self) -> list[str]:
        """What has to be said of the layer's pictures."""
        whole = any(not isinstance(each.source, Unit) for each in self.shown)
        which = " (of the single unit)" if whole else ""
        found = [f"{self.layer}: {FIXED}{which}"] if self.fixed else []
        silent = dict.fromkeys(str(each.source.channel) for each in self.shown if each.silent)
        if silent:
            maps = "map" if len(silent) == 1 else "maps"
            found.append(f"{self.layer}, {maps} {', '.join(silent)}: {SILENT}")
        return found


def project_layers(
    recordings: Mapping[str, Recording], layers: Sequence[str], request: Request
) -> list[ProjectedLayer]:
    """Project what is asked for of every layer, under every rule.

    Args:
        recordings: by the name of the rule at rectifiers, all of one model and one image.
        layers: module paths, all of them recorded.
        request: what to show of every layer.
    """
    progress = tqdm(layers, desc="projecting", unit="layer", leave=False, disable=None)
    return [project_layer(recordings, layer, request) for layer in progress]


def project_layer(
    recordings: Mapping[str, Recording], layer: str, request: Request
) -> ProjectedLayer:
    """Project what is asked for of one layer, under every rule."""
    recording = next(iter(recordings.values()))
    field = recording.receptive_field(layer)
    shown = []
    for part in request.parts:
        sources: Sequence[Unit | FeatureMap] = select(recording, layer, part)
        pictures = {name: project(each, sources) for name, each in recordings.items()}
        height, width = next(iter(pictures.values())).shape[-2:]
        shown += [
            Projected(
                source,
                sight(source, field, Box(0, 0, height, width)),
                {name: picture[index] for name, picture in pictures.items()},
                silent=not bool(recording.activations[layer][0, source.channel].any()),
            )
            for index, source in enumerate(sources)
        ]
    shape = tuple(recording.activations[layer].shape[1:])
    fixed = is_fixed(recordings, layer) and any(isinstance(each.source, Unit) for each in shown)
    return ProjectedLayer(layer, shape, field, shown, fixed)


def is_fixed(recordings: Mapping[str, Recording], layer: str) -> bool:
    """Whether the deconvnet's pictures of a layer are the same for every image."""
    own = recordings.get("deconvnet")
    return own is not None and not own.receipt_from(layer).depends_on_image


def project(recording: Recording, sources: Sequence[Unit | FeatureMap]) -> torch.Tensor:
    """The projections of units or of whole maps of one layer: (number, C, H, W)."""
    units = [source for source in sources if isinstance(source, Unit)]
    if units:
        projections = recording.project(units)
        assert isinstance(projections, torch.Tensor)  # a tuple only comes from several inputs
        return projections.detach().cpu()
    maps = [recording.project_map(0, source.layer, source.channel) for source in sources]
    return torch.stack(maps).detach().cpu()


def sight(source: Unit | FeatureMap, field: ReceptiveField, whole: Box) -> Box:
    """What a unit sees, clipped to the image; a map sees all of it."""
    return field.box(source.row, source.column) if isinstance(source, Unit) else whole


pass


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
