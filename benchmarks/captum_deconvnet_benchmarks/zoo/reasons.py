"""Why the gradient is right where a family's nets have an operation without a rule.

Each is a product of two activations of which neither is a gate: both carry the image, so holding
one of them fixed would drop half of the picture.

Whether a row holds what the package promises.
"""

from __future__ import annotations

from captum_deconvnet_benchmarks.zoo.measure import TOLERANCE
from captum_deconvnet_benchmarks.zoo.row import DIFFERENT, PROJECTED, SweepRow

CORNERS = "corners found by formula: products of derivatives"
PYRAMID_ATTENTION = "pyramid attention: features times a map that is not bounded"
OWN_FUNCTION = "an autograd function of the library: the backward that it came with"
LOG_POWER = "the power of a signal: the logarithm of a mean of squares"
LOG_VARIANCE = "the logarithm of a variance over time"
LINEAR_ATTENTION = "linear attention: queries, keys and values are multiplied without a softmax"

REASONS: dict[tuple[str, str], str] = {
    ("byoanet", "bmm"): "lambda layers: queries times a matrix made of keys and values",
    ("coat", "bmm"): "factorised attention: queries times a matrix made of keys and values",
    ("coat", "mul"): "relative positions: queries times convolved values",
    ("csatv2", "mul"): "response norm: a map times its own response",
    ("efficientvim", "bmm"): "state space mixing: states times outputs, without a softmax",
    ("efficientvim", "mul"): "state space mixing: states times linear gates",
    ("efficientvit_mit", "bmm"): LINEAR_ATTENTION,
    ("focalnet", "mul"): "focal modulation: queries times their modulator, contexts times linear "
    "gates",
    ("mambaout", "mul"): "a gated block whose gate is SiLU, which is not bounded",
    ("mobilevit", "mul"): "separable attention: values times one context for all places",
    ("swiftformer", "mul"): "additive attention: keys times one query for all places",
    ("vitamin", "mul"): "a gated block whose gate is GELU, which is not bounded",
    # other libraries
    ("backbone", "bmm"): LINEAR_ATTENTION,  # kornia's EfficientViT
    ("fbcnet", "log"): LOG_VARIANCE,
    ("fbcnet", "var"): LOG_VARIANCE,
    ("fblightconvnet", "log"): LOG_VARIANCE,
    ("fblightconvnet", "var"): LOG_VARIANCE,
    ("fbmsnet", "log"): LOG_VARIANCE,
    ("fbmsnet", "var"): LOG_VARIANCE,
    ("hybrid", "log"): LOG_POWER,
    ("hybrid", "mul"): LOG_POWER,
    ("ifnet", "log"): LOG_POWER,
    ("ifnet", "pow"): LOG_POWER,
    ("isqrtcovresnet", "CovPool"): OWN_FUNCTION,
    ("isqrtcovresnet", "NewtonSchulzSqrt"): OWN_FUNCTION,
    ("isqrtcovresnet", "Triuvec"): OWN_FUNCTION,
    ("isqrtcovresnet", "bmm"): "covariances: features times features",
    ("keynet", "mul"): CORNERS,
    ("keynet", "pow"): CORNERS,
    ("lednet", "mul"): PYRAMID_ATTENTION,
    ("mobilevitv2", "mul"): "separable attention: values times one context for all places",
    ("mobilenetv3", "HardSwishJitAutoFn"): OWN_FUNCTION,
    ("model", "SwishImplementation"): OWN_FUNCTION,
    ("model", "mul"): PYRAMID_ATTENTION,
    ("sccnet", "log"): LOG_POWER,
    ("sccnet", "pow"): LOG_POWER,
    ("shallow_fbcsp", "log"): LOG_POWER,
    ("shallow_fbcsp", "mul"): LOG_POWER,
    ("sstdpn", "pow"): "a variance over time, as a mean of squares",
    ("sinet", "mul"): "channels times a gate that is PReLU, which is not bounded",
    ("tasks", "_softmax"): "YOLO's distances: expected values of a distribution",
    ("tasks", "cos"): "YOLO's turned boxes: offsets times the cosine of an angle",
    ("tasks", "mul"): "YOLO's turned boxes: offsets times the cosine of an angle",
    ("tasks", "sin"): "YOLO's turned boxes: offsets times the sine of an angle",
}
"""By family and operation; a fallback that is not here is a fault."""


def operations(row: SweepRow) -> list[str]:
    """The operations of a net that have no rule, each once."""
    return sorted({entry.rpartition(":")[2] for entry in row.fallbacks.split()})


def is_explained(row: SweepRow) -> bool:
    """Whether there is a reason for every operation of a net without a rule."""
    return all((row.family, operation) in REASONS for operation in operations(row))


ZERO = "a projection is zero throughout"


def broken_promises(row: SweepRow) -> list[str]:
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
