"""Layers of one image, projected: the units or maps of each, notes on them, their figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.engine.recording import Recording
from captum_deconvnet.engine.units import Unit
from captum_deconvnet.engine.windows.receptive_field import Box, ReceptiveField
from captum_deconvnet.pictures.display import crop_of, to_array
from captum_deconvnet.projections.figure import LayerRow, ProjectionPanel, projection_figure
from captum_deconvnet.projections.selection import FeatureMap, Selection, select

FIXED = "no max pool on the way: this picture does not depend on the image"
SILENT = "activation 0 everywhere in this image (dead here), so the picture is empty"
LONGEST_NAME = 24  # letters that fit over one picture


@dataclass(frozen=True)
class ProjectedActivation:
    """One unit or map and its projections.

    Args:
        chosen: the unit or map that was projected.
        box: what it sees of the image, clipped to it.
        projections: by the family of the rectifiers, each (C, H, W).
        silent: whether its map is 0 at every place of this image.
    """

    chosen: Unit | FeatureMap
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
    shown: Sequence[ProjectedActivation]
    fixed: bool = False

    @property
    def notes(self) -> list[str]:
        """Warnings about the layer's pictures."""
        whole = any(not isinstance(each.chosen, Unit) for each in self.shown)
        which = " (of the single unit)" if whole else ""
        found = [f"{self.layer}: {FIXED}{which}"] if self.fixed else []
        silent = dict.fromkeys(str(each.chosen.channel) for each in self.shown if each.silent)
        if silent:
            maps = "map" if len(silent) == 1 else "maps"
            found.append(f"{self.layer}, {maps} {', '.join(silent)}: {SILENT}")
        return found


def project_layers(
    recordings: Mapping[str, Recording], layers: Sequence[str], selection: Selection
) -> list[ProjectedLayer]:
    """Project what is selected of every layer, under every family.

    Args:
        recordings: by the family of the rectifiers, all of one model and one image.
        layers: module paths, all of them recorded.
        selection: what to show of every layer.
    """
    progress = tqdm(layers, desc="projecting", unit="layer", leave=False, disable=None)
    return [project_layer(recordings, layer, selection) for layer in progress]


def project_layer(
    recordings: Mapping[str, Recording], layer: str, selection: Selection
) -> ProjectedLayer:
    """Project what is selected of one layer, under every family."""
    recording = next(iter(recordings.values()))
    field = recording.receptive_field(layer)
    shown = []
    for one_kind in selection.separated:
        chosen: Sequence[Unit | FeatureMap] = select(recording, layer, one_kind)
        pictures = {name: project_chosen(each, chosen) for name, each in recordings.items()}
        height, width = next(iter(pictures.values())).shape[-2:]
        shown += [
            ProjectedActivation(
                one,
                seen_box(one, field, Box(0, 0, height, width)),
                {name: picture[index] for name, picture in pictures.items()},
                silent=not bool(recording.activations[layer][0, one.channel].any()),
            )
            for index, one in enumerate(chosen)
        ]
    shape = tuple(recording.activations[layer].shape[1:])
    fixed = is_fixed(recordings, layer) and any(isinstance(each.chosen, Unit) for each in shown)
    return ProjectedLayer(layer, shape, field, shown, fixed)


def is_fixed(recordings: Mapping[str, Recording], layer: str) -> bool:
    """Whether the deconvnet's pictures of a layer are the same for every image."""
    own = recordings.get("deconvnet")
    return own is not None and not own.receipt_from(layer).depends_on_image


def project_chosen(recording: Recording, chosen: Sequence[Unit | FeatureMap]) -> torch.Tensor:
    """The projections of units or of whole maps of one layer: (number, C, H, W)."""
    units = [one for one in chosen if isinstance(one, Unit)]
    if units:
        projections = recording.project(units)
        assert isinstance(projections, torch.Tensor)  # a tuple only comes from several inputs
        return projections.detach().cpu()
    maps = [recording.project_map(0, one.layer, one.channel) for one in chosen]
    return torch.stack(maps).detach().cpu()


def seen_box(chosen: Unit | FeatureMap, field: ReceptiveField, whole: Box) -> Box:
    """What a unit sees, clipped to the image; a map sees all of it."""
    return field.box(chosen.row, chosen.column) if isinstance(chosen, Unit) else whole


def draw_layers(
    picture: torch.Tensor,
    layers: Sequence[ProjectedLayer],
    stages: Sequence[str],
    title: str,
    notes: Sequence[str] = (),
) -> Figure:
    """The figure of some layers over an image.

    Args:
        picture: the image, (H, W, C) in [0, 1].
        layers: one a row.
        stages: the model's stages; a layer among them is titled with its number, as in the paper.
        title: over the figure.
        notes: what else has to be said, under the title.
    """
    image = picture.cpu().numpy()
    numbers = {stage: number for number, stage in enumerate(stages, start=1)}
    rows = [layer_row(layer, numbers.get(layer.layer), image.shape[:2]) for layer in layers]
    return projection_figure(image, rows, title=title, notes=notes)


def layer_row(layer: ProjectedLayer, number: int | None, image_size: tuple[int, ...]) -> LayerRow:
    """One layer, titled with its name and how many pixels a unit of it sees."""
    height, width = layer.field.size
    sees = f"sees {height} px" if height == width else f"sees {height}\u00d7{width} px"
    panels = [projection_panel(shown, layer.field.size, image_size) for shown in layer.shown]
    return LayerRow(f"{shortened(layer.layer, number)}\n{sees}", panels)


def projection_panel(
    shown: ProjectedActivation, size: tuple[int, int], image_size: tuple[int, ...]
) -> ProjectionPanel:
    """One unit, cropped to what it sees, or one whole map beside its projections."""
    pictures = {name: to_array(each) for name, each in shown.projections.items()}
    chosen = shown.chosen
    if not isinstance(chosen, Unit):
        title = f"map {chosen.channel}\nsum {chosen.value:.4g}"
        return ProjectionPanel(
            title, pictures, activations=chosen.activations.float().cpu().numpy()
        )
    title = f"map {chosen.channel} at {chosen.row},{chosen.column}\nactivation {chosen.value:.4g}"
    return ProjectionPanel(
        title, pictures, crop_of(shown.box, size, (image_size[0], image_size[1]))
    )


def shortened(path: str, number: int | None) -> str:
    """A layer's name that fits over one picture; a path's end says more than its start."""
    label = "" if number is None else f"layer {number}: "
    room = LONGEST_NAME - len(label)
    return label + (path if len(path) <= room else "\u2026" + path[1 - room :])
