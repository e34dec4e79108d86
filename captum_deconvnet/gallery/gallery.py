"""From a model's name and a folder of images to a gallery."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import torch
from tqdm import tqdm  # type: ignore[import-untyped]

import captum_deconvnet as cdn
from captum_deconvnet.cli.output import counted, make_folder
from captum_deconvnet.cli.stopping import keeps
from captum_deconvnet.errors import OutputError
from captum_deconvnet.files import alone_in, readable
from captum_deconvnet.gallery.estimate import estimate, in_words
from captum_deconvnet.gallery.pages import Pages
from captum_deconvnet.gallery.panels import panels, wanted
from captum_deconvnet.gallery.tiles import TileStore, keep, store_bytes
from captum_deconvnet.pictures.model_input import chosen_layers
from captum_deconvnet.pictures.photographs import Photographs, Pictures, find_images
from captum_deconvnet.projections.project import load

Maps = dict[str, list[int]]
SPARE = 1.3
"""How much more disk a gallery may take than its tiles: sheets, pictures, the scan."""


@dataclass(frozen=True)
class Order:
    """What the user asked for; see ``deconvnet gallery --help``."""

    model: str
    images: str
    weights: str
    layers: str | None
    maps: int | None
    relu: str
    k: int
    seed: int
    one_per_image: bool
    html: bool
    tile: int
    batch_size: int
    workers: int
    out: Path


def run(order: Order) -> None:
    """Make a gallery as ordered; what an earlier run has left is gone on with."""
    make_folder(order.out)
    keeps(f"the scan and the tiles so far are in {readable(order.out)}")
    with alone_in(order.out):
        make(order)


def make(order: Order) -> None:
    """Make the gallery, in a folder that no other run works in."""
    loaded = load(order.model, order.weights)
    layers = chosen_layers(loaded, order.layers)
    images = find_images(order.images, loaded.transform, [order.out])
    maps = chosen_maps(loaded, images, layers, order)
    check_disk(order, maps)
    say_before(order, loaded, images, maps)
    top = scan(order, loaded, images, layers)
    pages = Pages(
        order.out, loaded, top, maps, tile=order.tile, html=order.html, k=order.k, relu=order.relu
    )
    hidden = order.out / ".tiles"
    name = digest(top.identity, json.dumps(maps), str(order.tile), str(order.html), order.relu)
    if pages.finished(name):
        shutil.rmtree(hidden, ignore_errors=True)
        click.echo(f"{readable(order.out)} is complete: nothing to do", err=True)
        return
    store = TileStore(hidden, name, maps, order.k, order.tile)
    project(loaded, images, top, maps, store, pages)
    pages.write(store, name)
    store.remove()


def chosen_maps(
    loaded: cdn.LoadedModel, images: Photographs | Pictures, layers: Sequence[str], order: Order
) -> Maps:
    """The channels of each layer to show, drawn at random and sorted, or all of them."""
    from captum_deconvnet.projections.layer_table import output_shapes

    shapes = output_shapes(loaded.model, loaded.example_input())
    chosen: Maps = {}
    for layer in layers:
        count = shapes[layer][0] if layer in shapes else 0
        generator = torch.Generator().manual_seed(order.seed)
        drawn = torch.randperm(count, generator=generator)[: order.maps].tolist()
        chosen[layer] = sorted(drawn)
    return chosen


def scan(
    order: Order, loaded: cdn.LoadedModel, images: Photographs | Pictures, layers: Sequence[str]
) -> cdn.TopActivations:
    """Find the strongest activations, and tell which images could not be read."""
    top = cdn.top_activations(
        loaded.model,
        layers,
        images,
        k=order.k,
        batch_size=order.batch_size,
        one_per_image=order.one_per_image,
        out=order.out / "top.safetensors",
        tag=digest(order.model, str(loaded.weights), images.version),
        num_workers=order.workers,
        show_progress=True,
    )
    for number, reason in sorted(top.skipped.items()):
        click.echo(f"left out {readable(top.names[number])}: {' '.join(reason.split())}", err=True)
    if top.skipped:
        click.echo(f"{len(top.skipped)} of {counted(len(images), 'image')} left out", err=True)
    return top


def project(
    loaded: cdn.LoadedModel,
    images: Photographs | Pictures,
    top: cdn.TopActivations,
    maps: Mapping[str, Sequence[int]],
    store: TileStore,
    pages: Pages,
) -> None:
    """Project all units that are not yet done, image after image."""
    counts = {image: len(units) for image, units in wanted(top, maps).items()}
    before = sum(counts[image] for image in store.done if image in counts)
    bar = tqdm(
        desc="projecting", unit="projection", total=sum(counts.values()), initial=before,
        smoothing=0,
    )  # fmt: skip
    with bar:
        for image in panels(loaded.model, images, top, maps, skip=store.done, relu=pages.relu):
            for panel in image.panels:
                keep(store, panel, loaded)
            pages.keep_image(image)
            store.finish(image)
            bar.update(len(image.panels))


def check_disk(order: Order, maps: Mapping[str, Sequence[int]]) -> None:
    """Refuse, before the work, a gallery that the disk cannot hold."""
    needed = int(SPARE * (1 + order.html) * store_bytes(maps, order.k, order.tile)) + 2**24
    free = shutil.disk_usage(order.out).free
    if needed > free:
        raise OutputError(
            f"This gallery may take {needed / 1e9:.2f} GB and {order.out} has {free / 1e9:.2f} GB "
            "free: choose fewer --maps or --layers, a smaller --tile, or another --out."
        )


def say_before(
    order: Order,
    loaded: cdn.LoadedModel,
    images: Photographs | Pictures,
    maps: Mapping[str, Sequence[int]],
) -> None:
    """Say what will be done, and how long that takes."""
    count = sum(len(channels) for channels in maps.values())
    seconds = estimate(loaded, images, maps, order.k, order.batch_size, order.relu, order.tile)
    time = (
        "" if seconds is None else f": {in_words(seconds)} from nothing, as measured on one image"
    )
    click.echo(
        f"{counted(len(images), 'image')}, {counted(count, 'map')} of "
        f"{counted(len(maps), 'layer')}{time}",
        err=True,
    )
    if loaded.weights is None:
        click.echo("random weights: these are projections of an untrained network", err=True)


def digest(*parts: str) -> str:
    """A name for anything that these texts tell apart."""
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
