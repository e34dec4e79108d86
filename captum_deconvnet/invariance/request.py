"""What a user of ``deconvnet invariance`` asked for, and the curves of one photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click
import torch

from captum_deconvnet.cli.loading import chosen_layers, load_for_command, warn_of_random_weights
from captum_deconvnet.errors import LayerError, ModelError
from captum_deconvnet.files import readable
from captum_deconvnet.invariance.curves import InvarianceCurves
from captum_deconvnet.invariance.feature_invariance import FeatureInvariance
from captum_deconvnet.invariance.placement import Sampling
from captum_deconvnet.invariance.transforms import PAPER, Transform, transform_of
from captum_deconvnet.invariance.wide_input import WideInput, wide_input
from captum_deconvnet.pictures.reading import to_input
from captum_deconvnet.registry import LoadedModel
from captum_deconvnet.registry.transforms import Picture

MARGIN = 60
"""Pixels beyond what a net of 224 pixels sees: the paper's largest shift."""


@dataclass(frozen=True)
class InvarianceRequest:
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
    def loaded(self) -> LoadedModel:
        """The model, loaded when it is first needed."""
        loaded = load_for_command(self.model, self.weights)
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

    def warn(self) -> None:
        """Say that weights are random, if they are."""
        warn_of_random_weights(self.loaded, "curves")

    def wide_input(self, photograph: Picture, name: Path) -> WideInput:
        """The photograph as the model takes it, with more around it where it has more."""
        if self.border == "photograph":
            found = wide_input(self.loaded, photograph, MARGIN)
            if found is not None:
                return found
            click.echo(
                f"{readable(name)}: what surrounds the model's view is unknown; it is filled",
                err=True,
            )
        return WideInput(to_input(self.loaded, photograph))

    def curves(self, wide: WideInput, target: int | None) -> dict[str, InvarianceCurves]:
        """The curves of one photograph, by transform; without a target, of the predicted label."""
        label = self.predicted(wide) if target is None else target
        invariance = FeatureInvariance(self.loaded.model, self.paths)
        return {
            transform.name: invariance.measure(
                wide.pixels,
                label,
                transform=transform,
                values=self.values,
                fill=self.fill,
                crop=wide.crop,
                batch_size=self.batch_size,
            )
            for transform in self.chosen
        }

    def predicted(self, wide: WideInput) -> int | None:
        """The label of the photograph as it is; None for a net without labels."""
        pixels = self.seen(wide)
        with torch.no_grad():
            output = self.loaded.model(pixels)
        has_labels = isinstance(output, torch.Tensor) and output.dim() == 2
        return int(output.argmax()) if has_labels else None

    def seen(self, wide: WideInput) -> torch.Tensor:
        """What the model sees of a wide input, (1, C, H, W)."""
        return Sampling(crop=wide.crop).framed(wide.pixels)
