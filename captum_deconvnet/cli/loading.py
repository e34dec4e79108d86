"""The model of a command: loaded as the user asked, on the device that the user wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import torch

from captum_deconvnet.cli.options import asked_device, asked_preparation
from captum_deconvnet.errors import ModelError, unknown_layer
from captum_deconvnet.registry import LoadedModel, load_model

RANDOM = "random"


def load_for_command(
    model: str, weights: str, preparation: Mapping[str, Any] | None = None
) -> LoadedModel:
    """Load the model as the command's user asked; notes on what was decided go to stderr.

    Random weights are the same at every call, so that figures repeat.

    Args:
        model: as ``load_model`` takes it.
        weights: likewise.
        preparation: of inputs and classes, in place of the command's options.
    """
    device = device_of(asked_device())
    given = asked_preparation() if preparation is None else preparation
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        loaded = load_model(model, weights, **given)
    loaded.model.to(device)
    for note in loaded.notes:
        click.echo(note, err=True)
    return loaded


def chosen_layers(loaded: LoadedModel, names: str | None) -> Sequence[str]:
    """The layers named in a comma-separated list, or the model's stages without one.

    Raises:
        UnknownNameError: the model has no module of that name.
    """
    if names is None:
        return loaded.stages
    known = [name for name, _ in loaded.model.named_modules() if name]
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    for name in chosen:
        if name not in known:
            raise unknown_layer("layer", name, known, f"See: deconvnet layers {loaded.name}")
    return list(dict.fromkeys(chosen)) or loaded.stages


def weights_tag(loaded: LoadedModel) -> str:
    """The tag or file of the weights, or ``"random"``."""
    return str(loaded.weights or RANDOM)


def weights_title(loaded: LoadedModel) -> str:
    """How a figure names the weights: in capitals when they are not trained."""
    weights = weights_tag(loaded)
    return "RANDOM WEIGHTS" if weights == RANDOM else f"weights {Path(weights).name}"


def warn_of_random_weights(loaded: LoadedModel, shown: str) -> None:
    """Say on stderr, if weights are random, that what is shown is of an untrained network."""
    if weights_tag(loaded) == RANDOM:
        click.echo(f"random weights: these are {shown} of an untrained network", err=True)


def available() -> list[str]:
    """The devices of this machine."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def device_of(name: str) -> torch.device:
    """The device of that name; ``"auto"`` is cuda where there is one, else the processor.

    Raises:
        ModelError: this machine has no such device.
    """
    found = available()
    if name == "auto":
        return torch.device("cuda" if "cuda" in found else "cpu")
    if name not in found:
        raise ModelError(f"--device {name}: this machine has {' and '.join(found)} only.")
    return torch.device(name)
