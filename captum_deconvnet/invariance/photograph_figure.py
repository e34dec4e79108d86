"""``deconvnet invariance``: from photographs to Fig. 5 and the table beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np
import torch
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.cli.loading import weights_title
from captum_deconvnet.cli.output import check_folder, write_figure
from captum_deconvnet.files import origin_of, readable
from captum_deconvnet.invariance.curves import InvarianceCurves, joined_curves
from captum_deconvnet.invariance.figure import (
    CurvePanel,
    Picture,
    TransformColumn,
    invariance_figure,
)
from captum_deconvnet.invariance.placement import Sampling
from captum_deconvnet.invariance.request import InvarianceRequest
from captum_deconvnet.invariance.tables import area_table, write_points
from captum_deconvnet.invariance.transforms import Transform
from captum_deconvnet.invariance.wide_input import WideInput
from captum_deconvnet.pictures.display import channels_note
from captum_deconvnet.pictures.reading import read_picture, to_picture

ENOUGH = 3
"""Curves that a band can be drawn of: of two it would be a guess."""

SHOWN = 5
"""Pictures in a strip."""


def draw_photographs(
    request: InvarianceRequest,
    images: Sequence[Path],
    targets: Sequence[int],
    distance: str,
    out: Path,
) -> None:
    """Measure photographs as requested; write the figure, and the table beside it.

    Args:
        request: what to measure.
        images: photographs.
        targets: none, one for all, or one an image.
        distance: what the figure shows.
        out: where the figure goes.
    """
    if len(targets) not in (0, 1, len(images)):
        raise click.UsageError(f"--target is given {len(targets)} times for {len(images)} images.")
    table = out.with_suffix(".csv")
    check_folder(out)
    check_folder(table)
    assert request.chosen  # unknown transforms are refused before anything is loaded
    pictures = [read_picture(path) for path in images]
    wide = [request.wide_input(each, path) for each, path in zip(pictures, images, strict=True)]
    labels = list(targets) * (len(images) // len(targets)) if targets else [None] * len(images)
    bar = tqdm(zip(wide, labels, strict=True), total=len(images), leave=False, disable=None)
    found = [request.curves(each, label) for each, label in bar]
    names = [readable(path.name) for path in images]
    curves = {
        each.name: joined_curves([one[each.name] for one in found]) for each in request.chosen
    }
    request.warn()
    if 1 < len(images) < ENOUGH:
        click.echo(f"a band of {len(images)} curves is no band: none is drawn", err=True)
    write_points(table, curves, names)
    click.echo(area_table(curves))
    columns = [
        transform_column(request, each, curves[each.name], wide, distance)
        for each in request.chosen
    ]
    title = f"{request.model}   {weights_title(request.loaded)}{channels_note(wide[0].pixels)}"
    figure = invariance_figure(columns, legend(request, names, curves), title=title)
    write_figure(out, figure, origin_of("invariance", request.model, request.weights, images))


def transform_column(
    request: InvarianceRequest,
    transform: Transform,
    curves: InvarianceCurves,
    wide: Sequence[WideInput],
    distance: str,
) -> TransformColumn:
    """One transform, as the figure takes it."""
    shown = spread_values(curves.values)
    return TransformColumn(
        title=transform.name.replace("_", " "),
        unit=curves.unit,
        values=np.array(curves.values),
        shown=shown,
        strips=[picture_strip(request, transform, each, shown) for each in wide],
        panels=curve_panels(curves, distance),
    )


def spread_values(values: Sequence[float]) -> list[float]:
    """A few of the values, from the smallest to the largest."""
    ordered = sorted(set(values))
    places = np.linspace(0, len(ordered) - 1, min(SHOWN, len(ordered))).round().astype(int)
    return [ordered[place] for place in places]


def picture_strip(
    request: InvarianceRequest, transform: Transform, wide: WideInput, values: Sequence[float]
) -> list[Picture]:
    """What the model saw at some values, as pictures."""
    sampling = Sampling(fill=request.fill, crop=wide.crop)
    seen = [transform(wide.pixels, value, sampling) for value in values]
    return [to_picture(request.loaded, each).cpu().numpy() for each in seen]


def curve_panels(curves: InvarianceCurves, distance: str) -> list[CurvePanel]:
    """The distance at every layer, then the probability, as far as there is one."""
    found = [
        CurvePanel(
            f"{distance} distance\n{layer}",
            curves.distance(layer, distance).numpy(),
            confidence_ends(curves, layer, distance),
        )
        for layer in curves.layers
    ]
    if curves.probability is not None:
        found.append(CurvePanel("probability of the label", curves.probability.numpy(), top=1.02))
    return found


def confidence_ends(curves: InvarianceCurves, layer: str, distance: str) -> np.ndarray | None:
    """The confidence band of the mean; None for few images."""
    if len(curves.distance(layer, distance)) < ENOUGH:
        return None
    ends = torch.stack(curves.band(layer, distance))
    return None if bool(ends.isnan().all()) else ends.numpy()


def legend(
    request: InvarianceRequest, names: Sequence[str], curves: Mapping[str, InvarianceCurves]
) -> list[str]:
    """The images with the labels whose probability is shown."""
    target = next(iter(curves.values())).target
    if target is None:
        return list(names)
    categories = request.loaded.categories
    labels = [categories[label] if categories else str(label) for label in target.tolist()]
    return [f"{name}: {label}" for name, label in zip(names, labels, strict=True)]
