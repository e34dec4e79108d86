"""Why recomputed outputs are not the model's own: rounding, chance, or the other images."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from captum_deconvnet.attribution.selected_call import SelectedCall, finite
from captum_deconvnet.engine.steadiness import distance, is_mixed, mixed_error
from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.occlusion.incremental.engine import Incremental
from captum_deconvnet.occlusion.incremental.traceable import RandomError
from captum_deconvnet.occlusion.incremental.windows import Window
from captum_deconvnet.occlusion.whole_model import ADVICE

ROUNDED = 4
"""How much coarser than the model we may be."""


def check_it_is_rounding(engine: Incremental, call: SelectedCall) -> None:
    """Raise for an engine that does not give what the model gives, if rounding is not why.

    Raises:
        RandomError: the model draws random numbers.
        ModelError: its outputs depend on the other images of the batch.
        UnsupportedOperationError: it is not known why.
    """

    def plain(windows: Sequence[Window]) -> Tensor:
        return call.all(engine.occluder.whole(windows), len(windows))

    sample, expected = engine.passes.sample, engine.passes.covered
    again, alone = plain(sample), plain(sample[:1])
    if distance(again, finite(expected)) > engine.limit:
        raise RandomError("the model gives different outputs for the same input")
    if is_mixed([alone], [again[: len(alone)]]):
        repeated = plain([sample[0]] * len(sample))
        if distance(repeated[: len(alone)], again[: len(alone)]) > engine.limit:
            raise mixed_error(call.name, ADVICE)
    if engine.error > ROUNDED * distance(alone, again[: len(alone)]):
        raise UnsupportedOperationError(
            f"recomputed outputs were off by {engine.error:.1g} of the largest"
        )
