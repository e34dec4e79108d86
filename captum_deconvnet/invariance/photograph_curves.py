"""What a user of ``deconvnet invariance`` asked for, and the curves of one photograph.

Every point of some curves as a table.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click
import torch

import captum_deconvnet as cdn
from captum_deconvnet import InvarianceCurves
from captum_deconvnet.cli.output import say_written, table
from captum_deconvnet.errors import LayerError, ModelError
from captum_deconvnet.files import readable, write_whole
from captum_deconvnet.invariance.curves import mean_height
from captum_deconvnet.invariance.distances import DISTANCES
from captum_deconvnet.invariance.transforms import PAPER, Transform, transform_of
from captum_deconvnet.pictures.model_input import chosen_layers, to_input
from captum_deconvnet.pictures.whole_photograph import Source, widened
from captum_deconvnet.projections.project import RANDOM, load
from captum_deconvnet.registry.transforms import Picture

MARGIN = 60
"""Pixels beyond what a net of 224 pixels sees: the paper's largest shift."""


@dataclass(frozen=True)
class Order:
    """What is measured, for whatever photographs.

    Args:
        model: as ``deconvnet models`` lists it.
        weights: a tag, a file, or ``"random"``.
        transforms: names; empty for the paper's three.
        values: of the one transform; None for the paper's.
        layers: module paths, comma-separated; None for the first and the last stage.
        border: ``"photograph"`` or ``"fill"``.
        fill: in units of the model's input.
        batch_size: versions that go through the model together.
    """

    model: str
    weights: str
    transforms: tuple[str, ...]
    values: tuple[float, ...] | None
    layers: str | None
    border: str
    fill: float
    batch_size: int

    @cached_property
    def chosen(self) -> list[Transform]:
        """The transforms, each once.

        Raises:
            UnknownNameError: there is none of that name.
        """
        return [transform_of(name) for name in dict.fromkeys(self.transforms or PAPER)]

    @cached_property
    def loaded(self) -> cdn.LoadedModel:
        """The model, loaded when it is first needed."""
        loaded = load(self.model, self.weights)
        if len(loaded.input_size) != 3:
            raise ModelError(f"{self.model} looks at clips; invariance needs a net of pictures.")
        return loaded

    @cached_property
    def paths(self) -> Sequence[str]:
        """The layers to measure."""
        stages = chosen_layers(self.loaded, self.layers)
        if not stages:
            raise LayerError(f"{self.model} has no stages: give --layers.")
        ends = stages if self.layers is not None else (stages[0], stages[-1])
        return tuple(dict.fromkeys(ends))

    @property
    def weights_name(self) -> str:
        """The weights as results name them."""
        return str(self.loaded.weights or RANDOM)

    def warn(self) -> None:
        """Say that weights are random, if they are."""
        if self.loaded.weights is None:
            click.echo("random weights: these are curves of an untrained network", err=True)

    def source(self, photograph: Picture, name: Path) -> Source:
        """The photograph as the model takes it, with more around it where it has more."""
        if self.border == "photograph":
            found = widened(self.loaded, photograph, MARGIN)
            if found is not None:
                return found
            click.echo(
                f"{readable(name)}: what surrounds the model's view is unknown; it is filled",
                err=True,
            )
        return Source(to_input(self.loaded, photograph))

    def curves(self, source: Source, target: int | None) -> dict[str, cdn.InvarianceCurves]:
        """The curves of one photograph, by transform; without a target, of the predicted label."""
        label = self.predicted(source) if target is None else target
        invariance = cdn.FeatureInvariance(self.loaded.model, self.paths)
        return {
            transform.name: invariance.attribute(
                source.pixels,
                label,
                transform=transform,
                values=self.values,
                fill=self.fill,
                crop=source.crop,
                batch_size=self.batch_size,
            )
            for transform in self.chosen
        }

    def predicted(self, source: Source) -> int | None:
        """The label of the photograph as it is; None for a net without labels."""
        pixels = self.seen(source)
        with torch.no_grad():
            output = self.loaded.model(pixels)
        has_labels = isinstance(output, torch.Tensor) and output.dim() == 2
        return int(output.argmax()) if has_labels else None

    def seen(self, source: Source) -> torch.Tensor:
        """What the model sees of a source, (1, C, H, W)."""
        from captum_deconvnet.invariance.placement import Sampling

        return Sampling(crop=source.crop).framed(source.pixels)


def rows_of(
    curves: Mapping[str, InvarianceCurves], names: Sequence[str]
) -> list[dict[str, str | int | float]]:
    """The points of all transforms; an image is called by its name."""
    return [
        {**row, "image": names[int(row["image"])]}
        for each in curves.values()
        for row in each.rows()
    ]


def areas(curves: Mapping[str, InvarianceCurves]) -> str:
    """The mean heights of all curves as text: a row a transform and layer, means over images."""
    head = ("transform", "layer", *DISTANCES, "map score", "probability")
    return table(head, [area_row(each, layer) for each in curves.values() for layer in each.layers])


def area_row(curves: InvarianceCurves, layer: str) -> list[str]:
    """One layer under one transform."""
    heights = [float(curves.area(layer, kind).mean()) for kind in DISTANCES]
    score = float(curves.map_scores[layer].nanmean())
    chance = curves.probability
    seen = "-" if chance is None else f"{float(mean_height(curves.values, chance).mean()):.3f}"
    return [curves.transform, layer, *(f"{height:.4g}" for height in heights), f"{score:.3f}", seen]


def write_rows(path: Path, curves: Mapping[str, InvarianceCurves], names: Sequence[str]) -> None:
    """Write the points as CSV, and say so on stderr."""
    rows = rows_of(curves, names)

    def write(part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    write_whole(path, write)
    say_written(path)
