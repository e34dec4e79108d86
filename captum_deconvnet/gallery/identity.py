"""Whether a saved scan is of this model and of these images.

A model is known by its structure, settings, code and weights, the same in every process. Its
``repr`` is not used: it may fail, or show an address.

An image is known by a checksum of what the dataset gave for it, its transform included. Before a
saved scan is continued, images are read again: all those without a file of their own or with a
changed file, and some of the others, of which only the transform can differ.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from inspect import unwrap
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.errors import ImageError, ScanError
from captum_deconvnet.gallery.image_batches import Batch, Name, batches
from captum_deconvnet.gallery.top_activations import TopActivations

PLAIN = (str, bytes, int, float, complex, type(None), torch.dtype)
STATE = ("training",)
"""What of a module may change between two runs."""


def identity(model: nn.Module, options: Iterable[str]) -> str:
    """A digest of a model, with its weights, and of anything else."""
    digest = hashlib.blake2b(digest_size=16)
    for line in (*module_settings(model), *weight_checksums(model), *options):
        digest.update(f"{len(line)}:{line}".encode(errors="surrogatepass"))
    return digest.hexdigest()


def module_settings(model: nn.Module) -> Iterator[str]:
    """What every module of a model is: its class and settings; and the code of each class."""
    for path, module in model.named_modules(remove_duplicate=False):
        yield f"{path}: {type(module).__qualname__}"
        settings = {name: value for name, value in vars(module).items() if name[:1] != "_"}
        for name in sorted(settings.keys() - set(STATE)):
            yield f"{name}={setting_text(settings[name])}"
    for kind in dict.fromkeys(type(module) for module in model.modules()):
        yield from method_code(kind)


def method_code(kind: type) -> Iterator[str]:
    """What the methods of a class do, those of torch's own classes left out."""
    for base in kind.__mro__:
        methods = {} if base.__module__.split(".")[0] in ("torch", "builtins") else vars(base)
        for name, method in sorted(methods.items()):
            found = getattr(unwrap(method), "__code__", None)
            if found is not None and not name.startswith("__"):
                yield f"{name}: {setting_text(found)}"


def setting_text(item: Any) -> str:
    """A plain value as it is, a function by name and code, anything else by its class."""
    if isinstance(item, PLAIN):
        return repr(item)
    if isinstance(item, Mapping):
        pairs = (f"{setting_text(key)}:{setting_text(value)}" for key, value in item.items())
        return f"{{{','.join(pairs)}}}"
    if isinstance(item, set | frozenset):
        return f"{{{','.join(sorted(map(setting_text, item)))}}}"
    if isinstance(item, list | tuple):
        return f"({','.join(map(setting_text, item))})"
    if isinstance(item, CodeType):
        constants = ",".join(map(setting_text, item.co_consts))
        return f"{item.co_code.hex()}({constants})({','.join(item.co_names)})"
    name = getattr(item, "__qualname__", type(item).__qualname__)
    code = getattr(item, "__code__", None)
    return f"{name}{setting_text(code) if isinstance(code, CodeType) else ''}"


def weight_checksums(model: nn.Module) -> Iterator[str]:
    """Every parameter and buffer: its name, type, shape and a checksum of its bytes."""
    tensors: dict[str, Any] = dict(model.named_parameters(remove_duplicate=False))
    tensors |= model.named_buffers(remove_duplicate=False)
    tensors |= {name: item for name, item in model.state_dict().items() if name not in tensors}
    for name, tensor in tensors.items():
        if isinstance(tensor, Tensor):
            yield f"{name}: {tensor.dtype} {tuple(tensor.shape)} {checksum(tensor)}"


def fingerprint(arguments: Sequence[Any]) -> list[str]:
    """Of each argument of the model: a tensor's numbers, of anything else what is described."""
    return [
        f"argument: {item.dtype} {tuple(item.shape)} {checksum(item)}"
        if isinstance(item, Tensor)
        else f"argument: {setting_text(item)}"
        for item in arguments
    ]


