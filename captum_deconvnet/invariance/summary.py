"""``deconvnet invariance MODEL FOLDER --summary``: layers and classes ranked over photographs."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet import __version__
from captum_deconvnet.cli.loading import weights_tag
from captum_deconvnet.cli.output import counted, make_folder
from captum_deconvnet.cli.stopping import note_kept
from captum_deconvnet.errors import ImageError, ResultsError
from captum_deconvnet.files import alone_in, readable, remove_unfinished, write_text_whole
from captum_deconvnet.invariance.curves import InvarianceCurves, mean_height
from captum_deconvnet.invariance.request import InvarianceRequest
from captum_deconvnet.invariance.tables import ranks, write_ranks
from captum_deconvnet.pictures.image_sets import image_files, is_dangling
from captum_deconvnet.pictures.reading import read_image

ENDINGS = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


@dataclass(frozen=True)
class LabelledFile:
    """A photograph in a folder, and its class.

    Args:
        path: where it is.
        name: its path within the folder.
        label: the subfolder it is in; empty if it is in none.
    """

    path: Path
    name: str
    label: str


def rank_folder(request: InvarianceRequest, folder: Path, out: Path) -> None:
    """Measure every photograph of a folder that has no result yet, then rank.

    Args:
        request: what to measure.
        folder: photographs, in subfolders named after their classes or not.
        out: the folder of results, made if it is missing.

    Raises:
        ImageError: the folder has no photographs.
        CaptumDeconvnetError: ``out`` has results of another request.
    """
    found = photographs(folder, out)
    assert request.chosen  # unknown transforms are refused before anything is loaded
    make_folder(out)
    note_kept(f"what was measured so far is in {readable(out)}")
    with alone_in(out):
        measure_all(request, found, out)


def measure_all(request: InvarianceRequest, found: Sequence[LabelledFile], out: Path) -> None:
    """Measure what has no result yet in ``out``, and rank all."""
    finished = FinishedPhotographs(out / "images.jsonl", request_identity(request))
    keys = {photograph_digest(photograph): photograph for photograph in found}
    todo = [key for key in keys if key not in finished.done]
    click.echo(
        f"{counted(len(keys), 'photograph')}, {len(keys) - len(todo)} measured before", err=True
    )
    for key in tqdm(todo, desc="invariance", unit="photograph", disable=None):
        finished.add(key, photograph_result(request, keys[key]))
    request.warn()
    write_ranks(out, ranks([finished.done[key] for key in keys]))
    remove_unfinished(out)


def photographs(folder: Path, out: Path) -> list[LabelledFile]:
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
    return [LabelledFile(path, str(within), label_of(within))
            for path in paths if (within := path.relative_to(folder))]  # fmt: skip


def label_of(within: Path) -> str:
    """The class of a photograph: the first folder on its way."""
    return within.parts[0] if len(within.parts) > 1 else ""


def photograph_digest(photograph: LabelledFile) -> str:
    """What identifies a photograph: its place in the folder and what is in it."""
    facts = os.fsencode(photograph.name) + b"\0" + photograph.path.read_bytes()
    return hashlib.sha256(facts).hexdigest()[:24]


def request_identity(request: InvarianceRequest) -> dict[str, Any]:
    """All that results must share to stand in one table."""
    return {
        "version": __version__,
        "model": request.model,
        "weights": weights_tag(request.loaded),
        "layers": list(request.paths),
        "transforms": [transform.name for transform in request.chosen],
        "values": None if request.values is None else list(request.values),
        "border": request.border,
        "fill": request.fill,
    }


def photograph_result(request: InvarianceRequest, photograph: LabelledFile) -> dict[str, Any]:
    """The areas and scores of one photograph; its label is the folder's, or the predicted one."""
    wide = request.wide_input(read_image(photograph.path), photograph.path)
    target = label_number(request, photograph.label)
    points: list[dict[str, Any]] = []
    for curves in request.curves(wide, target).values():
        points += [curve_summary(curves, layer) for layer in curves.layers]
    label = photograph.label or predicted_name(request, curves.predicted, curves.target)
    return {"image": photograph.name, "class": label, "points": points}


def curve_summary(curves: InvarianceCurves, layer: str) -> dict[str, Any]:
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


def label_number(request: InvarianceRequest, label: str) -> int | None:
    """The number of a class that the model has under that name, or None."""
    wanted = letters_and_digits(label)
    names = [letters_and_digits(name) for name in request.loaded.categories]
    return names.index(wanted) if wanted and wanted in names else None


def letters_and_digits(name: str) -> str:
    """The letters and digits of a class name: folders cannot have all the rest."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def predicted_name(request: InvarianceRequest, predicted: Any, target: Any) -> str:
    """What the model takes an unlabelled photograph for."""
    if target is None:
        return "(no label)"
    number = int(target[0])
    categories = request.loaded.categories
    return categories[number] if categories else str(number)


class FinishedPhotographs:
    """Results by the key of their photograph; a line is written as soon as it is known.

    Args:
        path: of the file, JSON lines; made if it is missing.
        identity: what all results share, the first line.

    Raises:
        ResultsError: the file has results of another identity, or is no such file.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        """Read what is there."""
        self.path = path
        self.done: dict[str, dict[str, Any]] = {}
        if not path.exists():
            line = json.dumps(identity) + "\n"
            write_text_whole(path, line)
        self._read(identity)

    def add(self, key: str, result: dict[str, Any]) -> None:
        """Note one result, on disk before this returns."""
        line = json.dumps({"key": key, "result": result}, allow_nan=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.done[key] = result

    def _read(self, identity: dict[str, Any]) -> None:
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # a run was killed while it wrote this line
            write_text_whole(self.path, whole)
        lines = whole.splitlines()
        try:
            head, *entries = (json.loads(line) for line in lines)
            self.done = {entry["key"]: entry["result"] for entry in entries}
        except (ValueError, KeyError, TypeError) as error:
            raise ResultsError(f"{self.path} is no file of results: {error}.") from error
        self._check(head, identity)

    def _check(self, head: Any, identity: dict[str, Any]) -> None:
        if head == identity:
            return
        given = head if isinstance(head, dict) else {}
        differ = [name for name in identity if given.get(name) != identity[name]]
        was = ", ".join(f"{name} {given.get(name)!r}" for name in differ)
        now = ", ".join(f"{name} {identity[name]!r}" for name in differ)
        raise ResultsError(
            f"{self.path} has results of another run, with {was}; this one has {now}. "
            "Give another --out."
        )
