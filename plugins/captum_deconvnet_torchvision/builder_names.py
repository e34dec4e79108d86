"""torchvision's builders by name: which are offered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from captum_deconvnet.registry import library_names

LIBRARY = "torchvision.models"
QUANTIZED = "quantized_"
QUANTIZED_REASON = (
    "its layers compute with integers in kernels that have no transposed counterpart; "
    "use the net of the same name without 'quantized_'"
)


def names() -> Sequence[str]:
    """The builders that are offered: all but the quantized, each of which has convolutions."""
    return [name for name in library_names(LIBRARY) if not name.startswith(QUANTIZED)]


def left_out() -> Mapping[str, str]:
    """The builders that are not offered, each with the reason."""
    return {name: QUANTIZED_REASON for name in library_names(LIBRARY) if name.startswith(QUANTIZED)}
