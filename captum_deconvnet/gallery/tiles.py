"""Tiles: small square pictures of what a unit saw and of its projection, made and kept on disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from PIL import Image

from captum_deconvnet.gallery.panels import ActivationPanel, ImagePanels
from captum_deconvnet.pictures.display import MID_GREY, Crop, crop_of, rgb, stretch, to_array
from captum_deconvnet.registry import LoadedModel

Pixels = NDArray[np.uint8]
PERCENTILE = 99.5
"""Of a projection's absolute values, what a tile shows at full contrast."""


def patch_tile(patch: NDArray[np.floating], crop: Crop, size: int) -> Pixels:
    """A patch of the image (h, w, C) in [0, 1] as a tile; what lies off the image is mid grey."""
    return to_bytes(fitted(squared(patch, crop, MID_GREY), size))


def projection_tile(
    projection: NDArray[np.floating], crop: Crop, size: int
) -> tuple[Pixels, float]:
    """A projection (h, w, C), signed, as a tile, and the factor that it was stretched by.

    Where it is larger than the tile it is reduced by area first, so that the contrast is that of
    what is seen. Zero, and what lies off the image, is mid grey.
    """
    picture, factor = stretch(fitted(squared(projection, crop, 0.0), size), PERCENTILE)
    return to_bytes(picture), factor


def squared(pixels: NDArray[np.floating], crop: Crop, fill: float) -> NDArray[np.floating]:
    """What lies inside a crop, with the crop's margins around it, made square."""
    whole = crop.padded(pixels, fill)
    height, width = whole.shape[:2]
    spare = [(side - extent) // 2 for extent in (height, width) for side in [max(height, width)]]
    rest = [max(height, width) - height - spare[0], max(height, width) - width - spare[1]]
    square = ((spare[0], rest[0]), (spare[1], rest[1]), (0, 0))
    return np.pad(whole, square, constant_values=fill)


def fitted(pixels: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """A picture (h, w, C) as (size, size, 3): enlarged pixel by pixel, or reduced by area."""
    colours = rgb(pixels)
    height, width = colours.shape[:2]
    smaller = height > size or width > size
    method = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
    planes = [
        Image.fromarray(np.ascontiguousarray(colours[..., channel], dtype=np.float32))
        for channel in range(3)
    ]
    return np.stack([np.asarray(plane.resize((size, size), method)) for plane in planes], axis=-1)


def to_bytes(picture: NDArray[np.floating]) -> Pixels:
    """A picture in [0, 1] as 8-bit colours."""
    pixels: Pixels = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return pixels


def keep_tiles(store: TileStore, panel: ActivationPanel, loaded: LoadedModel) -> None:
    """Put the two tiles of a panel in the store."""
    projection, patch, factor = tiles(panel, loaded, store.size)
    store.put(panel, projection, patch, factor)


def tiles(panel: ActivationPanel, loaded: LoadedModel, size: int) -> tuple[Pixels, Pixels, float]:
    """The tiles of a panel, projection and patch, and by what the projection was stretched."""
    crop = crop_of(panel.box, panel.field.size, panel.field.image_size)
    projection, factor = projection_tile(to_array(panel.projection), crop, size)
    return (
        projection,
        patch_tile(to_array(loaded.inverse_transform(panel.patch)), crop, size),
        factor,
    )


Kept = np.memmap[Any, np.dtype[Any]]
PAIR = 2  # a projection and a patch


class TileStore:
    """Tiles by layer, map and rank, in files that are filled image by image.

    Attributes:
        done: the images whose tiles are all there.
    """

    def __init__(
        self, folder: Path, identity: str, maps: Mapping[str, Sequence[int]], k: int, size: int
    ) -> None:
        """Open the store in ``folder``, or start anew if it is of another gallery."""
        self.folder, self.maps, self.k, self.size = folder, maps, k, size
        self._log = folder / "done.txt"
        if not self._log.exists() or self._log.read_text().split("\n")[0] != identity:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for number in range(len(maps)):
                self._create(number)
            self._log.write_text(identity + "\n")
        whole_lines = self._log.read_text().split("\n")[1:-1]
        self.done = {int(line) for line in whole_lines}
        self._tiles = [self._open(number, "tiles") for number in range(len(maps))]
        self._factors = [self._open(number, "factors") for number in range(len(maps))]
        self._boxes = [self._open(number, "boxes") for number in range(len(maps))]
        self._layer = {layer: number for number, layer in enumerate(maps)}
        self._row = {layer: {c: n for n, c in enumerate(maps[layer])} for layer in maps}

    def put(self, panel: ActivationPanel, projection: Pixels, patch: Pixels, factor: float) -> None:
        """Keep the two tiles of one panel."""
        layer = self._layer[panel.unit.layer]
        place = (self._row[panel.unit.layer][panel.unit.channel], panel.rank)
        self._tiles[layer][(*place, 0)] = projection
        self._tiles[layer][(*place, 1)] = patch
        self._factors[layer][place] = factor
        box = panel.box
        self._boxes[layer][place] = (box.top, box.left, box.bottom, box.right)

    def finish(self, image: ImagePanels) -> None:
        """Write all tiles of an image to disk, and then note in the log that it is done."""
        for layer in {self._layer[panel.unit.layer] for panel in image.panels}:
            for kept in (self._tiles, self._factors, self._boxes):
                kept[layer].flush()
        with self._log.open("a") as log:
            log.write(f"{image.image}\n")
        self.done.add(image.image)

    def tiles(self, layer: str, channel: int) -> NDArray[np.uint8]:
        """The tiles of one map, (k, 2, size, size, 3): projections and patches."""
        return np.asarray(self._tiles[self._layer[layer]][self._row[layer][channel]])

    def factors(self, layer: str, channel: int) -> list[float]:
        """By what each projection of one map was stretched."""
        factors = self._factors[self._layer[layer]][self._row[layer][channel]]
        return [float(factor) for factor in factors]

    def boxes(self, layer: str, channel: int) -> list[list[int]]:
        """What each unit of one map saw: top, left, bottom, right."""
        boxes = self._boxes[self._layer[layer]][self._row[layer][channel]]
        return [[int(edge) for edge in box] for box in boxes]

    def remove(self) -> None:
        """Remove the files, when the gallery is finished."""
        self._tiles, self._factors, self._boxes = [], [], []
        shutil.rmtree(self.folder)

    def _create(self, number: int) -> None:
        maps = len(list(self.maps.values())[number])
        shapes = {
            "tiles": ((maps, self.k, PAIR, self.size, self.size, 3), np.uint8),
            "factors": ((maps, self.k), np.float64),
            "boxes": ((maps, self.k, 4), np.int32),
        }
        for name, (shape, kind) in shapes.items():
            open_memmap(self._path(number, name), "w+", kind, shape).flush()

    def _open(self, number: int, name: str) -> Kept:
        found: Kept = open_memmap(self._path(number, name), "r+")
        return found

    def _path(self, number: int, name: str) -> Path:
        return self.folder / f"{number}.{name}.npy"


def store_bytes(maps: Mapping[str, Sequence[int]], k: int, size: int) -> int:
    """The bytes that the tiles of a gallery take while it is made."""
    return sum(len(channels) for channels in maps.values()) * k * PAIR * size * size * 3
