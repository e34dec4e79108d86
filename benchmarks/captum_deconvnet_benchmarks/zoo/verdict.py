"""Whether a row holds what the package promises."""

from __future__ import annotations

from captum_deconvnet_benchmarks.zoo.measure import TOLERANCE
from captum_deconvnet_benchmarks.zoo.reasons import is_explained
from captum_deconvnet_benchmarks.zoo.row import DIFFERENT, PROJECTED, Row

ZERO = "a projection is zero throughout"


def broken_promises(row: Row) -> list[str]:
    """What a conv net's row shows to be wrong; empty if all is well."""
    if row.status != PROJECTED:
        return [f"{row.status}: {row.reason}"]
    checks = {
        "the recorded forward pass differs": row.forward == DIFFERENT,
        "a projection is not finite": not row.finite,
        ZERO: bool(row.zero),
        "the gradient differs from autograd's": is_off(row.gradient_error),
        f"no reference: {row.no_reference}": row.reference_error is None,
        "the projection differs from the reference": is_off(row.reference_error),
        "an operation has no rule and no reason": not is_explained(row),
        "strict=True and the receipt disagree": not row.strict_agrees,
    }
    return [promise for promise, is_broken in checks.items() if is_broken]


def is_off(error: float | None) -> bool:
    """Whether an error is beyond the tolerance."""
    return error is not None and not error <= TOLERANCE
