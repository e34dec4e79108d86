"""Where a number comes from: version, commit, machine, seed and date."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib.metadata import version


def provenance(seed: int) -> dict[str, str | int]:
    """The facts that go with every result."""
    packages = ("captum-deconvnet", "captum", "torch", "torchvision")
    return {
        "commit": _commit(),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "seed": seed,
        **{name: version(name) for name in packages},
    }


def _commit() -> str:
    """The commit of the working tree this runs in; ``unknown`` outside one."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
