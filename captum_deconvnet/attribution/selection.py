"""From a target or a neuron selector to the signal that is put on a model's output or a layer."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.errors import SelectorError, TargetError

WANTED = (
    "A target is a class (an int), a tuple such as (class, row, column), or a list or tensor of "
    "one int an image, counted from 0"
)


def target_signal(output: Tensor, target: Any) -> Tensor:
    """1 at the target of each image, 0 elsewhere, of the shape of ``output``.

    Raises:
        TargetError: the target does not pick one number of each image.
    """
    with torch.enable_grad():
        leaf = output.detach().clone().requires_grad_()
        selected = select_target(leaf, target)
        if selected.dim() and len(selected) and selected[0].numel() != 1:
            raise several_numbers(selected, output, target)
        (signal,) = torch.autograd.grad(selected.sum(), leaf)
    return signal


def select_target(output: Tensor, target: Any, copies: int = 1) -> Tensor:
    """What ``target`` picks from outputs (N, ...), by Captum's rules.

    Args:
        output: what the model gives.
        target: one for all images, or a list or tensor of one an image.
        copies: how often the batch of images stands in the output, one after the other.

    Raises:
        TargetError: for a target of another kind, or one that the output does not have.
    """
    if target is None:
        return output
    place = _places(target, output, copies)
    try:
        if not isinstance(place, list):
            return output[(slice(None), *place)]
        rows = [output[(number, *each)] for number, each in enumerate(place)]
        return torch.stack(rows) if rows else output.flatten(1)[:, :0].sum(1)
    except IndexError as error:
        raise _unfitting(target, output, copies, "there is no such place") from error


def several_numbers(selected: Tensor, output: Tensor, target: Any, copies: int = 1) -> TargetError:
    """The error for a target that picks several numbers of each image."""
    return TargetError(
        f"The target {_shown(target)} picks {tuple(selected.shape[1:])} of the model's output "
        f"{_shape(output, copies)}, N first; one number of each image is explained. {WANTED}; for "
        "an area of a map wrap the model, as captum_deconvnet.targets does."
    )


def _places(target: Any, output: Tensor, copies: int) -> tuple[Any, ...] | list[tuple[Any, ...]]:
    """The target as one place for all images, or a list of one for each row of the output."""
    given = target.tolist() if _is_whole(target) else target
    if isinstance(given, list) and len(given) == 1 and not isinstance(target, list):
        given = given[0]
    if isinstance(given, list) and all(_is_place(each) for each in given):
        rows = len(output) if output.dim() else 0
        if len(given) * copies != rows:
            reason = f"there are {len(given)} targets for {rows // copies} images"
            raise _unfitting(target, output, copies, reason)
        return [_checked(each, output, target, copies) for each in given] * copies
    if _is_place(given):
        return _checked(given, output, target, copies)
    raise _unfitting(target, output, copies, f"it is no place. {_mask_advice(target)}".strip(" ."))


def _is_whole(target: Any) -> bool:
    """Whether it is a tensor, or array, of at most one dimension of whole numbers."""
    kind = getattr(target, "dtype", None)
    if kind is None or getattr(target, "ndim", 2) > 1:
        return False
    name = str(kind).removeprefix("torch.")
    return name.startswith(("int", "uint"))


def _is_place(place: Any) -> bool:
    several = place if isinstance(place, tuple) else (place,)
    return all(_is_number(each) or isinstance(each, slice) for each in several)


def _is_number(item: Any) -> bool:
    return isinstance(item, Integral) and not isinstance(item, bool)


def _checked(place: Any, output: Tensor, target: Any, copies: int) -> tuple[Any, ...]:
    several = place if isinstance(place, tuple) else (place,)
    most = max(output.dim() - 1, 0)
    if len(several) > most:
        reason = f"it has {len(several)} numbers, and at most {most} are there to give"
        raise _unfitting(target, output, copies, reason)
    return several


def _unfitting(target: Any, output: Tensor, copies: int, reason: str) -> TargetError:
    return TargetError(
        f"The target {_shown(target)} does not fit the model's output {_shape(output, copies)}, N "
        f"first: {reason}. {WANTED}."
    )


def _shape(output: Tensor, copies: int) -> tuple[int, ...]:
    """The shape of the output of the images, once."""
    return (len(output) // copies, *output.shape[1:]) if output.dim() else ()


def _mask_advice(target: Any) -> str:
    is_map = getattr(target, "ndim", 0) > 1
    return "For the area of a mask use captum_deconvnet.targets.ClassInMask" if is_map else ""


def _shown(item: Any) -> str:
    if hasattr(item, "dtype") and hasattr(item, "shape"):
        return f"a {str(item.dtype).removeprefix('torch.')} tensor {tuple(item.shape)}"
    shown = repr(item)
    return shown if len(shown) < 60 else f"{shown[:60]}..."


def neuron_signals(
    tensors: Mapping[str, Tensor], flowing: list[str], selector: Any, layer: str
) -> dict[str, Tensor]:
    """The signal of a neuron selector at each of a layer's tensors.

    Args:
        tensors: what the layer took or gave, by name.
        flowing: the names of those that depend on the input.
        selector: an int, a tuple of ints and slices, or a function.
        layer: its name, for errors.

    Raises:
        SelectorError: the selector does not pick one number of each image.
    """
    with torch.enable_grad():
        leaves = {name: tensors[name].detach().clone().requires_grad_() for name in flowing}
        shown = {**tensors, **{name: leaf.clone() for name, leaf in leaves.items()}}
        if callable(selector):
            picked = selector(_form(shown))
        else:
            picked = _picked(shown, flowing, selector, layer)
        _check_picked(picked, selector, layer)
        signals = torch.autograd.grad(picked.sum(), list(leaves.values()), allow_unused=True)
    found = zip(leaves, signals, strict=True)
    return {name: signal for name, signal in found if signal is not None}


def _form(tensors: Mapping[str, Tensor]) -> Any:
    """What a function gets: the tensor, or a tuple of several, by name if they have names."""
    several = tuple(tensors.values())
    if len(several) == 1:
        return several[0]
    return several if all(name[:1].isdigit() for name in tensors) else dict(tensors)


def _picked(tensors: Mapping[str, Tensor], flowing: list[str], selector: Any, layer: str) -> Tensor:
    if len(flowing) != 1:
        listed = ", ".join(f"{name} {tuple(tensors[name].shape)}" for name in flowing)
        raise SelectorError(
            f"The layer {layer!r} has several tensors here, {listed}: give a function of them as "
            "neuron_selector."
        )
    output, place = tensors[flowing[0]], selector if isinstance(selector, tuple) else (selector,)
    shape = tuple(output.shape)
    if not place or not _is_place(place):
        raise SelectorError(
            f"The neuron_selector is {_shown(selector)}; give an int, a tuple of ints or slices, "
            "or a function of the layer's output."
        )
    try:
        chosen = output[(slice(None), *place)]
    except IndexError as error:
        raise SelectorError(
            f"The neuron_selector {_shown(selector)} does not fit the layer {layer!r}, whose "
            f"tensor is {shape}, N first: give {len(shape) - 1} numbers, counted from 0."
        ) from error
    if any(isinstance(each, slice) for each in place):
        return chosen.flatten(1).sum(1) if chosen.dim() > 1 else chosen
    if len(chosen) and chosen[0].numel() != 1:
        raise SelectorError(
            f"The neuron_selector {_shown(selector)} leaves {chosen[0].numel()} values of the "
            f"layer {layer!r}, whose tensor is {shape}, N first: give {len(shape) - 1} numbers, "
            "such as (channel, row, column), or slices, which are summed."
        )
    return chosen


def _check_picked(picked: Any, selector: Any, layer: str) -> None:
    """Raise for what a function gave that is not one number, or one an image, of the layer."""
    if not isinstance(picked, Tensor) or not picked.requires_grad:
        raise SelectorError(
            f"The neuron_selector {_shown(selector)} gives nothing that depends on the layer "
            f"{layer!r}: return one number an image, computed from it with torch."
        )
    if picked.numel() > 1 and picked[0].numel() != 1:
        raise SelectorError(
            f"The neuron_selector {_shown(selector)} gives {tuple(picked.shape)}: return one "
            "number an image."
        )
