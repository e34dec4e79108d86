"""How a box passes a sliding window, filters' or pools': pure geometry, along one dimension."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from captum_deconvnet.incremental.region import Span, fitted


class Sliding(NamedTuple):
    """A window that slides along one dimension, from ``length`` places to ``places``."""

    kernel: int
    stride: int
    padding: int
    dilation: int
    length: int
    places: int


class Passed(NamedTuple):
    """The outputs that can differ, and the inputs they see, which may stick out of the map."""

    output: Span
    needed: Span


@lru_cache(maxsize=65536)
def slide(span: Span, sliding: Sliding) -> Passed | None:
    """What a box becomes; ``None`` if all outputs can differ."""
    reach = sliding.dilation * (sliding.kernel - 1)
    stride, padding = sliding.stride, sliding.padding
    starts = [-((reach - padding - start) // stride) for start in span.starts]
    stops = [(stop - 1 + padding) // stride + 1 for stop in span.stops]
    output = fitted(starts, stops, sliding.places)
    if output is None:
        return None
    needed = tuple(start * stride - padding for start in output.starts)
    return Passed(output, Span(needed, (output.size - 1) * stride + reach + 1))
