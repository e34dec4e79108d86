"""Where, when and with what a sweep was made: the sidecar of its rows."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("captum-deconvnet", "torch", "torchvision", "timm", "captum", "numpy")


def circumstances(
    seed: int, jobs: int, timeout: float, others: tuple[str, ...] = ()
) -> dict[str, object]:
    """All that a number in the rows may depend on; ``others`` are further distributions."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in (*PACKAGES, *others)},
        "seed": seed,
        "jobs": jobs,
        "timeout_seconds": timeout,
    }


def write(path: Path, facts: dict[str, object]) -> None:
    """Write the facts beside the rows."""
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def commit() -> str:
    """The commit of the source; ``unknown`` outside a clone, ``+changes`` if it was changed."""
    here = Path(__file__).parent
    try:
        found = git(here, "rev-parse", "HEAD")
        return found + ("+changes" if git(here, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def git(folder: Path, *arguments: str) -> str:
    """What a git command prints."""
    ran = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return ran.stdout.strip()


def machine() -> dict[str, object]:
    """Processor, cores and memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 2**30, 1),
    }


def processor() -> str:
    """Its name as Linux has it; elsewhere its architecture."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
