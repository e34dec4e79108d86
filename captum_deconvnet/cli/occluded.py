"""From a model's name and a photograph to the figure of what covering it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import torch
from PIL import Image

import captum_deconvnet as cdn
from captum_deconvnet.cli.names import origin_of, readable
from captum_deconvnet.cli.network import chosen_layers, to_input, to_picture
from captum_deconvnet.cli.output import check_folder, write_figure
from captum_deconvnet.cli.panels import to_array
from captum_deconvnet.cli.run import RANDOM, load, told, weights_name
from captum_deconvnet.errors import unknown_name
from captum_deconvnet.figures.occlusion import OccludedImage, occlusion_figure


@dataclass(frozen=True)
class Order:
    """What the user asked for: the options of ``deconvnet occlude``, checked."""

    model: str
    weights: str
    target: str | None
    window: int
    stride: int
    fill: str
    layer: str | None
    out: Path


def run(
    order: Order, photograph: Image.Image, others: Sequence[Image.Image], source: str
) -> cdn.OcclusionMaps:
    """Cover a photograph as ordered and write the figure."""
    check_folder(order.out)
    loaded = load(order.model, order.weights)
    layer = list(chosen_layers(loaded, order.layer))[-1]
    target = None if order.target is None else class_number(loaded, order.target)
    inputs = to_input(loaded, photograph)
    shown = torch.cat([to_input(loaded, other) for other in others]) if others else None
    maps = cdn.OcclusionSensitivity(loaded, layer).attribute(
        inputs,
        target,
        window=order.window,
        stride=order.stride,
        fill=order.fill,
        others=shown,
        show_progress=True,
    )
    if loaded.weights is None:
        click.echo("random weights: these are maps of an untrained network", err=True)
    weights = weights_name(str(loaded.weights or RANDOM))
    title = f"{order.model}   {weights}   {readable(source)}{told(inputs)}"
    figure = occlusion_figure(picture(loaded, inputs, maps, order, layer), title=title)
    origin = origin_of("occlusion", order.model, order.weights, [Path(source)])
    write_figure(order.out, figure, origin)
    return maps


def picture(
    loaded: cdn.LoadedModel,
    inputs: torch.Tensor,
    maps: cdn.OcclusionMaps,
    order: Order,
    layer: str,
) -> OccludedImage:
    """The first image's maps, ready to be drawn."""
    assert maps.activity is not None
    assert maps.projection is not None
    assert maps.channel is not None
    others = [] if maps.other_projections is None else list(maps.other_projections[0])
    return OccludedImage(
        image=to_picture(loaded, inputs).numpy(),
        window=order.window,
        probability=maps.probability[0].numpy(),
        clean_probability=float(maps.clean_probability[0]),
        labels=maps.label[0].numpy(),
        names={
            one: class_name(loaded, one) for one in sorted(set(maps.label[0].flatten().tolist()))
        },
        target=class_name(loaded, int(maps.target[0])),
        activity=maps.activity[0].numpy(),
        channel=f"{layer}, map {int(maps.channel[0])}",
        projection=to_array(maps.projection[0]),
        others=[to_array(other) for other in others],
    )


def class_name(loaded: cdn.LoadedModel, number: int) -> str:
    """What a class is called; its number if it has no name."""
    return loaded.categories[number] if number < len(loaded.categories) else f"class {number}"


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
