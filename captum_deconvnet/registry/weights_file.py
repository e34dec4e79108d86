"""A weights file: read safely, and fitted to a model key by key."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from captum_deconvnet.errors import NonFiniteError, WeightsError

SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".tar", ".safetensors")
WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every key."""

FORWARD_NEVER_READS = "num_batches_tracked"
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

    Nothing in the file is executed (``weights_only=True``). A state dict under ``"state_dict"``,
    ``"model_state_dict"`` or ``"model"`` is taken out, and ``module.`` and ``_orig_mod.`` before
    every key are dropped.

    Raises:
        WeightsError: there is no such file, it is damaged, or it holds no state dict.
        NonFiniteError: a tensor in it is NaN or infinite somewhere.
    """
    if not path.is_file():
        problem = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise WeightsError(f"The weights file {path} {problem}.")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    state_dict = _without_prefixes(_unwrapped(content, path))
    require_finite(state_dict, f"The weights file {path}")
    return state_dict


def fit(model: nn.Module, state_dict: Mapping[str, Tensor], path: Path) -> None:
    """Load a state dict into ``model``, every key of it.

    Raises:
        WeightsError: keys are missing, unexpected or of another shape; says which. The model is
            then as it was.
    """
    wanted = model.state_dict()
    missing = [key for key in wanted if key not in state_dict and _is_read(key)]
    unexpected = [key for key in state_dict if key not in wanted and _is_read(key)]
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
            f"The weights file {path} does not fit {type(model).__name__}, which has "
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


def _read_torch(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported global" in str(error) or "Unsupported class" in str(error):
            raise WeightsError(
                f"The weights file {path} holds Python objects besides tensors, which are not "
                "loaded for safety's sake; save model.state_dict() instead."
            ) from error
        raise _damaged(path, error) from error
    except Exception as error:  # reading a damaged pickle can fail in any way
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> WeightsError:
    reason = " ".join(str(error).split(". ")[0].split()) or type(error).__name__
    return WeightsError(
        f"The weights file {path} ({path.stat().st_size} bytes) is cut short, damaged, or no "
        f"weights file: {reason.rstrip('.')}."
    )


def _unwrapped(content: object, path: Path) -> dict[str, Tensor]:
    for key in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content:
        found = "nothing" if isinstance(content, Mapping) else f"a {type(content).__name__}"
        raise WeightsError(f"The weights file {path} holds {found}, not a state dict.")
    strange = [key for key, value in content.items() if not isinstance(value, Tensor)]
    if strange:
        raise WeightsError(
            f"The weights file {path} is not a state dict: {_first(map(str, strange))} "
            "is no tensor."
        )
    return dict(content)


def _without_prefixes(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state_dict):
            state_dict = {key.removeprefix(prefix): value for key, value in state_dict.items()}
    return state_dict


def _is_read(key: str) -> bool:
    return not key.endswith(FORWARD_NEVER_READS)


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "one number"


def _complaint(kind: str, keys: list[str]) -> str:
    return f"{len(keys)} {kind} ({_first(keys)})" if keys else ""


def _first(keys: Iterable[str]) -> str:
    shown = list(keys)
    return ", ".join(shown[:SHOWN]) + (", ..." if len(shown) > SHOWN else "")
