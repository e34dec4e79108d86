"""The command line, ``deconvnet``: one file a command, nothing heavy imported before it is used."""

from __future__ import annotations

from captum_deconvnet.cli.group import main

__all__ = ["main"]
