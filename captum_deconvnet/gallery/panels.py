"""Panels: the strongest activations of some maps, each projected, beside what it saw.

The images are read a second time, each once, and all units of all layers that it is wanted for
are projected from one recording.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from captum_deconvnet.engine.record import record
from captum_deconvnet.engine.recording import Recording
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.units import Unit, activation_of
from captum_deconvnet.engine.windows.receptive_field import Box, ReceptiveField
from captum_deconvnet.errors import ScanError
from captum_deconvnet.gallery.image_batches import Numbered
from captum_deconvnet.gallery.top_activations import TopActivations

TOLERANCE = 1e-3
"""How far an activation may lie from what the scan found, relative to the map's largest."""


@dataclass(frozen=True, eq=False)
class ActivationPanel:
    """One strong activation: its projection and the patch of the image that it saw.

    Args:
        unit: which; ``unit.image`` is its number in the dataset.
        rank: its place among the strongest of its map, from 0.
        box: what it sees, clipped to the image.
        field: the receptive field of its layer.
        projection: inside the box, ``(C, h, w)``, signed.
        patch: the model's input inside the box, ``(C, h, w)``.
    """

    unit: Unit
    rank: int
    box: Box
    field: ReceptiveField
    projection: Tensor
    patch: Tensor


@dataclass(frozen=True, eq=False)
class ImagePanels:
    """All panels of one image, and the model's input for it, (C, H, W)."""

    image: int
    inputs: Tensor
    panels: tuple[ActivationPanel, ...]


def units_by_image(
    top: TopActivations, maps: Mapping[str, Sequence[int]]
) -> dict[int, list[tuple[int, Unit]]]:
    """The units to be projected of each image, each with its rank, for some maps of some layers."""
    found: dict[int, list[tuple[int, Unit]]] = {}
    for layer, channels in maps.items():
        for channel in channels:
            for rank, unit in enumerate(top.units(layer, channel)):
                found.setdefault(unit.image, []).append((rank, unit))
    return dict(sorted(found.items()))


def project_panels(
    model: nn.Module,
    dataset: Any,
    top: TopActivations,
    maps: Mapping[str, Sequence[int]],
    *,
    skip: Collection[int] = (),
    relu: str | Family = "deconvnet",
) -> Iterator[ImagePanels]:
    """The panels of some maps, image after image.

    Args:
        model: the model that was scanned.
        dataset: the dataset that was scanned.
        top: the scan.
        maps: the channels that are wanted, by layer.
        skip: images that are not needed any more.
        relu: what rectifiers do on the way back, as for :func:`captum_deconvnet.record`.

    Raises:
        ScanError: if an image is not the one that was scanned: it is gone, or an activation
            differs, as when the dataset crops or flips at random.
    """
    numbered = Numbered(dataset)
    for image, units in units_by_image(top, maps).items():
        if image in skip:
            continue
        _, inputs = numbered[image]
        if isinstance(inputs, str):
            raise ScanError(f"Image {image} could be read in the scan, and now cannot: {inputs}")
        like = next(model.parameters(), inputs)
        batch = inputs.to(like).unsqueeze(0)
        layers = list(dict.fromkeys(unit.layer for _, unit in units))
        recording = record(model, batch, layers, relu=relu)
        yield ImagePanels(image, inputs, tuple(_panels(recording, batch[0], units)))


def _panels(
    recording: Recording, inputs: Tensor, units: Sequence[tuple[int, Unit]]
) -> Iterator[ActivationPanel]:
    recorded = [replace(unit, image=0) for _, unit in units]
    for unit in recorded:
        _check(recording, unit)
    fields = {unit.layer: recording.receptive_field(unit.layer) for unit in recorded}
    for patch, (rank, unit) in zip(recording.project_patches(recorded), units, strict=True):
        box = patch.box
        seen = inputs[..., box.top : box.bottom, box.left : box.right]
        yield ActivationPanel(unit, rank, box, fields[unit.layer], patch.pixels, seen)


def _check(recording: Recording, unit: Unit) -> None:
    maps = recording.activations[unit.layer][0, unit.channel]
    place = (unit.frame, unit.row, unit.column)[3 - maps.dim() :] if maps.dim() else ()
    found, scanned = float(maps[place]), activation_of(unit)
    if abs(found - scanned) > TOLERANCE * max(float(maps.abs().max()), abs(scanned), 1e-30):
        raise ScanError(
            f"Map {unit.channel} of layer {unit.layer!r} gave {scanned:.6g} in the scan and "
            f"{found:.6g} now: give a dataset whose images are the same each time."
        )
