"""``deconvnet gallery``: from a model's name and a folder of images to a gallery."""

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

from captum_deconvnet.cli.loading import chosen_layers, load_for_command, warn_of_random_weights
from captum_deconvnet.cli.output import counted, duration, make_folder
from captum_deconvnet.cli.stopping import note_kept
from captum_deconvnet.errors import OutputError
from captum_deconvnet.files import alone_in, readable
from captum_deconvnet.gallery.gallery_files import GalleryFiles
from captum_deconvnet.gallery.panels import project_panels, units_by_image
from captum_deconvnet.gallery.scan import top_activations
from captum_deconvnet.gallery.tiles import TileStore, keep_tiles, store_bytes
from captum_deconvnet.gallery.time_estimate import estimated_seconds
from captum_deconvnet.gallery.top_activations import TopActivations
from captum_deconvnet.pictures.image_sets import ImageSet, find_images
from captum_deconvnet.registry import LoadedModel

Maps = dict[str, list[int]]
SPARE = 1.3
"""How much more disk a gallery may take than its tiles: sheets, pictures, the scan."""


@dataclass(frozen=True)
class GalleryRequest:
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


def build_gallery(request: GalleryRequest) -> None:
    """Make a gallery as requested, or continue one that an earlier run has begun."""
    make_folder(request.out)
    note_kept(f"the scan and the tiles so far are in {readable(request.out)}")
    with alone_in(request.out):
        build(request)


def build(request: GalleryRequest) -> None:
    """Make the gallery, in a folder that no other run works in."""
    loaded = load_for_command(request.model, request.weights)
    layers = chosen_layers(loaded, request.layers)
    images = find_images(request.images, loaded.transform, [request.out])
    maps = chosen_maps(loaded, images, layers, request)
    check_disk(request, maps)
    announce_work(request, loaded, images, maps)
    top = scan_images(request, loaded, images, layers)
    files = GalleryFiles(
        request.out,
        loaded,
        top,
        maps,
        tile=request.tile,
        html=request.html,
        k=request.k,
        relu=request.relu,
    )
    hidden = request.out / ".tiles"
    name = digest(
        top.identity, json.dumps(maps), str(request.tile), str(request.html), request.relu
    )
    if files.finished(name):
        shutil.rmtree(hidden, ignore_errors=True)
        click.echo(f"{readable(request.out)} is complete: nothing to do", err=True)
        return
    store = TileStore(hidden, name, maps, request.k, request.tile)
    project_missing(loaded, images, top, maps, store, files)
    files.write(store, name)
    store.remove()


def chosen_maps(
    loaded: LoadedModel,
    images: ImageSet,
    layers: Sequence[str],
    request: GalleryRequest,
) -> Maps:
    """The channels of each layer to show, drawn at random and sorted, or all of them."""
    from captum_deconvnet.projections.layer_table import output_shapes

    shapes = output_shapes(loaded.model, loaded.example_input())
    chosen: Maps = {}
    for layer in layers:
        count = shapes[layer][0] if layer in shapes else 0
        chosen[layer] = drawn_channels(count, request.maps, request.seed)
    return chosen


def drawn_channels(count: int, maps: int | None, seed: int) -> list[int]:
    """So many of ``count`` channels, drawn at random and sorted; all of them for None."""
    generator = torch.Generator().manual_seed(seed)
    return sorted(torch.randperm(count, generator=generator)[:maps].tolist())


def scan_images(
    request: GalleryRequest,
    loaded: LoadedModel,
    images: ImageSet,
    layers: Sequence[str],
) -> TopActivations:
    """Find the strongest activations, and tell which images could not be read."""
    top = top_activations(
        loaded.model,
        layers,
        images,
        k=request.k,
        batch_size=request.batch_size,
        one_per_image=request.one_per_image,
        out=request.out / "top.safetensors",
        tag=digest(request.model, str(loaded.weights), images.version),
        num_workers=request.workers,
        show_progress=True,
    )
    for number, reason in sorted(top.skipped.items()):
        click.echo(f"left out {readable(top.names[number])}: {' '.join(reason.split())}", err=True)
    if top.skipped:
        click.echo(f"{len(top.skipped)} of {counted(len(images), 'image')} left out", err=True)
    return top


def project_missing(
    loaded: LoadedModel,
    images: ImageSet,
    top: TopActivations,
    maps: Mapping[str, Sequence[int]],
    store: TileStore,
    files: GalleryFiles,
) -> None:
    """Project all units that are not yet done, image after image."""
    counts = {image: len(units) for image, units in units_by_image(top, maps).items()}
    before = sum(counts[image] for image in store.done if image in counts)
    bar = tqdm(
        desc="projecting", unit="projection", total=sum(counts.values()), initial=before,
        smoothing=0,
    )  # fmt: skip
    with bar:
        for image in project_panels(
            loaded.model, images, top, maps, skip=store.done, relu=files.relu
        ):
            for panel in image.panels:
                keep_tiles(store, panel, loaded)
            files.keep_image(image)
            store.finish(image)
            bar.update(len(image.panels))


def check_disk(request: GalleryRequest, maps: Mapping[str, Sequence[int]]) -> None:
    """Refuse, before the work, a gallery that the disk cannot hold."""
    needed = int(SPARE * (1 + request.html) * store_bytes(maps, request.k, request.tile)) + 2**24
    free = shutil.disk_usage(request.out).free
    if needed > free:
        raise OutputError(
            f"This gallery may take {needed / 1e9:.2f} GB and {request.out} has "
            f"{free / 1e9:.2f} GB free: choose fewer --maps or --layers, a smaller --tile, or "
            "another --out."
        )


def announce_work(
    request: GalleryRequest,
    loaded: LoadedModel,
    images: ImageSet,
    maps: Mapping[str, Sequence[int]],
) -> None:
    """Say what will be done, and how long that takes."""
    count = sum(len(channels) for channels in maps.values())
    seconds = estimated_seconds(
        loaded, images, maps, request.k, request.batch_size, request.relu, request.tile
    )
    time = (
        "" if seconds is None else f": {duration(seconds)} from nothing, as measured on one image"
    )
    click.echo(
        f"{counted(len(images), 'image')}, {counted(count, 'map')} of "
        f"{counted(len(maps), 'layer')}{time}",
        err=True,
    )
    warn_of_random_weights(loaded, "projections")


def digest(*texts: str) -> str:
    """A name for anything that these texts tell apart."""
    return hashlib.blake2b(json.dumps(texts).encode(), digest_size=16).hexdigest()
