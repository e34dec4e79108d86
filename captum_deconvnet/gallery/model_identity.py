"""Telling models apart: by structure, settings, code and weights, alike in every process.

Nothing here asks for ``repr``, which is the model's own: it may fail, or show an address.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from inspect import unwrap
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn

PLAIN = (str, bytes, int, float, complex, type(None), torch.dtype)
STATE = ("training",)
"""What of a module may change between two runs."""


def identity(model: nn.Module, options: Iterable[str]) -> str:
    """A digest of a model, with its weights, and of anything else."""
    digest = hashlib.blake2b(digest_size=16)
    for line in (*structure(model), *weights(model), *options):
        digest.update(f"{len(line)}:{line}".encode(errors="surrogatepass"))
    return digest.hexdigest()


def structure(model: nn.Module) -> Iterator[str]:
    """What every module of a model is: its class and settings; and the code of each class."""
    for path, module in model.named_modules(remove_duplicate=False):
        yield f"{path}: {type(module).__qualname__}"
        settings = {name: value for name, value in vars(module).items() if name[:1] != "_"}
        for name in sorted(settings.keys() - set(STATE)):
            yield f"{name}={described(settings[name])}"
    for kind in dict.fromkeys(type(module) for module in model.modules()):
        yield from code(kind)


def code(kind: type) -> Iterator[str]:
    """What the methods of a class do, those of torch's own classes left out."""
    for base in kind.__mro__:
        methods = {} if base.__module__.split(".")[0] in ("torch", "builtins") else vars(base)
        for name, method in sorted(methods.items()):
            found = getattr(unwrap(method), "__code__", None)
            if found is not None and not name.startswith("__"):
                yield f"{name}: {described(found)}"


def described(item: Any) -> str:
    """A plain value as it is, a function by name and code, anything else by its class."""
    if isinstance(item, PLAIN):
        return repr(item)
    if isinstance(item, Mapping):
        pairs = (f"{described(key)}:{described(value)}" for key, value in item.items())
        return f"{{{','.join(pairs)}}}"
    if isinstance(item, set | frozenset):
        return f"{{{','.join(sorted(map(described, item)))}}}"
    if isinstance(item, list | tuple):
        return f"({','.join(map(described, item))})"
    if isinstance(item, CodeType):
        constants = ",".join(map(described, item.co_consts))
        return f"{item.co_code.hex()}({constants})({','.join(item.co_names)})"
    name = getattr(item, "__qualname__", type(item).__qualname__)
    code = getattr(item, "__code__", None)
    return f"{name}{described(code) if isinstance(code, CodeType) else ''}"


def weights(model: nn.Module) -> Iterator[str]:
    """Every parameter and buffer: its name, type, shape and a checksum of its bytes."""
    tensors: dict[str, Any] = dict(model.named_parameters(remove_duplicate=False))
    tensors |= model.named_buffers(remove_duplicate=False)
    tensors |= {name: item for name, item in model.state_dict().items() if name not in tensors}
    for name, tensor in tensors.items():
        if isinstance(tensor, Tensor):
            yield f"{name}: {tensor.dtype} {tuple(tensor.shape)} {checksum(tensor)}"


def checksum(tensor: Tensor) -> int:
    """A checksum of a tensor's numbers in row order, wherever and however it lies."""
    plain = tensor.detach().cpu()
    plain = plain.int_repr() if plain.is_quantized else plain.resolve_conj().resolve_neg()
    flat = plain.contiguous().reshape(-1)
    return zlib.crc32(flat.view(torch.uint8).numpy().data) if flat.numel() else 0
