"""Spellings of activations, rewritten at random without a change of what they compute.

A torch function mode changes how each operation of a spelling is written while it runs, and a
wrapper how the whole of it is: on halves, by cases, in place.
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


def clamped(a, min=None, max=None):
    """``clamp`` by cases."""
    a = a if min is None else torch.where(a < min, torch.full_like(a, min), a)
    return a if max is None else torch.where(a > max, torch.full_like(a, max), a)


OPERATIONS = {
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
    "abs": [
        lambda a: torch.maximum(a, -a),
        lambda a: a * a.sign(),
        lambda a: a.clone().abs_(),
        lambda a: torch.where(a < 0, -a, a),
    ],
    "neg": [lambda a: -1 * a, lambda a: 0 - a, lambda a: a.clone().neg_()],
    "exp": [lambda a: 1 / (-a).exp(), lambda a: a.clone().exp_()],
    "expm1": [lambda a: a.exp() - 1, lambda a: a.clone().expm1_()],
    "log1p": [lambda a: (a + 1).log(), lambda a: a.clone().log1p_()],
    "reciprocal": [lambda a: 1 / a, lambda a: a**-1],
    "maximum": [lambda a, b: torch.where(a > b, a, b), lambda a, b: -torch.minimum(-a, -b)],
    "minimum": [lambda a, b: torch.where(a < b, a, b), lambda a, b: -torch.maximum(-a, -b)],
    "clamp": [clamped, lambda a, *ends, **named: a.clone().clamp_(*ends, **named)],
    "masked": [
        lambda a, b: b * a,
        lambda a, b: torch.where(a, b, 0.0) if a.dtype == torch.bool else torch.where(b, a, 0.0),
    ],
}
"""Other forms of an operation; ``masked`` are products with a mask."""

NAMES = {"__add__": "add", "__radd__": "add", "__mul__": "mul", "__rmul__": "mul",
         "__sub__": "sub", "__truediv__": "div", "__neg__": "neg", "negative": "neg"}  # fmt: skip


class Rewritten(TorchFunctionMode):
    """Runs each operation as one of its other forms, by the next of ``choices``.

    Choice 0 leaves an operation as it is.
    """

    def __init__(self, choices):
        super().__init__()
        self.choices, self.place = choices, 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        forms, kwargs = forms_of(function, args, kwargs or {}), kwargs or {}
        self.place += 1
        choice = self.choices[self.place % len(self.choices)] % (len(forms) + 1)
        return (forms[choice - 1] if choice else function)(*args, **kwargs)


def forms_of(function, args, kwargs):
    """The other forms of a call; none of what is given more than tensors and numbers."""
    name = getattr(function, "__name__", "")
    name = NAMES.get(name, name)
    is_plain = all(isinstance(item, Tensor | int | float) for item in (*args, *kwargs.values()))
    if not is_plain or not isinstance(args[0], Tensor) or (kwargs and name != "clamp"):
        return []
    if any(isinstance(item, Tensor) and item.dtype == torch.bool for item in args):
        return OPERATIONS["masked"] if name == "mul" else []
    return OPERATIONS.get(name, [])


def on_halves(dim):
    """The function of each half."""
    return lambda f: lambda x: torch.cat([f(half) for half in x.chunk(2, dim)], dim)


def halves_in_place(dim):
    """Each half changed into the function of itself."""

    def wrapped(f):
        def function(x):
            copy = x.clone()
            for half in copy.chunk(2, dim):
                half.copy_(f(half))
            return copy

        return function

    return wrapped


def put_back(f):
    """The function where the activation is negative put over the function everywhere."""

    def function(x):
        found, mask = f(x).clone(), x < 0
        found[mask] = f(x)[mask]
        return found

    return function


WHOLE = {
    "as it is": lambda f: f,
    "halves of the images": on_halves(0),
    "halves of the rows": on_halves(2),
    "halves of the columns in place": halves_in_place(3),
    "by cases": lambda f: lambda x: torch.where(x > 0, f(x), f(x)),
    "by cases of the parts": lambda f: (
        lambda x: torch.where(x > 0, f(x.clamp(min=0)), f(x.clamp(max=0)))
    ),
    "by masks": lambda f: lambda x: f(x) * (x > 0) + (x <= 0) * f(x),
    "put back": put_back,
    "turned twice": lambda f: lambda x: f(x).neg().neg(),
    "into the activation": lambda f: lambda x: (x * 1).copy_(f(x)),
}


def rewritten(function, choices, whole="as it is"):
    """A spelling, every operation of it rewritten."""

    def run(x):
        with Rewritten(choices):
            return WHOLE[whole](function)(x)

    return run
