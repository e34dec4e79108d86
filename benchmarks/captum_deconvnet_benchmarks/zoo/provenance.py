"""Where, when and with what a sweep was made, as facts beside its rows and as text."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from captum_deconvnet_benchmarks.zoo.row import NAME, SweepRow


def provenance(folder: Path, rows: Sequence[SweepRow], name: str = NAME) -> str:
    """A paragraph from the rows and the sidecars of the files called after ``name``."""
    lines = [sentence(json.loads(path.read_text())) for path in sidecars(folder, name)]
    seconds = sum(row.seconds or 0 for row in rows)
    slowest = max(rows, key=lambda row: row.seconds or 0)
    largest = max(rows, key=lambda row: row.peak_memory_mb or 0)
    lines.append(
        f"All nets together took {seconds / 60:.0f} minutes of work, the slowest, "
        f"`{slowest.model}`, {slowest.seconds or 0:.0f} s; the most memory, "
        f"{(largest.peak_memory_mb or 0) / 1024:.1f} GB, took `{largest.model}`.\n"
    )
    return "".join(lines)


def sidecars(folder: Path, name: str) -> list[Path]:
    """The sidecar of every shard."""
    return sorted(folder.glob(f"{name}*.json"))


def sentence(facts: dict[str, Any]) -> str:
    """One sidecar in words."""
    machine, versions = facts["machine"], facts["versions"]
    packages = ", ".join(f"{package} {version}" for package, version in versions.items())
    remark = f"{facts['remark']}\n\n" if "remark" in facts else ""
    return (
        f"{facts['date'][:10]}, commit {facts['commit'][:12]}, {machine['processor']}, "
        f"{machine['cores']} cores, {machine['memory_gb']:g} GB, {facts['jobs']} jobs, seed "
        f"{facts['seed']}; Python {facts['python']}, {packages}.\n\n{remark}"
    )


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


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
