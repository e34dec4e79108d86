"""Captum's classes called so that the model is left as found and nothing known is warned of."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

from torch import nn

KNOWN = (
    "Setting forward, backward hooks and attributes on non-linear",
    "Setting backward hooks on ReLU activations",
    "Input Tensor . did not already require gradients",
)
"""Beginnings of what Captum warns of at every call."""

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@contextlib.contextmanager
def calling_captum(model: nn.Module) -> Iterator[None]:
    """Around a call: hooks that an interrupted call left behind are taken away again.

    Captum does so itself unless it is interrupted, by a lack of memory for example; the next
    explanation would then be silently wrong.
    """
    before = [(module, name, set(getattr(module, name))) for module, name in _hooks(model)]
    with warnings.catch_warnings():
        for message in KNOWN:
            warnings.filterwarnings("ignore", message=message)
        try:
            yield
        finally:
            for module, name, kept in before:
                hooks = getattr(module, name)
                for key in set(hooks) - kept:
                    del hooks[key]


def _hooks(model: nn.Module) -> list[tuple[nn.Module, str]]:
    return [(module, name) for module in model.modules() for name in HOOKS]
