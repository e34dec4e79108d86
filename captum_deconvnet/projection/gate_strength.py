"""How surely an activation only ever scales others; of two factors the stronger is the gate."""

NONE = 0
BOUNDED = 1
"""A bounded signal: a gate beside an unbounded one, a layer otherwise."""
STATISTIC = 2
"""A norm, a deviation, a root or a reciprocal."""
GATE = 3
"""Through a sigmoid or a comparison."""
ATTENTION = 4
"""Attention weights, through a softmax."""
