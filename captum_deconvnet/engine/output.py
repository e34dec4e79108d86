"""What a model or a layer gives: one tensor, or several in a tuple, a dictionary or an object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor

from captum_deconvnet.engine.rules.call import is_signal
from captum_deconvnet.errors import OutputChoiceError, near_names

OutputName = str | int


def select_output(
    output: Any, chosen: OutputName | None = None, model: str = "The model"
) -> Tensor:
    """The one tensor of a model's output that is to be explained.

    Args:
        output: what the model gave: a tensor, or any nest of tuples, lists, dictionaries, named
            tuples, dataclasses and other objects with tensors in them.
        chosen: which, by key, attribute or index, ``"aux.0"`` for one deeper down; None takes the
            only floating tensor that there is.
        model: what gave it, for errors.

    Raises:
        OutputChoiceError: nothing was chosen and there are several or none, or what was chosen is
            not there; the error lists what is.

    Example:
        >>> import torch
        >>> select_output({"logits": torch.zeros(2, 5), "labels": torch.zeros(2).long()}).shape
        torch.Size([2, 5])
        >>> select_output((torch.zeros(2, 5), torch.zeros(2, 8, 3, 3)), 0).shape
        torch.Size([2, 5])
    """
    if isinstance(output, Tensor):
        return _only(output, chosen, model)
    found = named_signals(output)
    inside = found if chosen is None else _below(found, _name(output, chosen))
    if len({id(tensor) for tensor in inside.values()}) == 1:
        return next(iter(inside.values()))
    raise OutputChoiceError(f"{model} gives {_kind(output)}{_advice(found, inside, chosen)}")


def named_tensors(output: Any) -> dict[str, Tensor]:
    """Every tensor in a nest of outputs, by the keys, attributes and indices that lead to it."""
    return {".".join(names): tensor for names, tensor in _leaves(output)}


def named_signals(output: Any) -> dict[str, Tensor]:
    """The tensors of :func:`named_tensors` that can carry a signal."""
    return {name: tensor for name, tensor in named_tensors(output).items() if is_signal(tensor)}


def items_of(nest: Any) -> dict[str, Any]:
    """What stands in one level of a nest of outputs, by name; nothing for a leaf."""
    if isinstance(nest, Mapping):
        return {str(key): item for key, item in nest.items()}
    if isinstance(nest, tuple) and hasattr(nest, "_fields"):
        return dict(zip(nest._fields, nest, strict=True))
    if isinstance(nest, list | tuple):
        return {str(number): item for number, item in enumerate(nest)}
    if is_dataclass(nest) and not isinstance(nest, type):
        return {field.name: getattr(nest, field.name) for field in fields(nest)}
    return dict(getattr(nest, "__dict__", {}))


def _leaves(
    nest: Any, names: tuple[str, ...] = (), above: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Tensor]]:
    if isinstance(nest, Tensor):
        yield names, nest
    elif id(nest) not in above:  # an object may hold itself
        for name, item in items_of(nest).items():
            yield from _leaves(item, (*names, name), (*above, id(nest)))


def _only(output: Tensor, chosen: OutputName | None, model: str) -> Tensor:
    if chosen is not None:
        raise OutputChoiceError(
            f"{model} gives one tensor {tuple(output.shape)}; there is no output {chosen!r} to "
            "choose. Leave output= out."
        )
    return output


def _name(output: Any, chosen: OutputName) -> str:
    """The name of what was chosen; a number that is no name counts from the first or the last."""
    names = list(items_of(output))
    is_place = isinstance(chosen, int) and not isinstance(chosen, bool)
    if is_place and str(chosen) not in names and -len(names) <= int(chosen) < len(names):
        return names[int(chosen)]
    return str(chosen)


def _below(found: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {
        path: tensor
        for path, tensor in found.items()
        if path == name or path.startswith(f"{name}.")
    }


def _kind(output: Any) -> str:
    name = type(output).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _advice(
    found: Mapping[str, Tensor], inside: Mapping[str, Tensor], chosen: OutputName | None
) -> str:
    """What the error says after the kind of the output."""
    if not found:
        return " without a floating tensor: wrap the model so that it gives one."
    listed = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in found.items())
    if chosen is not None and not inside:
        near = near_names(str(chosen), found)
        wanted = f": {chosen!r} is none of its tensors, {listed}."
        return f"{wanted} Nearest: {', '.join(near)}." if near else wanted
    example = next(iter(inside or found))
    return (
        f" of several tensors: {listed}. Choose one by key, attribute or index, as "
        f"output={int(example) if example.isdigit() else example!r}."
    )
