"""A model's own sample pictures, projected: what ``deconvnet demo`` draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import torch
from PIL import Image

import captum_deconvnet as cdn
from captum_deconvnet.cli.names import origin_of
from captum_deconvnet.cli.network import to_input, to_picture
from captum_deconvnet.cli.output import check_folder, write_figure
from captum_deconvnet.cli.panels import to_array
from captum_deconvnet.cli.prediction import predictions
from captum_deconvnet.cli.run import Order, load, run
from captum_deconvnet.cli.selection import Request
from captum_deconvnet.errors import ModelError
from captum_deconvnet.figures.crop import Crop, crop_of
from captum_deconvnet.figures.samples import SampleRow, Sight, sample_figure

RULE = "deconvnet"
KIND = "demo"
"""What a figure of this command is called."""


def show_samples(model: str, out: Path) -> cdn.Receipt:
    """Write the figure of a model's samples: one image in detail, or several side by side.

    Args:
        model: as ``deconvnet models`` lists it.
        out: the figure's file.

    Returns:
        The receipt of their projections.

    Raises:
        ModelError: the model brings no pictures.
    """
    check_folder(out)
    loaded = load(model, "DEFAULT")
    samples = loaded.samples()
    if not samples:
        raise ModelError(f"{model} brings no sample pictures: use deconvnet project {model} IMAGE.")
    if len(samples) == 1:
        return in_detail(model, samples, out)
    return side_by_side(loaded, samples, out)


def in_detail(model: str, samples: Mapping[str, Image.Image], out: Path) -> cdn.Receipt:
    """One image: two units a layer, by deconvnet and by guided backpropagation."""
    ((name, image),) = samples.items()
    order = Order(
        model=model,
        weights="DEFAULT",
        layers=None,
        request=Request(count=2),
        rules=(RULE, "guided"),
        out=out,
        facts=None,
        kind=KIND,
    )
    return run(order, image.convert("RGB"), name)[RULE].receipt


def side_by_side(
    loaded: cdn.LoadedModel, samples: Mapping[str, Image.Image], out: Path
) -> cdn.Receipt:
    """Several images: the strongest unit of every layer in each."""
    inputs = torch.cat([to_input(loaded, image) for image in samples.values()])
    recording = cdn.record(loaded.model, inputs, loaded.stages)
    labels = predictions(loaded, recording)
    images = [
        (f"{name}\n{seen}".strip(), to_picture(loaded, inputs[index : index + 1]).cpu().numpy())
        for index, (name, seen) in enumerate(zip_longest(samples, labels, fillvalue=""))
    ]
    size = (inputs.shape[-2], inputs.shape[-1])
    rows = [
        row(recording, layer, number, size) for number, layer in enumerate(loaded.stages, start=1)
    ]
    write_figure(out, sample_figure(images, rows), origin_of(KIND, loaded.name))
    return recording.receipt


def row(recording: cdn.Recording, layer: str, number: int, size: tuple[int, int]) -> SampleRow:
    """The strongest unit of one layer in every image."""
    field = recording.receptive_field(layer)
    units = strongest_of_each(recording.strongest(layer))
    projections = recording.project(units)
    assert isinstance(projections, torch.Tensor)  # a tuple only comes from several inputs
    whole = Crop(0, 0, *size)
    sights = []
    for unit, projection in zip(units, projections, strict=True):
        box = field.box(unit.row, unit.column)
        near = crop_of((box.top, box.left, box.bottom, box.right), field.size, size)
        crop = near if field.size < size else whole
        title = f"map {unit.channel}: {unit.value:.3g}"
        sights.append(Sight(title, to_array(projection), crop))
    return SampleRow(f"layer {number}\nsees {field.size[0]} px", sights)


def strongest_of_each(units: Sequence[cdn.Unit]) -> list[cdn.Unit]:
    """Of the units of every image, the strongest."""
    best: dict[int, cdn.Unit] = {}
    for unit in units:
        if unit.image not in best or unit.value > best[unit.image].value:
            best[unit.image] = unit
    return [best[image] for image in sorted(best)]
