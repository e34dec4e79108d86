"""Captum's classes called so that the model is left as found and nothing known is warned of.

Which subjects an explainer cannot explain, and why.

Captum rewires ``nn.ReLU`` modules. Where a net rectifies in any other way, its guided
backpropagation, deconvolution and DeepLift are silently the gradient. A table that says so is
better than one with four names for one thing. What a net does is seen by recording it once.
"""

from __future__ import annotations

import contextlib
import importlib.util
import warnings
from collections.abc import Iterator

import torch
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet_benchmarks.protocol.explainer import Subject

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


LINEAR_KINDS = frozenset({"adjoint"})
FILTER_RULES = frozenset({"transposed filter", "transposed matrix"})
RECTIFIER_RULES = frozenset({"rectify", "leak"})
DEEP_LIFT = (
    nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus,
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.Softmax,
)  # fmt: skip
"""The modules that captum.attr.DeepLift knows (captum 0.9, deep_lift.py)."""

UNSEEN = "it is not known what inputs it takes, so its rectifiers cannot be looked at"


def needs_relu_modules(subject: Subject) -> str | None:
    """Every rectifier must be an ``nn.ReLU``."""
    if subject.input_shape is None:
        return UNSEEN
    for entry, module in _nonlinear(subject):
        if entry.rule in RECTIFIER_RULES and not isinstance(module, nn.ReLU):
            return (
                f"Captum rewires nn.ReLU modules only, and {_place(entry)} is none: "
                "its answer would silently be the gradient there"
            )
    return None


def needs_relu_modules_and_layer(subject: Subject) -> str | None:
    """Both."""
    return needs_layer(subject) or needs_relu_modules(subject)


def needs_deep_lift_modules(subject: Subject) -> str | None:
    """Every nonlinearity must be a module that DeepLift knows, used once."""
    if subject.input_shape is None:
        return UNSEEN
    for entry, module in _nonlinear(subject):
        if not isinstance(module, DEEP_LIFT):
            return f"Captum's DeepLift has no rule for {_place(entry)}, and would take its gradient"
        if entry.count > 1:
            return f"Captum's DeepLift is wrong where a module is used again, as {entry.module} is"
    return None


def needs_layer(subject: Subject) -> str | None:
    """There must be a last layer with maps."""
    return None if subject.layer else "the model has no layer with maps to look at"


def needs_skimage(subject: Subject) -> str | None:
    """The superpixels are scikit-image's."""
    if importlib.util.find_spec("skimage"):
        return None
    return "superpixels need scikit-image: pip install scikit-image"


def _nonlinear(subject: Subject) -> Iterator[tuple[cdn.ReceiptEntry, nn.Module]]:
    """What the net does that is no filter and no other linear operation, with its module."""
    assert subject.input_shape is not None
    like = next(subject.model.parameters(), torch.empty(0))
    example = torch.zeros(1, *subject.input_shape, dtype=like.dtype, device=like.device)
    for entry in cdn.record(subject.model, example).receipt.entries:
        if entry.kind not in LINEAR_KINDS and entry.rule not in FILTER_RULES:
            yield entry, subject.model.get_submodule(entry.module)


def _place(entry: cdn.ReceiptEntry) -> str:
    return f"{entry.operation} in {entry.module or 'the model itself'}"
