"""From a model's name and a photograph to the figure of what covering it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import torch

import captum_deconvnet as cdn
from captum_deconvnet.cli.loading import (
    chosen_layers,
    load_for_command,
    warn_of_random_weights,
    weights_title,
)
from captum_deconvnet.cli.output import check_folder, write_figure
from captum_deconvnet.errors import unknown_name
from captum_deconvnet.files import origin_of, readable
from captum_deconvnet.occlusion.figure import OccludedImage, occlusion_figure
from captum_deconvnet.pictures.display import channels_note, to_array
from captum_deconvnet.pictures.prediction import class_name
from captum_deconvnet.pictures.reading import to_input, to_picture
from captum_deconvnet.projections.projected_layers import SILENT
from captum_deconvnet.registry.transforms import Picture


@dataclass(frozen=True)
class OcclusionRequest:
    """What the user asked for: the options of ``deconvnet occlude``, checked."""

    model: str
    weights: str
    target: str | None
    window: int | None
    stride: int | None
    fill: str
    layer: str | None
    out: Path
    relu: str = "deconvnet"


def draw_occlusion(
    request: OcclusionRequest, photograph: Picture, others: Sequence[Picture], name: str
) -> cdn.OcclusionMaps:
    """Cover a photograph as requested and write the figure."""
    check_folder(request.out)
    loaded = load_for_command(request.model, request.weights)
    layer = list(chosen_layers(loaded, request.layer))[-1]
    target = None if request.target is None else class_number(loaded, request.target)
    inputs = to_input(loaded, photograph)
    shown = torch.cat([to_input(loaded, other) for other in others]) if others else None
    window, stride = fitted(request, inputs)
    maps = cdn.OcclusionSensitivity(loaded, layer, relu=request.relu).measure(
        inputs,
        target,
        window=window,
        stride=stride,
        fill=request.fill,
        other_inputs=shown,
        show_progress=True,
    )
    warn_of_random_weights(loaded, "maps")
    weights = weights_title(loaded)
    title = f"{request.model}   {weights}   {readable(name)}{channels_note(inputs)}"
    shown_maps = replace(picture(loaded, inputs, maps, window, layer), family=request.relu)
    notes = [*prediction_of(loaded, maps), *notes_on_maps(maps, layer)]
    for note in notes[1:]:
        click.echo(note, err=True)
    figure = occlusion_figure(shown_maps, title=title, notes=notes)
    origin = origin_of("occlusion", request.model, request.weights, [Path(name)])
    write_figure(request.out, figure, origin)
    return maps


def picture(
    loaded: cdn.LoadedModel,
    inputs: torch.Tensor,
    maps: cdn.OcclusionMaps,
    window: int,
    layer: str,
) -> OccludedImage:
    """The first image's maps, ready to be drawn."""
    labels = sorted(set(maps.label[0].flatten().tolist()))
    assert maps.activity is not None
    assert maps.projection is not None
    assert maps.channel is not None
    others = [] if maps.other_projections is None else list(maps.other_projections[0])
    return OccludedImage(
        image=to_picture(loaded, inputs).cpu().numpy(),
        window=window,
        probability=maps.probability[0].cpu().numpy(),
        clean_probability=float(maps.clean_probability[0]),
        labels=maps.label[0].cpu().numpy(),
        names={one: class_name(loaded.categories, one) for one in labels},
        target=class_name(loaded.categories, int(maps.target[0])),
        activity=maps.activity[0].cpu().numpy(),
        channel=f"{layer}, map {int(maps.channel[0])}",
        projection=to_array(maps.projection[0]),
        others=[to_array(other) for other in others],
    )


def fitted(request: OcclusionRequest, inputs: torch.Tensor) -> tuple[int, int]:
    """The window and the stride: what was asked for, or what fits the picture."""
    side = min(inputs.shape[-2:])
    window = request.window or max(round(side / 7), request.stride or 1)
    return window, request.stride or max(window // 2, 1)


def prediction_of(loaded: cdn.LoadedModel, maps: cdn.OcclusionMaps) -> list[str]:
    """The class that the net takes the whole picture for."""
    label, target = int(maps.clean_label[0]), int(maps.target[0])
    chance = f" ({float(maps.clean_probability[0]):.2f})" if label == target else ""
    return [f"predicted: {class_name(loaded.categories, label)}{chance}"]


def notes_on_maps(maps: cdn.OcclusionMaps, layer: str) -> list[str]:
    """Notes on maps that show nothing."""
    found = []
    if maps.projection is not None and not bool(maps.projection.any()):
        found.append(f"{layer}: {SILENT}")
    flat = {"probability": maps.probability, "activity": maps.activity}
    for name, values in flat.items():
        if values is not None and bool((values == values.flatten()[0]).all()):
            found.append(f"the {name} is flat: the same wherever the square lies")
    return found


def class_number(loaded: cdn.LoadedModel, name: str) -> int:
    """The class of that name or number.

    Raises:
        UnknownNameError: if no class is called so, with near names.
    """
    if name.isascii() and name.isdigit():
        return int(name)
    if name in loaded.categories:
        return loaded.categories.index(name)
    raise unknown_name("class", name, loaded.categories, "A class can be given as a number, too.")
