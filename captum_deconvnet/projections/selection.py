"""Which activations of a layer are projected: single units, or whole maps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from captum_deconvnet.engine.recording import Recording
from captum_deconvnet.engine.units import Unit
from captum_deconvnet.errors import LayerError, UnitError


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """A whole feature map of the recorded image, all its positions kept.

    Args:
        layer: module path.
        channel: index of the map.
        activations: (rows, columns).
    """

    layer: str
    channel: int
    activations: torch.Tensor

    @property
    def value(self) -> float:
        """The sum of the activations over all positions, by which maps are ranked."""
        return float(self.activations.double().sum())


@dataclass(frozen=True)
class Selection:
    """Which units or maps to show of every layer.

    Args:
        positions: channels, or channels with a row and a column; empty for the strongest ones.
        count: how many of the strongest.
        whole_maps: project whole maps, ranked by their sum, and not single units.
        both: project whole maps and then single units.
    """

    positions: tuple[tuple[int, ...], ...] = ()
    count: int = 1
    whole_maps: bool = False
    both: bool = False

    @property
    def name(self) -> str:
        """What is selected, as the command line calls it."""
        if self.both:
            return "both"
        return "strongest-map" if self.whole_maps else "strongest-unit"

    @property
    def separated(self) -> tuple[Selection, ...]:
        """The selections, of units alone or of maps alone, that this one consists of."""
        if not self.both:
            return (self,)
        return tuple(replace(self, both=False, whole_maps=maps) for maps in (True, False))


def select(recording: Recording, layer: str, selection: Selection) -> list[Unit] | list[FeatureMap]:
    """The units or the maps of ``layer`` that are asked for, the strongest first.

    Raises:
        UnitError: a channel or a position lies outside the layer.
        LayerError: the layer has no feature maps.
    """
    maps = feature_maps(recording, layer)
    for position in selection.positions:
        check_position(maps, layer, position)
    if selection.whole_maps:
        return select_maps(maps, layer, selection)
    return select_units(maps, layer, selection)


def feature_maps(recording: Recording, layer: str) -> torch.Tensor:
    """The layer's maps for the one recorded image: (C, H, W); vectors are maps of 1 by 1."""
    maps = recording.activations[layer][0].detach().cpu()
    if maps.dim() == 1:
        return maps[:, None, None]
    if maps.dim() != 3:
        raise LayerError(
            f"Layer {layer!r} gives {tuple(maps.shape)} for one image, not maps (C, H, W)."
        )
    return maps


def select_maps(maps: torch.Tensor, layer: str, selection: Selection) -> list[FeatureMap]:
    """The maps asked for, or those with the largest sum over all positions."""
    channels = [position[0] for position in selection.positions]
    channels = channels or ranked(maps.double().sum(dim=(1, 2)), selection.count)
    return [FeatureMap(layer, channel, maps[channel]) for channel in channels]


def select_units(maps: torch.Tensor, layer: str, selection: Selection) -> list[Unit]:
    """The units asked for, or the strongest unit of each of the strongest maps."""
    peaks = maps.flatten(1).amax(dim=1)
    positions = selection.positions or [(channel,) for channel in ranked(peaks, selection.count)]
    units = []
    for channel, *rest in positions:
        row, column = rest or divmod(int(maps[channel].argmax()), maps.shape[2])
        units.append(Unit(0, layer, channel, row, column, float(maps[channel, row, column])))
    return units


def ranked(values: torch.Tensor, count: int) -> list[int]:
    """The indices of the ``count`` largest values, best first; ties go to the lower index."""
    order: list[int] = torch.sort(values, descending=True, stable=True).indices[:count].tolist()
    return order


def check_position(maps: torch.Tensor, layer: str, position: tuple[int, ...]) -> None:
    """Refuse a channel, row or column that the maps do not have."""
    axes = ("channel", "row", "column")
    for axis, index, extent in zip(axes, position, maps.shape, strict=False):
        if index >= extent:
            raise UnitError(
                f"Layer {layer!r} has {extent} {axis}s, 0 to {extent - 1}; "
                f"{axis} {index} was asked for."
            )
