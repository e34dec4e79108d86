"""Captum imports matplotlib, which ends at a backend or a settings file that it cannot use."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "MPLBACKEND"
SETTINGS = "matplotlibrc"


def import_matplotlib() -> None:
    """Import matplotlib even where its surroundings are not what it expects.

    The variable ``MPLBACKEND`` may name a backend that is not there: a notebook's kernel names its
    own, which another environment's command need not have. A backend that is there is taken, as
    always. A settings file that is not UTF-8 is left out, with a warning.
    """
    if "matplotlib" in sys.modules:
        return
    try:
        import matplotlib
    except UnicodeDecodeError:
        _forget()
        warnings.warn(
            f"A {SETTINGS} that is not UTF-8 is left out; one in {os.getcwd()} comes first.",
            UserWarning,
            stacklevel=2,
        )
        with _own_settings():
            import_matplotlib()
    except ValueError:
        named = os.environ.pop(VARIABLE, None)
        if named is None:
            raise
        _forget()
        try:
            import matplotlib  # noqa: F401
        finally:
            os.environ[VARIABLE] = named


def _forget() -> None:
    """Drop the modules that are half imported."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        del sys.modules[name]


@contextmanager
def _own_settings() -> Iterator[None]:
    """A folder with an empty settings file, where matplotlib looks first: the current one."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / SETTINGS).touch()
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)
