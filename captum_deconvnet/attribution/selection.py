"""From a target or a neuron selector to the signal that is put on a model's output or a layer."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.errors import SelectorError, TargetError

WANTED = (
    "a target is a class (an int), a tuple such as (class, row, column), or a list or tensor of "
    "one int an image"
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
            raise _several(output, selected, target)
        (signal,) = torch.autograd.grad(selected.sum(), leaf)
    return signal


def select_target(output: Tensor, target: Any) -> Tensor:
    """What ``target`` picks from outputs (N, ...), by Captum's rules.

    Raises:
        TargetError: for a target of another kind, or one that the output does not have.
    """
    if target is None:
        return output
    place = _places(target, output)
    try:
        if not isinstance(place, list):
            return output[(slice(None), *place)]
        rows = [output[(number, *each)] for number, each in enumerate(place)]
        return torch.stack(rows) if rows else output.flatten(1)[:, :0].sum(1)
    except IndexError as error:
        raise TargetError(
            f"The target {_shown(target)} does not exist: the model's output is "
            f"{tuple(output.shape)}, N first, counted from 0."
        ) from error


def _places(target: Any, output: Tensor) -> tuple[Any, ...] | list[tuple[Any, ...]]:
    """The target as one place for all images, or a list of one an image."""
    given = target.tolist() if _is_whole(target) else target
    if isinstance(given, list) and len(given) == 1 and not isinstance(target, list):
        given = given[0]
    if isinstance(given, list) and all(_is_place(each) for each in given):
        if len(given) != len(output):
            raise TargetError(f"There are {len(given)} targets for {len(output)} images: {WANTED}.")
        return [_checked(each, output, target) for each in given]
    if _is_place(given):
        return _checked(given, output, target)
    raise TargetError(f"The target is {_shown(target)}: {WANTED}. {_mask_advice(target)}".strip())


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


def _checked(place: Any, output: Tensor, target: Any) -> tuple[Any, ...]:
    several = place if isinstance(place, tuple) else (place,)
    if len(several) > output.dim() - 1:
        raise TargetError(
            f"The target {_shown(target)} has {len(several)} numbers and the model's output is "
            f"{tuple(output.shape)}, N first: give at most {max(output.dim() - 1, 0)}, or None for "
            "a model of one number an image."
        )
    return several


def _several(output: Tensor, selected: Tensor, target: Any) -> TargetError:
    given = "Without a target" if target is None else f"With the target {_shown(target)}"
    return TargetError(
        f"{given} there are {selected[0].numel()} numbers an image in the model's output "
        f"{tuple(output.shape)}; one is projected. Here {WANTED}; for an area of a map wrap the "
        "model, as captum_deconvnet.targets does."
    )


def _mask_advice(target: Any) -> str:
    is_map = getattr(target, "ndim", 0) > 1
    return "For the area of a mask use captum_deconvnet.targets.ClassInMask." if is_map else ""


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
