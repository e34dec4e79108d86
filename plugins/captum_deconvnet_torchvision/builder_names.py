"""torchvision's builders by name: which are offered."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from captum_deconvnet.registry import registered_names

QUANTIZED = "quantized_"
QUANTIZED_REASON = (
    "its layers compute with integers in kernels that have no transposed counterpart; "
    "use the net of the same name without 'quantized_'"
)


def known() -> Sequence[str]:
    """What torchvision lists; until its models are imported, what its source registers."""
    registered = registered_names("torchvision", "models")
    if registered and "torchvision.models" not in sys.modules:
        return registered
    from torchvision import models

    listed: Sequence[str] = models.list_models()
    return listed


def names() -> Sequence[str]:
    """The builders that are offered: all but the quantized, each of which has convolutions."""
    return [name for name in known() if not name.startswith(QUANTIZED)]


def left_out() -> Mapping[str, str]:
    """The builders that are not offered, each with the reason."""
    return {name: QUANTIZED_REASON for name in known() if name.startswith(QUANTIZED)}
