"""How an occlusion was worked out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OcclusionReport:
    """How an occlusion was worked out.

    Args:
        method: ``"incremental"`` or ``"dense"``.
        reason: why it was not incremental; empty if it was.
        windows: how many windows there were.
        error: the largest difference of two windows' outputs from the model's own, as a part of
            the largest output; ``None`` if the model could not be followed.
    """

    method: str
    reason: str
    windows: int
    error: float | None = None