def checksum(tensor: Tensor) -> int:
    """A checksum of a tensor's numbers in row order, wherever and however it lies."""
    plain = tensor.detach().cpu()
    plain = plain.int_repr() if plain.is_quantized else plain.resolve_conj().resolve_neg()
    flat = plain.contiguous().reshape(-1)
    return zlib.crc32(flat.view(torch.uint8).numpy().data) if flat.numel() else 0


UNREADABLE = -1
ALL = 256
"""So many images are all read again; of more, this many or every ``SHARE``-th."""
SHARE = 50
TOGETHER = 32


def contents_of(batch: Batch) -> list[int]:
    """A checksum of every image that was asked for, with its type and shape."""
    if batch.inputs is None:
        return [UNREADABLE] * len(batch.asked)
    found = {
        number: zlib.crc32(f"{image.dtype} {tuple(image.shape)}".encode(), checksum(image))
        for number, image in zip(batch.images, batch.inputs, strict=True)
    }
    return [found.get(number, UNREADABLE) for number in batch.asked]


def stamp_of(name: str) -> int:
    """A checksum of a file's size and time of change; 0 where there is no such file."""
    try:
        about = os.stat(name)
    except (OSError, ValueError):
        return 0
    return zlib.crc32(f"{about.st_size} {about.st_mtime_ns}".encode()) + 1


def sampled_contents(dataset: Any, count: int, workers: int, *, twice: bool) -> list[str]:
    """The contents of the first, middle and last image, by which datasets are told apart.

    Raises:
        ImageError: if they are to be read twice and differ.
    """
    numbers = sorted({0, count // 2, count - 1})
    asked = [numbers, numbers] if twice else [numbers]
    once, *again = [contents_of(batch) for batch in batches(dataset, asked, min(workers, 1))]
    if again and again[0] != once:
        number = next(n for n, a, b in zip(numbers, once, again[0], strict=True) if a != b)
        raise ImageError(
            f"The dataset gives another image {number} each time it is asked: such a scan cannot "
            "be saved. Give a transform without chance, or no out=FILE."
        )
    return [str(content) for content in once]


def check_images(scan: TopActivations, dataset: Any, name: Name, workers: int) -> None:
    """Raise if a scan has looked at other images than the dataset's.

    Raises:
        ScanError: naming the first image that is not what it was.
    """
    numbers = _to_read(scan, name)
    chunks = [numbers[first : first + TOGETHER] for first in range(0, len(numbers), TOGETHER)]
    for batch in batches(dataset, chunks, workers):
        for number, content in zip(batch.asked, contents_of(batch), strict=True):
            if content != int(scan.contents[number]):
                raise ScanError(
                    f"is a scan of other images, or of these with another transform: "
                    f"{name(number)} is not what it was. Remove it, or save this scan elsewhere."
                )


def _to_read(scan: TopActivations, name: Name) -> list[int]:
    """The numbers of the images to read again."""
    done = scan.done.nonzero().flatten().tolist()
    stamps = scan.stamps.tolist()
    known = {n for n in done if stamps[n] and stamps[n] == stamp_of(name(n))}
    count = max(ALL, len(known) // SHARE)
    return sorted({*done} - known | set(_spread(sorted(known), count)))


def _spread(numbers: Sequence[int], count: int) -> Iterator[int]:
    """As many of the numbers, evenly spread; all if there are fewer."""
    step = max(1.0, len(numbers) / count)
    return (numbers[int(place * step)] for place in range(min(count, len(numbers))))


def with_contents(scan: TopActivations, batch: Batch, name: Name) -> tuple[Tensor, Tensor]:
    """A scan's contents and stamps, those of a batch added."""
    contents, stamps = scan.contents.clone(), scan.stamps.clone()
    asked = list(batch.asked)
    contents[asked] = torch.tensor(contents_of(batch), dtype=torch.int64)
    stamps[asked] = torch.tensor([stamp_of(name(number)) for number in asked], dtype=torch.int64)
    return contents, stamps
