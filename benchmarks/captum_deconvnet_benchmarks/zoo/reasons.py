"""Why the gradient is right where a family's nets have an operation without a rule.

Each is a product of two activations of which neither is a gate: both carry the image, so holding
one of them fixed would drop half of the picture.
"""

from __future__ import annotations

from captum_deconvnet_benchmarks.zoo.row import Row

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
}
"""By family and operation; a fallback that is not here is a fault."""


def operations(row: Row) -> list[str]:
    """The operations of a net that have no rule, each once."""
    return sorted({entry.rpartition(":")[2] for entry in row.fallbacks.split()})


def is_explained(row: Row) -> bool:
    """Whether there is a reason for every operation of a net without a rule."""
    return all((row.family, operation) in REASONS for operation in operations(row))
