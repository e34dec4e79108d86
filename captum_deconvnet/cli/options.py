"""Options that several commands share, and what the user said with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

PREPARATION = "captum_deconvnet.preparation"
"""Under this key a command's context keeps what the user says of the net's inputs and classes."""

DEVICES = ("auto", "cpu", "cuda", "mps")
DEVICE = "captum_deconvnet.device"
"""Under this key a command's context keeps the device that the user wants."""

weights_option = click.option(
    "--weights",
    default="DEFAULT",
    show_default=True,
    metavar="TAG|FILE|random",
    help="A tag of the model's trained weights, a checkpoint, or random for none.",
)
FAMILIES = ("deconvnet", "guided", "gradient", "adjoint")
relu_option = click.option(
    "--relu",
    type=click.Choice(FAMILIES),
    default="deconvnet",
    show_default=True,
    help="What rectifiers do on the way back.",
)
layers_option = click.option(
    "--layers", metavar="PATH,PATH", help="Module paths, comma-separated.  [default: all stages]"
)


def _note(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """A click callback: keep the value until the model is loaded."""
    if value is not None:
        context.meta.setdefault(PREPARATION, {})[parameter.name] = value


def without_paths(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """A click callback where --transform names changes of images, too: paths are the model's."""
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
    """A decorator: options for a net's inputs, classes and device.

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
    """A decorator: the options of every command that takes a model's name."""
    return weights_option(preparation_options(command))


def device_name(context: click.Context, parameter: click.Parameter, value: str) -> None:
    """A click callback: keep the device until the model is loaded, if the name is one."""
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


def asked_device() -> str:
    """The device that the command's user wants."""
    context = click.get_current_context(silent=True)
    return str(context.meta.get(DEVICE, "auto")) if context is not None else "auto"


def asked_preparation() -> dict[str, Any]:
    """What the command's user says of inputs and classes, as ``load_model`` takes it."""
    context = click.get_current_context(silent=True)
    return dict(context.meta.get(PREPARATION, {})) if context is not None else {}
