"""Spellings of activations, rewritten at random without a change of what they compute.

A torch function mode changes how each operation of a spelling is written while it runs.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


def out_of(function):
    """The function, with its result written to a tensor of the caller's."""

    def into(a, b):
        return function(a, b, out=torch.empty(0, dtype=torch.result_type(a, b)))

    return into


REWRITES = {
    "add": [
        lambda a, b: b + a,
        lambda a, b: a - (-b),
        lambda a, b: (a + 0.0).add_(b),
        out_of(torch.add),
    ],
    "sub": [
        lambda a, b: a + (-b),
        lambda a, b: -(b - a),
        lambda a, b: torch.sub(a, b),
        out_of(torch.sub),
    ],
    "mul": [
        lambda a, b: b * a,
        lambda a, b: -((-a) * b),
        lambda a, b: torch.mul(a, b),
        out_of(torch.mul),
    ],
    "div": [
        lambda a, b: a * (1 / b),
        lambda a, b: torch.div(a, b),
        lambda a, b: -(a / -b),
        out_of(torch.div),
    ],
    "relu": [
        lambda a: a.clamp(min=0),
        lambda a: torch.relu_(a.clone()),
        lambda a: torch.where(a > 0, a, 0.0),
    ],
    "sigmoid": [
        lambda a: 1 / (1 + (-a).exp()),
        lambda a: a.clone().sigmoid_(),
        lambda a: (torch.tanh(a / 2) + 1) / 2,
        lambda a: torch.sigmoid(a),
    ],
    "tanh": [
        lambda a: 2 * torch.sigmoid(2 * a) - 1,
        lambda a: a.clone().tanh_(),
        lambda a: torch.tanh(a),
    ],
    "abs": [lambda a: torch.maximum(a, -a), lambda a: a * a.sign(), lambda a: a.clone().abs_()],
    "neg": [lambda a: -1 * a, lambda a: 0 - a, lambda a: a.clone().neg_()],
    "exp": [lambda a: 1 / (-a).exp(), lambda a: a.clone().exp_()],
}
NAMES = {"__add__": "add", "__radd__": "add", "__iadd__": "", "__mul__": "mul", "__rmul__": "mul",
         "__sub__": "sub", "__truediv__": "div", "__neg__": "neg", "negative": "neg"}  # fmt: skip


class Rewritten(TorchFunctionMode):
    """Runs each operation as one of its other forms, by the next of ``choices``.

    Choice 0 leaves an operation as it is.
    """

    def __init__(self, choices):
        super().__init__()
        self.choices, self.place = choices, 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        forms = REWRITES.get(NAMES.get(name, name), [])
        plain = not kwargs and all(isinstance(item, Tensor | int | float) for item in args)
        if not forms or not plain or not isinstance(args[0], Tensor):
            return function(*args, **(kwargs or {}))
        self.place += 1
        choice = self.choices[self.place % len(self.choices)] % (len(forms) + 1)
        return forms[choice - 1](*args) if choice else function(*args)


def rewritten(function, choices):
    """A spelling, every operation of it rewritten."""

    def run(x):
        with Rewritten(choices):
            return function(x)

    return run
