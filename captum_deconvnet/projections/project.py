"""``deconvnet project``: from a model's name and a photograph to a figure and its JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import torch
from PIL import Image

from captum_deconvnet.cli.loading import (
    chosen_layers,
    load_for_command,
    warn_of_random_weights,
    weights_tag,
    weights_title,
)
from captum_deconvnet.cli.output import check_folder, write_figure, write_json
from captum_deconvnet.engine.record import record
from captum_deconvnet.engine.recording import Recording
from captum_deconvnet.engine.tape.receipt import Receipt
from captum_deconvnet.engine.units import Unit
from captum_deconvnet.files import origin_of, readable
from captum_deconvnet.pictures.display import channels_note
from captum_deconvnet.pictures.prediction import prediction_note, predictions
from captum_deconvnet.pictures.reading import to_input, to_picture
from captum_deconvnet.projections.projected_layers import (
    ProjectedActivation,
    ProjectedLayer,
    draw_layers,
    is_fixed,
    project_layers,
)
from captum_deconvnet.projections.selection import Selection
from captum_deconvnet.registry import LoadedModel
from captum_deconvnet.registry.transforms import Picture


@dataclass(frozen=True)
class ProjectionRequest:
    """What the user asked for.

    Args:
        model: as ``deconvnet models`` lists it.
        weights: a tag, a file, or ``"random"``.
        layers: module paths, comma-separated; None for all stages.
        selection: which units or maps of every layer.
        families: how rectifiers pass the signal back; if none is named the deconvnet's, and
            guided backpropagation beside it where the deconvnet's pictures do not depend on the
            image.
        out: where the figure goes, if anywhere.
        facts: where the JSON goes, if anywhere; ``"-"`` is stdout.
        checks: whether to check how far the projections can be trusted.
        kind: what an output of its own is called.
        other: the image whose switches the checks use; None for the photograph upside down.
    """

    model: str
    weights: str
    layers: str | None
    selection: Selection
    families: tuple[str, ...]
    out: Path | None
    facts: str | None
    checks: bool = False
    kind: str = "projections"
    other: Picture | None = None

    @property
    def family(self) -> str:
        """The first of the families."""
        return self.families[0] if self.families else "deconvnet"


def project_image(
    request: ProjectionRequest, photograph: Picture, name: str
) -> dict[str, Recording]:
    """Project a photograph as requested; write the figure and the facts.

    Args:
        request: what to do.
        photograph: 8-bit RGB, or an array (C, H, W).
        name: what to call the photograph.

    Returns:
        The recordings by the family of their rectifiers.
    """
    check_outputs(request)
    loaded = load_for_command(request.model, request.weights)
    layers = chosen_layers(loaded, request.layers)
    inputs = to_input(loaded, photograph)
    recordings = record_families(request, loaded, inputs, layers)
    projected = project_layers(recordings, layers, request.selection)
    for note in notes_on(projected):
        click.echo(note, err=True)
    warn_of_random_weights(loaded, "projections")
    if request.out is not None:
        write_projections(request.out, request, loaded, inputs, recordings, projected, name)
    about = request_facts(request, loaded, inputs, name)
    if request.checks:
        about["checks"] = check_projections(request, loaded, photograph, projected, name)
    if request.facts is not None:
        write_json(request.facts, figure_facts(about, projected, recordings))
    return recordings


def record_families(
    request: ProjectionRequest, loaded: LoadedModel, inputs: torch.Tensor, layers: Sequence[str]
) -> dict[str, Recording]:
    """The recordings by the family of their rectifiers."""
    families = request.families or (request.family,)
    found = {name: record(loaded.model, inputs, layers, relu=name) for name in families}
    if not (request.families or request.selection.whole_maps) and all(
        is_fixed(found, layer) for layer in layers
    ):
        found["guided"] = record(loaded.model, inputs, layers, relu="guided")
    return found


def notes_on(projected: Sequence[ProjectedLayer]) -> list[str]:
    """Warnings about the pictures of all layers."""
    return [note for layer in projected for note in layer.notes]


def write_projections(
    out: Path,
    request: ProjectionRequest,
    loaded: LoadedModel,
    inputs: torch.Tensor,
    recordings: Mapping[str, Recording],
    projected: Sequence[ProjectedLayer],
    name: str,
) -> None:
    """Draw the projections, and write the figure."""
    title = f"{request.model}   {weights_title(loaded)}   {readable(name)}{channels_note(inputs)}"
    predicted = prediction_note(predictions(loaded, next(iter(recordings.values()))))
    notes = [*predicted, *notes_on(projected)]
    figure = draw_layers(to_picture(loaded, inputs), projected, loaded.stages, title, notes)
    shown = [Path(name)] if request.kind == "projections" else ()
    write_figure(out, figure, origin_of(request.kind, request.model, request.weights, shown))


def check_projections(
    request: ProjectionRequest,
    loaded: LoadedModel,
    photograph: Picture,
    projected: Sequence[ProjectedLayer],
    name: str,
) -> list[dict[str, object]]:
    """Check the units of the figure, under its first family; print, draw and return the facts."""
    from captum_deconvnet.projections import trust_report

    other = upside_down(photograph) if request.other is None else request.other
    inputs = to_input(loaded, photograph)
    checks = trust_report.check_units(
        loaded, inputs, to_input(loaded, other), projected, request.family
    )
    trust_report.print_checks(checks)
    if request.out is not None and checks:
        path = request.out.with_name(f"{request.out.stem}-checks{request.out.suffix}")
        shown = f"{request.model}   {request.family}   {readable(name)}"
        title = f"{shown}   r: correlation, |r|: of magnitudes"
        trust_report.draw_checks(path, title, loaded, inputs, checks)
    return trust_report.checks_facts(checks)


def upside_down(photograph: Picture) -> Picture:
    """The picture turned by half a circle."""
    if isinstance(photograph, Image.Image):
        return photograph.transpose(Image.Transpose.ROTATE_180)
    return photograph.flip(-2, -1)


def check_outputs(request: ProjectionRequest) -> None:
    """Refuse, before any work, an output that cannot be written."""
    if request.out is not None:
        check_folder(request.out)
    if request.facts is not None and request.facts != "-":
        check_folder(Path(request.facts))


def request_facts(
    request: ProjectionRequest, loaded: LoadedModel, inputs: torch.Tensor, name: str
) -> dict[str, Any]:
    """What was asked for, and the shape that the image was given."""
    return {
        "model": request.model,
        "weights": weights_tag(loaded),
        "image": name,
        "input_shape": list(inputs.shape[1:]),
        "select": request.selection.name,
        "figure": None if request.out is None else str(request.out),
    }


def figure_facts(
    about: Mapping[str, Any],
    layers: Sequence[ProjectedLayer],
    recordings: Mapping[str, Recording],
) -> dict[str, Any]:
    """All facts of a figure: what was asked, every layer, and the receipt of every family."""
    receipts = {name: receipt_facts(recording.receipt) for name, recording in recordings.items()}
    return {**about, "layers": [layer_facts(layer) for layer in layers], "receipts": receipts}


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
        "shown": [activation_facts(shown) for shown in projected.shown],
    }


def activation_facts(shown: ProjectedActivation) -> dict[str, Any]:
    """A unit with its position and activation, or a map with its sum, and its projections."""
    chosen = shown.chosen
    if isinstance(chosen, Unit):
        facts = {"row": chosen.row, "column": chosen.column, "activation": chosen.value}
    else:
        facts = {"sum": chosen.value}
    extremes = {
        name: {"min": float(projection.min()), "max": float(projection.max())}
        for name, projection in shown.projections.items()
    }
    return {"channel": chosen.channel, **facts, "box": asdict(shown.box), "projections": extremes}


def receipt_facts(receipt: Receipt) -> dict[str, Any]:
    """How many operations ran under each kind of rule, and which rule ran where."""
    return {
        "counts": dict(receipt.counts),
        "entries": [asdict(entry) for entry in receipt.entries],
    }
