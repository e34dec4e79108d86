"""From a model's name and a photograph to a figure and its facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch
from PIL import Image

import captum_deconvnet as cdn
from captum_deconvnet.cli.options import device_of, said_device, said_of_the_model
from captum_deconvnet.cli.output import check_folder, write_figure, write_json
from captum_deconvnet.files import origin_of, readable
from captum_deconvnet.pictures.colours import shown_bands
from captum_deconvnet.pictures.model_input import chosen_layers, to_input, to_picture
from captum_deconvnet.pictures.prediction import predictions, said
from captum_deconvnet.projections.projected_layers import (
    ProjectedLayer,
    figure_facts,
    is_fixed,
    project_layers,
)
from captum_deconvnet.projections.rows import draw
from captum_deconvnet.projections.selection import Request
from captum_deconvnet.projections.trust_figure import check_units, tell
from captum_deconvnet.projections.trust_figure import draw as draw_checks
from captum_deconvnet.projections.trust_figure import facts as check_facts
from captum_deconvnet.registry.transforms import Picture

RANDOM = "random"


@dataclass(frozen=True)
class Order:
    """What the user asked for.

    Args:
        model: as ``deconvnet models`` lists it.
        weights: a tag, a file, or ``"random"``.
        layers: module paths, comma-separated; None for all stages.
        request: which units or maps of every layer.
        rules: what rectifiers do on the way back; if none is named the deconvnet's, and guided
            backpropagation beside it where the deconvnet's pictures do not depend on the image.
        out: where the figure goes, if anywhere.
        facts: where the JSON goes, if anywhere; ``"-"`` is stdout.
        checks: whether to check how far the projections can be trusted.
        kind: what an output of its own is called.
        other: the image whose switches the checks use; None for the photograph upside down.
    """

    model: str
    weights: str
    layers: str | None
    request: Request
    rules: tuple[str, ...]
    out: Path | None
    facts: str | None
    checks: bool = False
    kind: str = "projections"
    other: Picture | None = None

    @property
    def family(self) -> str:
        """The first of the rules."""
        return self.rules[0] if self.rules else "deconvnet"


def run(order: Order, photograph: Picture, source: str) -> dict[str, cdn.Recording]:
    """Project a photograph as ordered; write the figure and the facts.

    Args:
        order: what to do.
        photograph: 8-bit RGB, or an array (C, H, W).
        source: what to call the photograph.

    Returns:
        The recordings by the name of their rule at rectifiers.
    """
    check_outputs(order)
    loaded = load(order.model, order.weights)
    layers = chosen_layers(loaded, order.layers)
    inputs = to_input(loaded, photograph)
    recordings = recorded(order, loaded, inputs, layers)
    projected = project_layers(recordings, layers, order.request)
    notes = [note for layer in projected for note in layer.notes]
    for note in notes:
        click.echo(note, err=True)
    weights = str(loaded.weights or RANDOM)
    if weights == RANDOM:
        click.echo("random weights: these are projections of an untrained network", err=True)
    if order.out is not None:
        title = f"{order.model}   {weights_name(weights)}   {readable(source)}{told(inputs)}"
        picture = to_picture(loaded, inputs)
        origin = origin_of(
            order.kind,
            order.model,
            order.weights,
            [Path(source)] if order.kind == "projections" else (),
        )
        seen = said(predictions(loaded, next(iter(recordings.values()))))
        figure = draw(picture, projected, loaded.stages, title, [*seen, *notes])
        write_figure(order.out, figure, origin)
    checks = check(order, loaded, photograph, projected, source) if order.checks else []
    if order.facts is not None:
        whole = {"model": order.model, "weights": weights, "image": source, **about(order, inputs)}
        whole |= {"checks": check_facts(checks)} if order.checks else {}
        write_json(order.facts, figure_facts(whole, projected, recordings))
    return recordings


def recorded(
    order: Order, loaded: cdn.LoadedModel, inputs: torch.Tensor, layers: Sequence[str]
) -> dict[str, cdn.Recording]:
    """The recordings by the name of their rule at rectifiers."""
    rules = order.rules or (order.family,)
    found = {rule: cdn.record(loaded.model, inputs, layers, relu=rule) for rule in rules}
    if not (order.rules or order.request.whole_maps) and all(
        is_fixed(found, layer) for layer in layers
    ):
        found["guided"] = cdn.record(loaded.model, inputs, layers, relu="guided")
    return found


def check(
    order: Order,
    loaded: cdn.LoadedModel,
    photograph: Picture,
    projected: Sequence[ProjectedLayer],
    source: str,
) -> list[cdn.TrustChecks]:
    """Check the units of the figure, under its first rule; print and draw what was found."""
    other = upside_down(photograph) if order.other is None else order.other
    inputs = to_input(loaded, photograph)
    found = check_units(loaded, inputs, to_input(loaded, other), projected, order.family)
    tell(found)
    if order.out is not None and found:
        path = order.out.with_name(f"{order.out.stem}-checks{order.out.suffix}")
        shown = f"{order.model}   {order.family}   {readable(source)}"
        title = f"{shown}   r: correlation, |r|: of magnitudes"
        draw_checks(path, title, loaded, inputs, found)
    return found


def upside_down(photograph: Picture) -> Picture:
    """The picture turned by half a circle."""
    if isinstance(photograph, Image.Image):
        return photograph.transpose(Image.Transpose.ROTATE_180)
    return photograph.flip(-2, -1)


def load(model: str, weights: str, said: Mapping[str, Any] | None = None) -> cdn.LoadedModel:
    """Load the model as the command's user says; what was decided in doing so goes to stderr.

    Random weights are the same at every call, so that figures repeat.

    Args:
        model: as ``load_model`` takes it.
        weights: likewise.
        said: of inputs and classes, in place of the command's options.
    """
    device = device_of(said_device())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        loaded = cdn.load_model(model, weights, **(said_of_the_model() if said is None else said))
    loaded.model.to(device)
    for note in loaded.notes:
        click.echo(note, err=True)
    return loaded


def check_outputs(order: Order) -> None:
    """Refuse, before any work, an output that cannot be written."""
    if order.out is not None:
        check_folder(order.out)
    if order.facts is not None and order.facts != "-":
        check_folder(Path(order.facts))


def weights_name(weights: str) -> str:
    """How a figure names the weights: loudly, when they are not trained."""
    return "RANDOM WEIGHTS" if weights == RANDOM else f"weights {Path(weights).name}"


def told(inputs: torch.Tensor) -> str:
    """What a title says about channels that cannot all be shown."""
    words = shown_bands(inputs.shape[1])
    return f"   {words}" if words else ""


def about(order: Order, inputs: torch.Tensor) -> dict[str, object]:
    """What was asked for, and the shape that the image was given."""
    return {
        "input_shape": list(inputs.shape[1:]),
        "select": order.request.name,
        "figure": None if order.out is None else str(order.out),
    }
