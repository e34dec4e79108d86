"""Maps side by side: a few images of a run, each under all explainers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open

from captum_deconvnet_benchmarks.report.rows import Run

PERCENTILE = 99.5
"""Of a map's absolute values, what is shown in full colour."""
SIDE = 160
"""Pixels of a picture's longer side, at most."""


@dataclass(frozen=True)
class Shown:
    """One image of the gallery.

    Args:
        index: its number in the run.
        name: its name.
        target: the class that was explained.
        picture: what the model saw; None if the run has no picture of it.
        maps: by explainer; those without one are not in it.
    """

    index: int
    name: str
    target: int
    picture: Image.Image | None
    maps: dict[str, Image.Image]


def gallery(run: Run, model: str, count: int) -> list[Shown]:
    """The first image of each of the first ``count`` photographs, with all maps that can be read.

    A map is summed over colours: red speaks for the class, white not at all, blue against it. Each
    is stretched by itself.
    """
    rows = run.scores[run.scores["model"] == model].sort_values("image")
    chosen = rows.drop_duplicates("cluster").head(count)
    found = {
        int(row.image): Shown(
            int(row.image),
            str(row.image_name),
            int(row.target),
            _picture(run, model, int(row.image)),
            {},
        )
        for row in chosen.itertuples()
    }
    for index, explainer, attribution in _maps(run, model, frozenset(found)):
        found[index].maps[explainer] = reduced(map_picture(attribution))
    return [each for each in found.values() if each.picture or each.maps]


def map_picture(attribution: NDArray[np.floating]) -> Image.Image:
    """A map (C, H, W), signed, in colours; what is not finite is black."""
    total = attribution.astype(np.float64).sum(0)
    known = np.isfinite(total)
    largest = np.percentile(np.abs(total[known]), PERCENTILE) if known.any() else 0.0
    scaled = np.where(known, total, 0.0) / largest if largest > 0 else np.zeros_like(total)
    colours = colormaps["RdBu_r"](0.5 + 0.5 * np.clip(scaled, -1, 1))[..., :3]
    colours[~known] = 0.0
    return Image.fromarray(np.round(255 * colours).astype(np.uint8))


def reduced(picture: Image.Image) -> Image.Image:
    """The picture, no larger than ``SIDE``; smaller ones stay as they are."""
    small = picture.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return small


def _picture(run: Run, model: str, index: int) -> Image.Image | None:
    folders = [each["images"] for each in run.facts.get("models", []) if each["model"] == model]
    paths = [run.folder / "images" / folder / f"{index:04d}.png" for folder in folders]
    return next(
        (reduced(Image.open(path).convert("RGB")) for path in paths if path.is_file()), None
    )


def _maps(
    run: Run, model: str, wanted: frozenset[int]
) -> Iterator[tuple[int, str, NDArray[np.floating]]]:
    for facts in run.facts.get("explanations", []):
        own = range(facts["start"], facts["start"] + len(facts["images"]))
        if facts["model"] != model or not wanted.intersection(own):
            continue
        block = _read(run.folder / "explanations" / f"{facts['address']}.safetensors")
        if block is not None:
            for index in sorted(wanted.intersection(own)):
                yield index, facts["explainer"], block[index - facts["start"]]


def _read(path: Path) -> NDArray[np.floating] | None:
    """The maps of a block; None if there are none, since a pair may have been skipped."""
    try:
        with safe_open(path, framework="numpy") as file:
            maps: Any = file.get_tensor("maps")
    except (FileNotFoundError, SafetensorError):
        return None
    found: NDArray[np.floating] = maps
    return found
