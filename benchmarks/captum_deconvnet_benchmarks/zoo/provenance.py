"""How the rows of the page were made: machine, versions, time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from captum_deconvnet_benchmarks.zoo.row import Row
from captum_deconvnet_benchmarks.zoo.rows_file import NAME


def provenance(folder: Path, rows: Sequence[Row], name: str = NAME) -> str:
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
