"""Captum imports matplotlib, which ends at a backend that is named but not installed."""

from __future__ import annotations

import os
import sys

VARIABLE = "MPLBACKEND"


def import_matplotlib() -> None:
    """Import matplotlib even where the variable ``MPLBACKEND`` names a backend that is not there.

    A notebook's kernel names its own, which another environment's command need not have. A backend
    that is there is taken, as always.
    """
    try:
        import matplotlib
    except ValueError:
        named = os.environ.pop(VARIABLE, None)
        if named is None:
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]  # they are half imported
        try:
            import matplotlib  # noqa: F401
        finally:
            os.environ[VARIABLE] = named
