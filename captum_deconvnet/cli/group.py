"""The ``deconvnet`` group: its own commands, the plugins' commands, and errors in one line.

What a command finds around it, and must not stumble over: streams that are closed or narrow.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from captum_deconvnet import __version__
from captum_deconvnet.cli.commands import models, plugins
from captum_deconvnet.cli.stopping import stopped
from captum_deconvnet.errors import CaptumDeconvnetError
from captum_deconvnet.gallery.commands import evolution, gallery
from captum_deconvnet.invariance.commands import invariance
from captum_deconvnet.occlusion.commands import correspond, occlude
from captum_deconvnet.projections.commands import demo, layers, project

if TYPE_CHECKING:
    from captum_deconvnet.registry import Registry

pass


class PlainError(click.ClickException):
    """An error the user can mend: one line on stderr, exit code 2."""

    exit_code = 2


class DeconvnetGroup(click.Group):
    """A group that plugins can add commands to, and that turns errors into one clear line."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line, whatever streams the process has."""
        with usable_streams():
            return super().main(*args, **kwargs)

    def invoke(self, context: click.Context) -> object:
        """Run a command; bad input ends in one line, and a defect of ours in a traceback."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt as error:
            raise stopped(context) from error
        except CaptumDeconvnetError as error:
            raise PlainError(one_line(str(error))) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of a pipe left; click ends quietly
                raise
            raise PlainError(one_line(file_trouble(error))) from error

    def list_commands(self, context: click.Context) -> list[str]:
        """Our commands, then those of the plugins."""
        return [*self.commands, *self.joined().commands]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Our command of that name, else a plugin's: no plugin can replace one of ours."""
        return self.commands.get(name) or self.joined().commands.get(name)

    def joined(self) -> click.Group:
        """A group of the commands that plugins bring and that we do not have."""
        guests = click.Group(self.name)
        self.registry().register_commands(guests)
        for name in self.commands:
            guests.commands.pop(name, None)
        return guests

    def registry(self) -> Registry:
        """Where plugins are found: those of this process."""
        from captum_deconvnet.registry import process_registry

        return process_registry()


def one_line(message: str) -> str:
    """The message without line breaks."""
    return " ".join(message.split())


def file_trouble(error: OSError) -> str:
    """What the system says about a file, without its error number."""
    if error.strerror is None:
        return str(error)
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror


@click.group(
    "deconvnet",
    cls=DeconvnetGroup,
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
def main() -> None:
    """See what made a unit of a convolutional network fire (Zeiler & Fergus, 2014)."""


for command in (
    models,
    layers,
    project,
    gallery,
    evolution,
    occlude,
    correspond,
    invariance,
    demo,
    plugins,
):
    main.add_command(command)


@contextmanager
def usable_streams() -> Iterator[None]:
    """Let stdout and stderr take any text, also where there is none, as in a service.

    A letter that a terminal cannot show is written as its number.
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
