"""The row of a net of another library: that of the zoo, and what is checked beside."""

from __future__ import annotations

from dataclasses import dataclass

from captum_deconvnet_benchmarks.zoo.row import Row
from captum_deconvnet_benchmarks.zoo.verdict import ZERO, broken_promises, is_off


@dataclass
class OutsideRow(Row):
    """What the sweep writes about one net of another library.

    Attributes:
        layers: the paths of the stages, separated by blanks.
        patches_error: of ``project_patches`` from ``project``.
        occlusion_error: of :class:`captum_deconvnet.Occlusion` from Captum's.
        occlusion_whole: why occlusion ran the whole net for every window; empty if it did not.
    """

    layers: str = ""
    patches_error: float | None = None
    occlusion_error: float | None = None
    occlusion_whole: str = ""


def broken(row: OutsideRow) -> list[str]:
    """What a row shows to be wrong; empty if all is well."""
    checks = {
        "no layer has units": not row.layers and not row.reason,
        "patches differ from projections": is_off(row.patches_error),
        "occlusion differs from Captum's": is_off(row.occlusion_error),
    }
    promises = [promise for promise in broken_promises(row) if promise != ZERO or not agrees(row)]
    return promises + [promise for promise, is_broken in checks.items() if is_broken]


def agrees(row: OutsideRow) -> bool:
    """Whether the reference's projections are those found: narrow nets have some that vanish."""
    return row.reference_error is not None and not is_off(row.reference_error)
