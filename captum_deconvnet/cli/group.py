"""The ``deconvnet`` group: our commands, the plugins' commands, and errors in one line.

Our commands and the plugins' join it through one hook, ``register_commands``.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click
import pluggy

from captum_deconvnet import __version__
from captum_deconvnet.cli.stopping import stop_error
from captum_deconvnet.errors import CaptumDeconvnetError
from captum_deconvnet.pictures.plotting import import_matplotlib
from captum_deconvnet.registry import hookspecs

if TYPE_CHECKING:
    from captum_deconvnet.registry import Registry

OWN_COMMANDS = {
    "models": "captum_deconvnet.cli.commands",
    "layers": "captum_deconvnet.projections.commands",
    "project": "captum_deconvnet.projections.commands",
    "gallery": "captum_deconvnet.gallery.commands",
    "evolution": "captum_deconvnet.gallery.commands",
    "occlude": "captum_deconvnet.occlusion.commands",
    "correspond": "captum_deconvnet.occlusion.commands",
    "invariance": "captum_deconvnet.invariance.commands",
    "demo": "captum_deconvnet.projections.commands",
    "plugins": "captum_deconvnet.cli.commands",
}
"""Our commands in the order of the help, each with the module whose hook registers it."""

LISTS = ("models", "plugins")
"""Commands that neither run a model nor draw."""


class UserError(click.ClickException):
    """An error the user can mend: one line on stderr, exit code 2."""

    exit_code = 2


class DeconvnetGroup(click.Group):
    """A group that plugins can add commands to, and that turns errors into one clear line.

    Args:
        own: the module that registers each command of ours, imported when it is needed.
        **settings: of :class:`click.Group`.
    """

    def __init__(self, *args: Any, own: Mapping[str, str] | None = None, **settings: Any) -> None:
        """Know where our commands are."""
        super().__init__(*args, **settings)
        self.own = dict(own or {})

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line, whatever streams the process has."""
        with usable_streams():
            return super().main(*args, **kwargs)

    def invoke(self, context: click.Context) -> object:
        """Run a command; bad input ends in one line, and a defect of ours in a traceback."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt as error:
            raise stop_error(context) from error
        except CaptumDeconvnetError as error:
            raise UserError(one_line(str(error))) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of a pipe left; click ends quietly
                raise
            raise UserError(one_line(os_error_message(error))) from error

    def list_commands(self, context: click.Context) -> list[str]:
        """Our commands, then those of the plugins."""
        ours = dict.fromkeys((*self.own, *self.commands))
        return [*ours, *(name for name in self.plugin_commands() if name not in ours)]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Our command of that name, else a plugin's: no plugin can replace one of ours."""
        if name in self.own and name not in self.commands:
            register_from(self.own[name], self)
        return self.commands.get(name) or self.plugin_commands().get(name)

    def plugin_commands(self) -> Mapping[str, click.Command]:
        """The commands that plugins bring, by name."""
        guests = click.Group(self.name)
        self.registry().register_commands(guests)
        return guests.commands

    def registry(self) -> Registry:
        """Where plugins are found: those of this process."""
        from captum_deconvnet.registry import process_registry

        return process_registry()


def register_from(module: str, group: click.Group) -> None:
    """Let a module of ours add its commands, through the hook that plugins implement."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(import_module(module))
    manager.hook.register_commands(cli=group)


def one_line(message: str) -> str:
    """The message without line breaks."""
    return " ".join(message.split())


def os_error_message(error: OSError) -> str:
    """What the system says about a file, without its error number."""
    if error.strerror is None:
        return str(error)
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror


@click.group(
    "deconvnet",
    cls=DeconvnetGroup,
    own=OWN_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  deconvnet demo
  deconvnet models resnet
  deconvnet layers torchvision/vgg16
  deconvnet project torchvision/vgg16 photo.jpg --units 3
  deconvnet occlude torchvision/vgg16 photo.jpg
""",
)
@click.version_option(__version__, prog_name="deconvnet")
@click.pass_context
def main(context: click.Context) -> None:
    """See what made a unit of a convolutional network fire (Zeiler & Fergus, 2014)."""
    if context.invoked_subcommand not in LISTS:
        import_matplotlib()  # before Captum and the figures do


@contextmanager
def usable_streams() -> Iterator[None]:
    """Let stdout and stderr take any text, also where there is none, as in a service.

    A character that a terminal cannot show is written as its number.
    """
    before = sys.stdout, sys.stderr
    with ExitStack() as opened:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None:
                nowhere = opened.enter_context(open(os.devnull, "w", encoding="utf-8"))
                setattr(sys, name, nowhere)
            elif hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
