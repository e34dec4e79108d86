"""The atlas: a gallery as a page to browse, from files alone, with mouse or keyboard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captum_deconvnet.files import write_text_whole

PARTS = ("atlas.css", "atlas.js")


def map_strip(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The tiles of one map, (k, 2, size, size, 3), as a picture: projections over patches."""
    rows = [np.concatenate(list(tiles[:, which]), axis=1) for which in (0, 1)]
    return np.concatenate(rows, axis=0)


def write_page(folder: Path, index: Mapping[str, Any]) -> None:
    """Write ``index.html``, and ``atlas/`` with its style, its script and its data.

    A page from a file may load scripts and pictures, but no other data: hence ``data.js``.

    Args:
        folder: the gallery's; the strips are in ``atlas/maps/LAYER/CHANNEL.jpg``, and the pictures
            that the network saw in ``atlas/images/NUMBER.jpg``.
        index: what the gallery shows.
    """
    text = json.dumps(index, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
    contents = {"atlas/data.js": f"const ATLAS = {text};\n", "index.html": _part("atlas.html")}
    contents |= {f"atlas/{name}": _part(name) for name in PARTS}
    for name, content in contents.items():
        write_text_whole(folder / name, content)


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
