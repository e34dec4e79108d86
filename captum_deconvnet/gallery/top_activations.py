"""The result of a scan: the strongest activations of every map of some layers over a dataset."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save
from torch import Tensor

from captum_deconvnet.engine.units import Unit, activation_of
from captum_deconvnet.errors import LayerChoiceError, ScanError, unknown_layer
from captum_deconvnet.files import write_text_whole, write_whole
from captum_deconvnet.gallery.layer_top import LayerTop
from captum_deconvnet.short_repr import named_repr

FORMAT = "captum_deconvnet.top_activations/1"


@dataclass(frozen=True, eq=False)
class TopActivations:
    """The k strongest activations of every map of some layers over a dataset.

    ``top[layer]`` is one layer's :class:`LayerTop`. With a single layer its ``values``, ``images``,
    ``rows`` and ``columns``, all (C, k), can be read directly.

    Args:
        tops: what was found, by module path, in the order asked for.
        done: which images were looked at, (images,) bool.
        contents: a checksum of each image that was looked at, (images,) int64.
        stamps: a checksum of its file's size and time of change; 0 for an image without a file.
        identity: what the scan was of; only scans of the same can be merged.
        skipped: why an image could not be read, by number.
        names: the names of the images that are mentioned.
    """

    tops: Mapping[str, LayerTop]
    done: Tensor
    contents: Tensor
    stamps: Tensor
    identity: str
    skipped: Mapping[int, str]
    names: Mapping[int, str]

    def __repr__(self) -> str:
        """The layers and how many images were looked at."""
        return named_repr(self, self.tops, images=int(self.done.sum()), skipped=len(self.skipped))

    @property
    def layers(self) -> tuple[str, ...]:
        """The module paths of the layers."""
        return tuple(self.tops)

    def __getitem__(self, layer: str) -> LayerTop:
        """What was found of ``layer``.

        Raises:
            UnknownLayerError: if the layer was not scanned, with near names.
        """
        if layer not in self.tops:
            raise unknown_layer("scanned layer", str(layer), self.tops)
        return self.tops[layer]

    def __getattr__(self, name: str) -> Any:
        """``values``, ``images``, ``rows``, ``columns``, ``mean``, ...: those of the only layer.

        Raises:
            LayerChoiceError: there are several layers; it is an AttributeError.
        """
        if name.startswith("_") or (not hasattr(LayerTop, name) and name not in _FIELDS):
            raise AttributeError(name)
        if len(self.tops) != 1:
            raise LayerChoiceError(
                f"{len(self.tops)} layers were scanned: say which, top[layer].{name}; there are "
                f"{', '.join(self.tops)}."
            )
        return getattr(next(iter(self.tops.values())), name)

    def units(self, layer: str, channel: int) -> Iterator[Unit]:
        """The strongest activations of one map, best first; ``Unit.image`` counts the dataset.

        Args:
            layer: a scanned layer, by module path.
            channel: index of the feature map, 0 to C - 1.

        Raises:
            UnknownLayerError: if the layer was not scanned, with near names.
            UnitError: for a channel that does not exist.
        """
        return self[layer].units(layer, channel)

    def merged(self, other: TopActivations) -> TopActivations:
        """This scan and another of the same dataset, of other images of it, as one.

        Args:
            other: the other scan.

        Raises:
            ScanError: if they are scans of different things, or have images in common.
        """
        if self.identity != other.identity:
            raise ScanError("These scans are of different models, layers, images or options.")
        if bool((self.done & other.done).any()):
            raise ScanError("These scans have images in common: each may count once only.")
        tops = dict(self.tops) or dict(other.tops)
        if self.tops and other.tops:
            tops = {layer: top.merged(other.tops[layer]) for layer, top in self.tops.items()}
        names, skipped = {**self.names, **other.names}, {**self.skipped, **other.skipped}
        both = replace(
            self,
            tops=tops,
            done=self.done | other.done,
            contents=torch.where(other.done, other.contents, self.contents),
            stamps=torch.where(other.done, other.stamps, self.stamps),
            skipped=skipped,
            names=names,
        )
        return both.named(lambda number: names.get(number, f"image {number}"))

    def mentioned(self) -> list[int]:
        """The numbers of the images that appear in the top k of some map, or were skipped."""
        found = set(self.skipped)
        for top in self.tops.values():
            found.update(top.images.flatten().tolist())
        return sorted(found - {-1})

    def named(self, name: Callable[[int], str]) -> TopActivations:
        """The scan with the names of the images that it mentions, and no others.

        Args:
            name: gives the name of an image, by its number.
        """
        return replace(self, names={number: name(number) for number in self.mentioned()})

    def save(self, path: Path | str) -> None:
        """Write the scan as a safetensors file, and its maps as JSON to read beside it.

        Each file is written whole and then renamed. The safetensors file is all that ``load``
        needs; the JSON has the same base name.

        Args:
            path: of the safetensors file.

        Raises:
            OSError: if it cannot be written.
        """
        path = Path(path)
        write_whole(path, lambda unfinished: unfinished.write_bytes(self.to_bytes()))
        text = json.dumps(facts(self), indent=1, allow_nan=False)
        write_text_whole(path.with_suffix(".json"), text)

    def to_bytes(self) -> bytes:
        """The scan as the content of a safetensors file."""
        tensors = {name: getattr(self, name) for name in _IMAGES}
        for number, top in enumerate(self.tops.values()):
            tensors |= {f"{number}.{name}": getattr(top, name).cpu() for name in _TENSORS}
        about = {
            "format": FORMAT,
            "identity": self.identity,
            "layers": [[path, list(top.size), top.count] for path, top in self.tops.items()],
            "skipped": {str(number): self.skipped[number] for number in sorted(self.skipped)},
            "names": {str(number): self.names[number] for number in sorted(self.names)},
        }
        kept = {name: tensor.contiguous() for name, tensor in tensors.items()}
        return save(kept, {"about": json.dumps(about)})  # one key: the order of several is luck

    @classmethod
    def load(cls, path: Path | str) -> TopActivations:
        """Read a scan that ``save`` wrote.

        Args:
            path: of the safetensors file.

        Raises:
            ScanError: if the file is damaged or of another format.
            OSError: if it cannot be opened.
        """
        with Path(path).open("rb"):
            pass
        try:
            with safetensors.safe_open(str(path), "pt") as file:
                about = json.loads(file.metadata()["about"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if about["format"] != FORMAT:
                raise ScanError(f"{path} is a scan of format {about['format']}, not {FORMAT}.")
            return cls._of(about, tensors)
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ScanError(f"{path} is damaged, or no saved scan; remove it.") from error

    @classmethod
    def _of(cls, about: dict[str, Any], tensors: dict[str, Tensor]) -> TopActivations:
        tops = {}
        for number, (path, size, count) in enumerate(about["layers"]):
            fields = {name: tensors[f"{number}.{name}"] for name in _TENSORS}
            tops[path] = LayerTop(**fields, size=tuple(size), count=count)
        skipped, names = (
            {int(number): text for number, text in about[key].items()}
            for key in ("skipped", "names")
        )
        done = tensors["done"]
        unknown = torch.zeros(2, len(done), dtype=torch.int64).unbind()
        pairs = zip(_IMAGES[1:], unknown, strict=True)
        contents, stamps = (tensors.get(name, zeros) for name, zeros in pairs)
        return cls(tops, done, contents, stamps, about["identity"], skipped, names)


_IMAGES = ("done", "contents", "stamps")
_TENSORS = ("values", "images", "places", "sums", "active")
_FIELDS = (*_TENSORS, "size", "count")


def empty_scan(images: int, identity: str) -> TopActivations:
    """A scan that has not looked at any of its images."""
    done, contents, stamps = torch.zeros(3, images, dtype=torch.int64)
    return TopActivations({}, done.bool(), contents.clone(), stamps.clone(), identity, {}, {})


def facts(scan: TopActivations) -> dict[str, Any]:
    """A scan as JSON: the statistics of every map, and where it was strongest."""
    layers = {path: _layer_facts(scan, path) for path in scan.layers}
    skipped = [
        {"image": number, "name": scan.names.get(number), "reason": reason}
        for number, reason in sorted(scan.skipped.items())
    ]
    return {"images": int(scan.done.sum()), "skipped": skipped, "layers": layers}


def _layer_facts(scan: TopActivations, path: str) -> list[dict[str, Any]]:
    top = scan[path]
    rows = zip(top.mean.tolist(), top.active_share.tolist(), top.dead.tolist(), strict=True)
    return [
        {
            "channel": channel,
            "mean": mean,
            "active_share": share,
            "dead": dead,
            "top": [_unit_facts(scan, unit) for unit in scan.units(path, channel)],
        }
        for channel, (mean, share, dead) in enumerate(rows)
    ]


def _unit_facts(scan: TopActivations, unit: Unit) -> dict[str, Any]:
    place = {"row": unit.row, "column": unit.column, "activation": activation_of(unit)}
    return {"image": unit.image, "name": scan.names.get(unit.image), **place}
