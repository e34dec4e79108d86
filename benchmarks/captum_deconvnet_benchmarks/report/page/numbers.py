"""Numbers as a page shows them."""

from __future__ import annotations

import math

NOTHING = "\N{EN DASH}"


def short(value: float) -> str:
    """Four significant digits.

    >>> short(0.123456), short(1234567.0), short(3)
    ('0.1235', '1.235e+06', '3')
    """
    if not math.isfinite(value):
        return "\N{INFINITY}" if value == math.inf else NOTHING
    return f"{value:.4g}"


def p_value(value: float) -> str:
    """A p value; small ones by their bound.

    >>> p_value(0.0314159), p_value(1e-9)
    ('0.031', '< 0.0001')
    """
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"
