"""The files of a gallery: a sheet a layer, the index, and the atlas."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.cli.loading import weights_tag, weights_title
from captum_deconvnet.cli.output import counted, report_written
from captum_deconvnet.engine.record import receptive_field
from captum_deconvnet.engine.units import activation_of
from captum_deconvnet.files import remove_unfinished, write_text_whole, write_whole
from captum_deconvnet.gallery.atlas import map_strip, write_page
from captum_deconvnet.gallery.panels import ImagePanels
from captum_deconvnet.gallery.sheet import MapTiles, sheet
from captum_deconvnet.gallery.tiles import TileStore, to_bytes
from captum_deconvnet.gallery.top_activations import TopActivations
from captum_deconvnet.pictures.display import rgb, shown_bands, to_array
from captum_deconvnet.registry import LoadedModel

MANY = 64
"""With more maps than this a sheet shows its tiles at half size."""

QUALITY = 92
STRETCHED = (
    "Each projection is stretched about mid grey by its own factor; the factors of a map lie in "
    "the range over it."
)


@dataclass(frozen=True)
class GalleryFiles:
    """The files of one gallery in the folder ``out``."""

    out: Path
    loaded: LoadedModel
    top: TopActivations
    maps: Mapping[str, Sequence[int]]
    tile: int
    html: bool
    k: int
    relu: str = "deconvnet"

    def finished(self, name: str) -> bool:
        """Whether the gallery of that name is complete; its index is written last."""
        path = self.out / "index.json"
        return path.exists() and bool(json.loads(path.read_text()).get("gallery") == name)

    def keep_image(self, image: ImagePanels) -> None:
        """Keep the picture that the network saw, for the atlas."""
        if not self.html:
            return
        folder = self.out / "atlas" / "images"
        folder.mkdir(parents=True, exist_ok=True)
        picture = to_bytes(rgb(to_array(self.loaded.inverse_transform(image.inputs))))
        save_jpeg(folder / f"{image.image}.jpg", picture)

    def write(self, store: TileStore, name: str) -> None:
        """Write everything, the index last."""
        (self.out / "sheets").mkdir(exist_ok=True)
        for layer in self.maps:
            path = self.out / "sheets" / f"{layer}.png"
            write_whole(path, partial(self._sheet(store, layer).save, format="png"))
            report_written(path)
        index = {"gallery": name, **self.facts(store)}
        if self.html:
            self._atlas(store, index)
        text = json.dumps(index, indent=1, allow_nan=False) + "\n"
        remove_unfinished(self.out)
        write_text_whole(self.out / "index.json", text)
        report_written(self.out / "index.json")

    def facts(self, store: TileStore) -> dict[str, Any]:
        """All that the gallery shows, as JSON."""
        return {
            "model": self.loaded.name,
            "weights": weights_tag(self.loaded),
            "images": int(self.top.done.sum()) - len(self.top.skipped),
            "left_out": [self.top.names[number] for number in sorted(self.top.skipped)],
            "k": self.k,
            "relu": self.relu,
            "tile": self.tile,
            "colours": shown_bands(self.loaded.input_size[0]),
            "layers": [self._layer_facts(store, layer) for layer in self.maps],
        }

    def _layer_facts(self, store: TileStore, layer: str) -> dict[str, Any]:
        top = self.top[layer]
        numbers = zip(top.mean.tolist(), top.active_share.tolist(), top.dead.tolist(), strict=True)
        statistics = list(numbers)
        return {
            "layer": layer,
            "maps_in_layer": len(top.values),
            "dead_maps": int(top.dead.sum()),
            "sees": self.sees(layer),
            "maps": [
                {
                    "channel": channel,
                    **dict(zip(("mean", "active_share", "dead"), statistics[channel], strict=True)),
                    "top": self._map_facts(store, layer, channel),
                }
                for channel in self.maps[layer]
            ],
        }

    def _map_facts(self, store: TileStore, layer: str, channel: int) -> list[dict[str, Any]]:
        found = zip(
            self.top.units(layer, channel),
            store.boxes(layer, channel),
            store.factors(layer, channel),
            strict=False,
        )
        return [
            {
                "image": unit.image,
                "name": self.top.names[unit.image],
                "row": unit.row,
                "column": unit.column,
                "activation": activation_of(unit),
                "box": box,
                "contrast": factor,
            }
            for unit, box, factor in found
        ]

    def sees(self, layer: str) -> str:
        """What a unit of the layer sees, in words."""
        shape = self.loaded.input_size
        field = receptive_field(self.loaded.model, layer, shape)
        (height, width), whole = field.size, field.image_size
        if height >= whole[0] and width >= whole[1]:
            return (
                f"a unit's receptive field, {height} x {width} pixels, is as large as the image, "
                f"{whole[0]} x {whole[1]}, or larger: patches are cut off at its borders"
            )
        return f"a unit sees {height} x {width} pixels of {whole[0]} x {whole[1]}"

    def _sheet(self, store: TileStore, layer: str) -> Image.Image:
        channels = self.maps[layer]
        shown = f"{len(channels)} of {counted(len(self.top[layer].values), 'map')}"
        weights = weights_title(self.loaded)
        images = int(self.top.done.sum()) - len(self.top.skipped)
        title = [
            f"{self.loaded.name}   {weights}   layer {layer}   {shown}, top {self.k} of "
            f"{counted(images, 'image')}",
            f"For each map: left its strongest {self.relu} projections, right the patches they "
            f"saw; {self.sees(layer)}.",
            " ".join((STRETCHED, *sentence(shown_bands(self.loaded.input_size[0])))),
        ]
        maps = [self._map_tiles(store, layer, channel) for channel in channels]
        return sheet(title, maps, grid=ceil(sqrt(self.k)))

    def _map_tiles(self, store: TileStore, layer: str, channel: int) -> MapTiles:
        units = list(self.top.units(layer, channel))
        tiles = store.tiles(layer, channel)[: len(units)]
        if len(self.maps[layer]) > MANY and self.tile >= 2:
            tiles = halved(tiles)
        factors = store.factors(layer, channel)[: len(units)]
        ends = [f"{activation_of(unit):.3g}" for unit in (*units[:1], *units[-1:])]
        values = " to ".join(ends) or "nothing"
        dead = "   dead" if bool(self.top[layer].dead[channel]) else ""
        stretched = f"\u00d7{min(factors):.2g} to {max(factors):.2g}" if factors else ""
        return MapTiles(f"map {channel}   {values}{dead}\n{stretched}", tiles[:, 0], tiles[:, 1])

    def _atlas(self, store: TileStore, index: Mapping[str, Any]) -> None:
        """The page, its data, and a strip of tiles a map."""
        progress = tqdm(
            [(layer, channel) for layer in self.maps for channel in self.maps[layer]],
            desc="atlas", unit="map", leave=False, disable=None,
        )  # fmt: skip
        for layer, channel in progress:
            folder = self.out / "atlas" / "maps" / layer
            folder.mkdir(parents=True, exist_ok=True)
            save_jpeg(folder / f"{channel}.jpg", map_strip(store.tiles(layer, channel)))
        write_page(self.out, index)
        report_written(self.out / "index.html")


def sentence(words: str) -> list[str]:
    """Words as a sentence, if there are any."""
    return [f"{words[:1].upper()}{words[1:]}."] if words else []


def halved(tiles: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Tiles (..., size, size, 3) at half their size, by the mean of four pixels."""
    size = tiles.shape[-2] // 2 * 2
    cut = tiles[..., :size, :size, :].astype(np.uint16)
    total = sum(cut[..., row::2, column::2, :] for row in (0, 1) for column in (0, 1))
    return ((total + 2) // 4).astype(np.uint8)  # type: ignore[union-attr]


def save_jpeg(path: Path, pixels: np.ndarray[Any, Any]) -> None:
    """Write a picture (H, W, 3) with its colours at full resolution."""
    save = partial(Image.fromarray(pixels).save, format="jpeg", quality=QUALITY, subsampling=0)
    write_whole(path, save)
