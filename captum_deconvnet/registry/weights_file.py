"""A weights file: read safely, and fitted to a model key by key."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from captum_deconvnet.errors import NonFiniteError, WeightsError
from captum_deconvnet.registry.checkpoint import dictionaries, flattened, safe_objects
from captum_deconvnet.registry.name_fitting import is_read

SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".tar", ".safetensors", ".index.json")
PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every key."""

SHOWN = 3


def is_path(weights: str | Path | None) -> bool:
    """Whether ``weights`` means a file rather than a tag.

    Raises:
        WeightsError: it is neither text nor a path.
    """
    if weights is None or isinstance(weights, Path):
        return weights is not None
    if not isinstance(weights, str):
        raise WeightsError(f"weights is {weights!r}; give a tag, a path, or None.")
    return weights.endswith(SUFFIXES) or os.sep in weights or Path(weights).is_file()


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a state dict from a ``.safetensors`` file, or from one that ``torch.save`` wrote.

    Nothing in the file is executed (``weights_only=True``). The dictionary with the most tensors
    is taken, however deep it lies; ``module.`` and ``_orig_mod.`` before every key are dropped.

    Args:
        path: of the file.

    Raises:
        WeightsError: there is no such file, it is damaged, or it holds no state dict.
        NonFiniteError: a tensor in it is NaN or infinite somewhere.
    """
    content = read_checkpoint(path)
    state_dict = dictionaries(content)[0].tensors
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state_dict):
            state_dict = {key.removeprefix(prefix): value for key, value in state_dict.items()}
    require_finite(state_dict, f"The weights file {path}")
    return state_dict


def read_checkpoint(path: Path) -> object:
    """What a weights file holds: nested dictionaries and lists with at least one tensor.

    Nothing in the file is executed. Of a file in several shards, ``*.index.json`` is given.

    Raises:
        WeightsError: there is no such file, it is damaged, or it holds no state dict.
    """
    if not path.is_file():
        problem = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise WeightsError(f"The weights file {path} {problem}.")
    content = READERS.get(path.suffix, _read_torch)(path)
    if not dictionaries(content):
        raise WeightsError(f"The weights file {path} {_instead(content)}.")
    return content


def fit(model: nn.Module, state_dict: Mapping[str, Tensor], path: Path) -> None:
    """Load a state dict into ``model``, every key of it.

    Args:
        model: the model; on an error it is left as it was.
        state_dict: tensors by key.
        path: where they come from, for errors.

    Raises:
        WeightsError: keys are missing, unexpected or of another shape; says which. The model is
            then as it was.
    """
    load_tensors(model, state_dict, f"The weights file {path}")


def load_tensors(model: nn.Module, state_dict: Mapping[str, Tensor], owner: str) -> None:
    """Load a state dict into ``model``, as :func:`fit` does; errors begin with ``owner``."""
    wanted = model.state_dict()
    missing = [key for key in wanted if key not in state_dict and is_read(key)]
    unexpected = [key for key in state_dict if key not in wanted and is_read(key)]
    reshaped = [
        f"{key} is {_shape(state_dict[key])} where the model has {_shape(wanted[key])}"
        for key in wanted
        if key in state_dict and state_dict[key].shape != wanted[key].shape
    ]
    complaints = [
        _complaint("missing", missing),
        _complaint("unexpected", unexpected),
        _complaint("of another shape", reshaped),
    ]
    if any(complaints):
        raise WeightsError(
            f"{owner} does not fit {type(model).__name__}, which has "
            f"{len(wanted)} tensors: {'; '.join(filter(None, complaints))}."
        )
    wanted.update((key, tensor) for key, tensor in state_dict.items() if key in wanted)
    model.load_state_dict(wanted)  # the model's own dict: it carries the versions of its modules


def require_finite(tensors: Mapping[str, Tensor], owner: str) -> None:
    """Refuse weights that are not numbers.

    Raises:
        NonFiniteError: names the first tensor with a NaN or an infinity.
    """
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            kind = "NaN" if torch.isnan(tensor).any() else "infinite"
            raise NonFiniteError(f"{owner} has {kind} values in {key!r}.")


def _read_safetensors(path: Path) -> object:
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise _damaged(path, error) from error


def _read_shards(path: Path) -> object:
    """The tensors of all shards that an index names."""
    try:
        names = sorted(set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} is no index of shards: it has no weight_map.") from error
    tensors: dict[str, Tensor] = {}
    for name in names:
        tensors |= flattened(read_checkpoint(path.parent / name))
    return tensors


def _read_torch(path: Path) -> object:
    try:
        with torch.serialization.safe_globals(safe_objects()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old formats; what cannot be read is an error
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # reading a damaged pickle can fail in any way
        text = str(error)
        if "TorchScript" in text:
            raise WeightsError(
                f"The weights file {path} is a TorchScript archive, which holds code: save "
                "torch.jit.load(FILE).state_dict() and give that."
            ) from error
        if "Unsupported global" in text or "Unsupported class" in text:
            raise _unsafe(path) from error
        raise _damaged(path, error) from error


READERS: dict[str, Callable[[Path], object]] = {
    ".safetensors": _read_safetensors,
    ".json": _read_shards,
}
"""By the file's last suffix; every other file is torch's."""


def _unsafe(path: Path) -> WeightsError:
    """The error for a file with objects whose loading would run code."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # an old format, which torch does not look into
        names = []
    return WeightsError(
        f"The weights file {path} holds Python objects besides tensors"
        f"{f' ({_first(sorted(names))})' if names else ''}, which are not loaded for safety's "
        "sake; save model.state_dict() instead. Where you trust the file: "
        "found = torch.load(FILE, weights_only=False), then torch.save(found.state_dict(), NEW) "
        'of a model, or torch.save(found["state_dict"], NEW) of a checkpoint.'
    )


def _damaged(path: Path, error: Exception) -> WeightsError:
    reason = " ".join(str(error).split(". ")[0].split()) or type(error).__name__
    return WeightsError(
        f"The weights file {path} ({path.stat().st_size} bytes) is cut short, damaged, or no "
        f"weights file: {reason.rstrip('.')}."
    )


def _instead(content: object) -> str:
    """What a file without a state dict holds."""
    if not isinstance(content, Mapping):
        return f"holds a {type(content).__name__}, not a state dict"
    if not content:
        return "holds nothing, not a state dict"
    return f"is not a state dict: {_first(map(str, content))} is no tensor"


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "one number"


def _complaint(kind: str, keys: list[str]) -> str:
    return f"{len(keys)} {kind} ({_first(keys)})" if keys else ""


def _first(keys: Iterable[str]) -> str:
    shown = list(keys)
    return ", ".join(shown[:SHOWN]) + (", ..." if len(shown) > SHOWN else "")
