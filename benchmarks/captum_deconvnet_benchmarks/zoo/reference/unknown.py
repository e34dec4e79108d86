"""What the reference says when it has no answer."""

from __future__ import annotations


class NoReferenceError(Exception):
    """The model does something that the reference has no literal rule for."""
