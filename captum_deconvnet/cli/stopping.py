"""What a command says that is stopped with Ctrl-C: what it keeps, and how to continue."""

from __future__ import annotations

import click

KEPT = f"{__name__}.kept"


class Stopped(click.ClickException):
    """The user stopped a command: one line, and the exit code that shells give such a command."""

    exit_code = 130

    def show(self, file: object = None) -> None:
        """Write the line on stderr, below a bar that may stand there."""
        click.echo(f"\nStopped. {self.message}", err=True)


def note_kept(what: str) -> None:
    """Note what a command keeps when it is stopped, such as ``"what is done is in DIR"``."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.find_root().meta[KEPT] = what


def stop_error(context: click.Context) -> Stopped:
    """The error that ends a command which the user stopped."""
    kept = context.find_root().meta.get(KEPT)
    if kept:
        return Stopped(f"The same command goes on from here: {kept}.")
    return Stopped("Nothing is kept of what was not yet written; the same command starts anew.")
