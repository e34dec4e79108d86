"""What a page says of where a run comes from."""

from __future__ import annotations

import json
from typing import Any

LONG = ("units", "explanations", "models")
"""What ``run.json`` lists at length, and a page does not repeat."""


def plain_facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values, those of nested facts by their path.

    >>> plain_facts({"seed": 3, "spec": {"images": ["a", "b"]}, "units": [1, 2]})
    [('seed', '3'), ('spec: images', '["a", "b"]')]
    """
    found = []
    for name, value in facts.items():
        if name in LONG:
            continue
        if isinstance(value, dict):
            found += [(f"{name}: {inner}", text) for inner, text in plain_facts(value)]
        else:
            found.append((name, value if isinstance(value, str) else json.dumps(value)))
    return found
