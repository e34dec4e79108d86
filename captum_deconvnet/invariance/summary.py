"""``deconvnet invariance MODEL FOLDER --summary``: layers and classes ranked over photographs."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet import InvarianceCurves, __version__
from captum_deconvnet.cli.output import counted, make_folder
from captum_deconvnet.cli.stopping import keeps
from captum_deconvnet.errors import ImageError
from captum_deconvnet.files import alone_in, readable, remove_unfinished
from captum_deconvnet.invariance.curves import mean_height
from captum_deconvnet.invariance.photograph_curves import Order
from captum_deconvnet.invariance.ranks import Ledger, ranks, write_ranks
from captum_deconvnet.pictures.photographs import image_files, is_dangling
from captum_deconvnet.pictures.reading import read_image

ENDINGS = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


@dataclass(frozen=True)
class Photograph:
    """One photograph of a folder.

    Args:
        path: where it is.
        name: its path within the folder.
        label: the subfolder it is in; empty if it is in none.
    """

    path: Path
    name: str
    label: str


def summarise(order: Order, folder: Path, out: Path) -> None:
    """Measure every photograph of a folder that has no result yet, then rank.

    Args:
        order: what to measure.
        folder: photographs, in subfolders named after their classes or not.
        out: the folder of results, made if it is missing.

    Raises:
        ImageError: the folder has no photographs.
        CaptumDeconvnetError: ``out`` has results of another order.
    """
    found = photographs(folder, out)
    assert order.chosen  # unknown transforms are refused before anything is loaded
    make_folder(out)
    keeps(f"what was measured so far is in {readable(out)}")
    with alone_in(out):
        measure_all(order, found, out)


def measure_all(order: Order, found: Sequence[Photograph], out: Path) -> None:
    """Measure what has no result yet in ``out``, and rank all."""
    ledger = Ledger(out / "images.jsonl", identity(order))
    keys = {content(photograph): photograph for photograph in found}
    todo = [key for key in keys if key not in ledger.done]
    click.echo(
        f"{counted(len(keys), 'photograph')}, {len(keys) - len(todo)} measured before", err=True
    )
    for key in tqdm(todo, desc="invariance", unit="photograph", disable=None):
        ledger.add(key, measured(order, keys[key]))
    order.warn()
    write_ranks(out, ranks([ledger.done[key] for key in keys]))
    remove_unfinished(out)


def photographs(folder: Path, out: Path) -> list[Photograph]:
    """The photographs in a folder and its subfolders, sorted; links to nothing are named.

    Raises:
        ImageError: there are none, or it is no folder.
    """
    if not folder.is_dir():
        raise ImageError(f"--summary takes a folder of photographs; {folder} is none.")
    paths = sorted(path for path in image_files(folder, [out]) if path.suffix.lower() in ENDINGS)
    for path in filter(is_dangling, paths):
        click.echo(f"left out {readable(path)}: it is a link to nothing", err=True)
    paths = [path for path in paths if not is_dangling(path)]
    if not paths:
        raise ImageError(f"{folder} has no photographs ({', '.join(sorted(ENDINGS))}).")
    return [Photograph(path, str(within), label_of(within))
            for path in paths if (within := path.relative_to(folder))]  # fmt: skip


def label_of(within: Path) -> str:
    """The class of a photograph: the first folder on its way."""
    return within.parts[0] if len(within.parts) > 1 else ""


def content(photograph: Photograph) -> str:
    """What identifies a photograph: its place in the folder and what is in it."""
    facts = os.fsencode(photograph.name) + b"\0" + photograph.path.read_bytes()
    return hashlib.sha256(facts).hexdigest()[:24]


def identity(order: Order) -> dict[str, Any]:
    """All that results must share to stand in one table."""
    return {
        "version": __version__,
        "model": order.model,
        "weights": order.weights_name,
        "layers": list(order.paths),
        "transforms": [transform.name for transform in order.chosen],
        "values": None if order.values is None else list(order.values),
        "border": order.border,
        "fill": order.fill,
    }


def measured(order: Order, photograph: Photograph) -> dict[str, Any]:
    """The areas and scores of one photograph; its label is the folder's, or the predicted one."""
    source = order.source(read_image(photograph.path), photograph.path)
    target = label_number(order, photograph.label)
    points: list[dict[str, Any]] = []
    for curves in order.curves(source, target).values():
        points += [point(curves, layer) for layer in curves.layers]
    label = photograph.label or predicted_name(order, curves.predicted, curves.target)
    return {"image": photograph.name, "class": label, "points": points}


def point(curves: InvarianceCurves, layer: str) -> dict[str, Any]:
    """One layer under one transform; None for what cannot be said."""
    seen = curves.probability
    chance = None if seen is None else float(mean_height(curves.values, seen)[0])
    return {
        "transform": curves.transform,
        "layer": layer,
        "area": finite(float(curves.area(layer)[0])),
        "score": finite(float(curves.map_scores[layer].nanmean())),
        "probability": chance,
    }


def finite(number: float) -> float | None:
    """The number, if it is one: silent maps have no score, and no relative distance."""
    return number if math.isfinite(number) else None


def label_number(order: Order, label: str) -> int | None:
    """The number of a class that the model has under that name, or None."""
    wanted = plain(label)
    names = [plain(name) for name in order.loaded.categories]
    return names.index(wanted) if wanted and wanted in names else None


def plain(name: str) -> str:
    """The letters and digits of a class name: folders cannot have all the rest."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def predicted_name(order: Order, predicted: Any, target: Any) -> str:
    """What the model takes an unlabelled photograph for."""
    if target is None:
        return "(no label)"
    number = int(target[0])
    categories = order.loaded.categories
    return categories[number] if categories else str(number)
