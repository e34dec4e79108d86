"""The closed forms of the metrics."""

from __future__ import annotations

from captum_deconvnet_benchmarks.selftest import faithfulness, place, stability
from captum_deconvnet_benchmarks.selftest.case import Case

ROOMS = (
    faithfulness.occlusion,
    faithfulness.deletion,
    faithfulness.road,
    faithfulness.infidelity,
    stability.invariance,
    stability.max_sensitivity,
    stability.class_sensitivity,
    stability.randomisation,
    place.correspondence,
    place.complexity,
    place.localisation,
)


def closed_forms() -> list[Case]:
    """All of them."""
    return [case for room in ROOMS for case in room()]
