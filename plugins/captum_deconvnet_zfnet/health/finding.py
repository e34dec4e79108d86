"""A finding: what is wrong with a run, which check found it, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from captum_deconvnet.errors import TrainingError


@dataclass(frozen=True)
class Finding:
    """One thing that dooms a run.

    Args:
        check: the check's name.
        trouble: what it saw, what it expected, and what to do.
    """

    check: str
    trouble: str

    def __str__(self) -> str:
        """The line a user reads."""
        return f"{self.check}: {self.trouble}"


def stop_on(findings: Iterable[Finding]) -> None:
    """Stop the run if anything was found.

    Raises:
        TrainingError: names every finding.
    """
    lines = [str(finding) for finding in findings]
    if lines:
        raise TrainingError(f"This run cannot learn. {' | '.join(lines)}")
