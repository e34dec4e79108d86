"""The models of a run: loaded, with their images in blocks of inputs.

Each image is also drawn small, as the model sees it: ``images/MODEL/0007.png``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from captum_deconvnet.cli.loading import load_for_command
from captum_deconvnet.errors import ImageError, LayerError, SpecError
from captum_deconvnet.pictures.display import bands
from captum_deconvnet.pictures.reading import plain_picture, to_input
from captum_deconvnet_benchmarks.protocol.explainer import Subject
from captum_deconvnet_benchmarks.runs.plan.spec import LABEL, PREDICTED, ModelChoice, Spec
from captum_deconvnet_benchmarks.runs.store.store import write_durably
from captum_deconvnet_benchmarks.runs.work.images import Picture, find_pictures

HALF = 0.5
KEPT_BLOCKS = 8
"""How many of a model's last blocks stay in memory."""


@dataclasses.dataclass(frozen=True)
class Block:
    """Some images as a model takes them.

    Args:
        start: the number of the first.
        names: what to call each.
        clusters: the photograph that each is cut from.
        labels: the class of each, where it is known.
        inputs: (N, C, H, W).
        regions: (N, H, W), True where the object is; None unless known for all.
    """

    start: int
    names: Sequence[str]
    clusters: Sequence[str]
    labels: Sequence[str | int | None]
    inputs: Tensor
    regions: Tensor | None

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of what the model and the metrics are shown."""
        digest = hashlib.sha256(repr((self.start, *self.names)).encode())
        for tensor in (self.inputs, self.regions):
            if tensor is not None:
                digest.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
                digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


class RunModel:
    """A model of a run and its images, loaded.

    Args:
        spec: of the run.
        choice: one of its models.
        device: where it is to be.
    """

    def __init__(self, spec: Spec, choice: ModelChoice, device: torch.device) -> None:
        """Load the model and find its images."""
        self.spec, self.choice, self.device = spec, choice, device
        self.loaded = load_for_command(choice.model, choice.weights, choice.prepared)
        self.loaded.model.to(device)
        self.pictures = find_pictures(choice.images or spec.images, spec.background)
        known = len(self.pictures.names)
        self.count = min(known, spec.limit) if spec.limit else known
        self._kept = lru_cache(KEPT_BLOCKS)(self._block)

    @cached_property
    def subject(self) -> Subject:
        """The model under test, with the layer that the user chose."""
        subject = dataclasses.replace(Subject.of(self.loaded), name=self.choice.name)
        layer = self.choice.layer
        if layer and layer not in dict(self.loaded.model.named_modules()):
            raise LayerError(f"{self.choice.model} has no layer {layer!r}.")
        return dataclasses.replace(subject, layer=layer) if layer else subject

    def starts(self) -> range:
        """The first image of each block."""
        return range(0, self.count, self.spec.block)

    def block(self, start: int) -> Block:
        """The images from ``start`` on; those of the last blocks are kept."""
        return self._kept(start)

    def _block(self, start: int) -> Block:
        numbers = range(start, min(start + self.spec.block, self.count))
        pictures = [self.pictures[number] for number in numbers]
        inputs = [self._input(picture.image) for picture in pictures]
        shapes = {tuple(each.shape) for each in inputs}
        if len(shapes) > 1:
            raise ImageError(f"{self.choice.name} makes inputs of several shapes: {shapes}.")
        return Block(
            start,
            [picture.name for picture in pictures],
            [picture.cluster for picture in pictures],
            [picture.label for picture in pictures],
            torch.cat(inputs).to(self.device),
            self._regions(pictures),
        )

    def targets(self, block: Block) -> list[int]:
        """The class that each image is explained for."""
        target = self.spec.target
        if target == PREDICTED:
            return list(self._predicted(block.inputs))
        if target == LABEL:
            return [self._class(label) for label in block.labels]
        return [int(target)] * len(block.names)

    def _predicted(self, inputs: Tensor) -> Iterator[int]:
        with torch.no_grad():
            for batch in torch.split(inputs, self.spec.batch or len(inputs)):
                yield from self.loaded.model(batch).argmax(1).tolist()

    def _class(self, label: str | int | None) -> int:
        """The number of a class that is named as the model names it, or numbered."""
        if isinstance(label, int):
            return label
        names = [name.casefold() for name in self.loaded.categories]
        if label is not None and label.casefold() in names:
            return names.index(label.casefold())
        folders = sorted({str(path.rpartition("/")[0]) for path in self.pictures.names})
        if label in folders and len(folders) == len(names):
            return folders.index(label)
        raise SpecError(
            f"target: label, but {label!r} is no class of {self.choice.model}, which has "
            f"{len(names)} classes; folders must be named like them."
        )

    def _regions(self, pictures: Sequence[Picture]) -> Tensor | None:
        masks = [picture.mask for picture in pictures]
        if any(mask is None for mask in masks):
            return None
        return torch.stack([self._region(mask) for mask in masks if mask is not None])

    def _region(self, mask: Image.Image) -> Tensor:
        """The mask as the model's preprocessing scales and crops it: (H, W)."""
        shown, black, white = (
            self._input(picture)
            for picture in (
                mask.convert("RGB"),
                plain_picture(mask.size, 0),
                plain_picture(mask.size, 255),
            )
        )
        covered = ((shown - black) / (white - black)).mean(1)[0]
        return (covered > HALF).to(self.device)

    def _input(self, picture: Image.Image) -> Tensor:
        return to_input(self.loaded, picture)


class RunModels:
    """The models of a run, loaded one at a time: each is kept until another is asked for.

    Args:
        spec: of the run.
        device: where the models are to be.
    """

    def __init__(self, spec: Spec, device: torch.device) -> None:
        """Load nothing yet."""
        self.spec, self.device = spec, device
        self._last: RunModel | None = None

    def of(self, choice: ModelChoice) -> RunModel:
        """The model that was chosen, loaded with its images."""
        if self._last is None or self._last.choice != choice:
            self._last = None  # before the next is loaded: two may not fit
            self._last = RunModel(self.spec, choice, self.device)
        return self._last


def folder_of(model: str) -> str:
    """A model's name as a folder's."""
    return re.sub(r"[^\w.@-]", "_", model)


def write_thumbnails(folder: Path, run_model: RunModel, block: Block) -> None:
    """Draw the images of a block."""
    own = folder / folder_of(run_model.choice.name)
    own.mkdir(exist_ok=True)
    colours = run_model.loaded.inverse_transform(block.inputs).clamp(0, 1).cpu()
    for number, each in enumerate(colours, block.start):
        path = own / f"{number:04d}.png"
        picture = as_picture(each)
        write_durably(path, lambda part, made=picture: made.save(part, format="png"))  # type: ignore[misc]


def as_picture(colours: Tensor) -> Image.Image:
    """Colours (C, H, W) from 0 to 1 as an 8-bit picture, grey or in colours."""
    values = (bands(colours.movedim(0, -1).numpy()) * 255).round().astype(np.uint8)
    return Image.fromarray(values.squeeze(-1) if values.shape[-1] == 1 else values)
