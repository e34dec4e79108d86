"""A sheet: for each map of a layer, its strongest projections beside the patches that made them.

The layout of Zeiler & Fergus, Fig. 2. Drawn pixel by pixel: a layer has hundreds of maps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
GAP = 2  # pixels, as all lengths here, between tiles
SPACE = 14  # between maps
LINE = 13
MARGIN = 12
LETTERS = 11
PAPER = "white"
INK = "#222222"


@dataclass(frozen=True, eq=False)
class MapTiles:
    """One map.

    Args:
        title: which map, its activations and its contrast; one or two lines.
        projections: its tiles, the strongest first, (n, size, size, 3).
        patches: the tiles of what they saw, (n, size, size, 3).
    """

    title: str
    projections: Pixels
    patches: Pixels


def sheet(title: Sequence[str], maps: Sequence[MapTiles], *, grid: int) -> Image.Image:
    """Draw a sheet: ``grid`` by ``grid`` projections and as many patches a map, maps in rows.

    Args:
        title: lines over the sheet.
        maps: all of one tile size.
        grid: tiles a row; 3 for the paper's nine.
    """
    size = maps[0].projections.shape[1]
    block = grid * size + (grid - 1) * GAP
    width, height = 2 * block + 2 * GAP, block + 2 * LINE
    columns = max(1, round(math.sqrt(len(maps) * height / width)))
    rows = math.ceil(len(maps) / columns)
    top = MARGIN + LINE * (len(title) + 1)
    whole = (
        max(2 * MARGIN + columns * (width + SPACE) - SPACE, *(text_width(line) for line in title)),
        top + rows * (height + SPACE) - SPACE + MARGIN,
    )
    picture = Image.new("RGB", whole, PAPER)
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(title):
        draw.text((MARGIN, MARGIN + LINE * number), line, INK, sheet_font())
    for number, each in enumerate(maps):
        left = MARGIN + number % columns * (width + SPACE)
        upper = top + number // columns * (height + SPACE)
        draw.multiline_text((left, upper), each.title, INK, sheet_font(), spacing=2)
        picture.paste(block_of(each.projections, grid), (left, upper + 2 * LINE))
        picture.paste(block_of(each.patches, grid), (left + block + 2 * GAP, upper + 2 * LINE))
    return picture


def block_of(tiles: Pixels, grid: int) -> Image.Image:
    """Tiles (n, size, size, 3) in rows of ``grid``; places without a tile stay empty."""
    size = tiles.shape[1]
    side = grid * size + (grid - 1) * GAP
    picture = Image.new("RGB", (side, side), PAPER)
    for number, tile in enumerate(tiles):
        place = (number % grid * (size + GAP), number // grid * (size + GAP))
        picture.paste(Image.fromarray(tile), place)
    return picture


def text_width(line: str) -> int:
    """The pixels a line of text needs, with margins."""
    return math.ceil(sheet_font().getlength(line)) + 2 * MARGIN


@lru_cache(maxsize=1)
def sheet_font() -> ImageFont.FreeTypeFont:
    """The font that matplotlib brings, so that a sheet is the same on every machine."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(path), LETTERS)
