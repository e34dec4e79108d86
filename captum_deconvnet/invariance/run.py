"""From photographs to Fig. 5 and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np
import torch
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet import InvarianceCurves
from captum_deconvnet.cli.output import check_folder, write_figure
from captum_deconvnet.files import origin_of, readable
from captum_deconvnet.invariance.curves import joined
from captum_deconvnet.invariance.figure import Column, Panel, Picture, invariance_figure
from captum_deconvnet.invariance.photograph_curves import Order, areas, write_rows
from captum_deconvnet.invariance.placement import Sampling
from captum_deconvnet.invariance.transforms import Transform
from captum_deconvnet.pictures.model_input import to_picture
from captum_deconvnet.pictures.reading import read_picture
from captum_deconvnet.pictures.whole_photograph import Source
from captum_deconvnet.projections.project import told, weights_name

ENOUGH = 3
"""Curves that a band can be drawn of: of two it would be a guess."""

SHOWN = 5
"""Pictures in a strip."""


def run(
    order: Order, images: Sequence[Path], targets: Sequence[int], distance: str, out: Path
) -> None:
    """Measure photographs as ordered; write the figure, and the table beside it.

    Args:
        order: what to measure.
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
    assert order.chosen  # unknown transforms are refused before anything is loaded
    pictures = [read_picture(path) for path in images]
    sources = [order.source(each, path) for each, path in zip(pictures, images, strict=True)]
    labels = list(targets) * (len(images) // len(targets)) if targets else [None] * len(images)
    bar = tqdm(zip(sources, labels, strict=True), total=len(images), leave=False, disable=None)
    parts = [order.curves(source, label) for source, label in bar]
    names = [readable(path.name) for path in images]
    curves = {each.name: joined([part[each.name] for part in parts]) for each in order.chosen}
    order.warn()
    if 1 < len(images) < ENOUGH:
        click.echo(f"a band of {len(images)} curves is no band: none is drawn", err=True)
    write_rows(table, curves, names)
    click.echo(areas(curves))
    columns = [column(order, each, curves[each.name], sources, distance) for each in order.chosen]
    title = f"{order.model}   {weights_name(order.weights_name)}{told(sources[0].pixels)}"
    figure = invariance_figure(columns, legend(order, names, curves), title=title)
    write_figure(out, figure, origin_of("invariance", order.model, order.weights, images))


def column(
    order: Order,
    transform: Transform,
    curves: InvarianceCurves,
    sources: Sequence[Source],
    distance: str,
) -> Column:
    """One transform, as the figure takes it."""
    shown = spread(curves.values)
    return Column(
        title=transform.name.replace("_", " "),
        unit=curves.unit,
        values=np.array(curves.values),
        shown=shown,
        strips=[strip(order, transform, source, shown) for source in sources],
        panels=panels(curves, distance),
    )


def spread(values: Sequence[float]) -> list[float]:
    """A few of the values, from the smallest to the largest."""
    ordered = sorted(set(values))
    places = np.linspace(0, len(ordered) - 1, min(SHOWN, len(ordered))).round().astype(int)
    return [ordered[place] for place in places]


def strip(
    order: Order, transform: Transform, source: Source, values: Sequence[float]
) -> list[Picture]:
    """What the model saw at some values, as pictures."""
    sampling = Sampling(fill=order.fill, crop=source.crop)
    seen = [transform(source.pixels, value, sampling) for value in values]
    return [to_picture(order.loaded, each).cpu().numpy() for each in seen]


def panels(curves: InvarianceCurves, distance: str) -> list[Panel]:
    """The distance at every layer, then the probability, as far as there is one."""
    found = [
        Panel(
            f"{distance} distance\n{layer}",
            curves.distance(layer, distance).numpy(),
            band(curves, layer, distance),
        )
        for layer in curves.layers
    ]
    if curves.probability is not None:
        found.append(Panel("probability of the label", curves.probability.numpy(), top=1.02))
    return found


def band(curves: InvarianceCurves, layer: str, distance: str) -> np.ndarray | None:
    """The confidence band of the mean; None for few images."""
    if len(curves.distance(layer, distance)) < ENOUGH:
        return None
    ends = torch.stack(curves.band(layer, distance))
    return None if bool(ends.isnan().all()) else ends.numpy()


def legend(order: Order, names: Sequence[str], curves: Mapping[str, InvarianceCurves]) -> list[str]:
    """The images with the labels whose probability is shown."""
    target = next(iter(curves.values())).target
    if target is None:
        return list(names)
    categories = order.loaded.categories
    labels = [categories[label] if categories else str(label) for label in target.tolist()]
    return [f"{name}: {label}" for name, label in zip(names, labels, strict=True)]
