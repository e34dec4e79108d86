"""The tiles of an unfinished gallery, on disk, so that a killed run loses none."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from captum_deconvnet.gallery.panels import ImagePanels, Panel

Pixels = NDArray[np.uint8]
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

    def put(self, panel: Panel, projection: Pixels, patch: Pixels, factor: float) -> None:
        """Keep the two tiles of one panel."""
        layer = self._layer[panel.unit.layer]
        place = (self._row[panel.unit.layer][panel.unit.channel], panel.rank)
        self._tiles[layer][(*place, 0)] = projection
        self._tiles[layer][(*place, 1)] = patch
        self._factors[layer][place] = factor
        box = panel.box
        self._boxes[layer][place] = (box.top, box.left, box.bottom, box.right)

    def finish(self, image: ImagePanels) -> None:
        """All tiles of an image are there: write them through, and then say so."""
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
