"""Options that several commands share.

The device that a command's model runs on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
import torch

from captum_deconvnet.errors import ModelError

Command = TypeVar("Command", bound=Callable[..., Any])

PREPARATION = "captum_deconvnet.preparation"
"""Where a command's context keeps what the user says of the net's inputs and classes."""

DEVICES = ("auto", "cpu", "cuda", "mps")
DEVICE = "captum_deconvnet.device"
"""Where a command's context keeps the device that the user wants."""

weights_option = click.option(
    "--weights",
    default="DEFAULT",
    show_default=True,
    metavar="TAG|FILE|random",
    help="A tag of the model's trained weights, a checkpoint, or random for none.",
)
RULES = ("deconvnet", "guided", "gradient", "adjoint")
relu_option = click.option(
    "--relu",
    type=click.Choice(RULES),
    default="deconvnet",
    show_default=True,
    help="What rectifiers do on the way back.",
)
layers_option = click.option(
    "--layers", metavar="PATH,PATH", help="Module paths, comma-separated.  [default: all stages]"
)


def _note(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """A click callback: keep the value for ``load``, which is called far from the options."""
    if value is not None:
        context.meta.setdefault(PREPARATION, {})[parameter.name] = value


def without_paths(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """A click callback for a --transform of another sense: import paths are the model's."""
    for value in values:
        if ":" in value or value.endswith(".py"):
            context.meta.setdefault(PREPARATION, {})["transform"] = value
    return tuple(value for value in values if ":" not in value and not value.endswith(".py"))


PREPARATION_OPTIONS = (
    ("--input-size", "3x224x224|28", "Of the model's inputs.  [default: its own]"),
    ("--mean", "V|V,V,V", "Subtracted from colours in [0, 1].  [default: the model's own]"),
    ("--std", "V|V,V,V", "Divides colours.  [default: the model's own]"),
    (
        "--transform",
        "FILE.py:FUNCTION",
        "Makes the input of an RGB image, in place of the three above; or package.module:function.",
    ),
    ("--classes", "FILE", "Names of the classes: one a line, or JSON."),
)


def preparation_options(command: Command) -> Command:
    """A decorator: what the user can say of a net's inputs and classes.

    An option of the command's own, below this decorator, is not replaced.
    """
    own = {opt for each in getattr(command, "__click_params__", ()) for opt in each.opts}
    for name, metavar, text in reversed(PREPARATION_OPTIONS):
        if name not in own:
            command = click.option(
                name, metavar=metavar, help=text, callback=_note, expose_value=False
            )(command)
    return command if "--device" in own else device_option(command)


def model_options(command: Command) -> Command:
    """A decorator: what a command that takes a model's name lets the user say of the model."""
    return weights_option(preparation_options(command))


def device_name(context: click.Context, parameter: click.Parameter, value: str) -> None:
    """A click callback: keep the device for ``load``, if there is one of that name."""
    if value not in DEVICES:
        raise click.BadParameter(f"{value!r} is none of {', '.join(DEVICES)}.")
    context.meta[DEVICE] = value


device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="|".join(DEVICES),
    callback=device_name,
    expose_value=False,
    help="Where the model runs; auto is cuda where there is one, else cpu.",
)


def said_device() -> str:
    """The device that the command's user wants."""
    context = click.get_current_context(silent=True)
    return str(context.meta.get(DEVICE, "auto")) if context is not None else "auto"


def said_of_the_model() -> dict[str, Any]:
    """What the command's user says of inputs and classes, as ``load_model`` takes it."""
    context = click.get_current_context(silent=True)
    return dict(context.meta.get(PREPARATION, {})) if context is not None else {}


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
