"""How pictures are prepared for a net, and what its classes are called, where users say so."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import torch
from PIL import Image
from torch import Tensor, nn

from captum_deconvnet.errors import ModelError
from captum_deconvnet.registry.class_names import Classes, class_names
from captum_deconvnet.registry.importing import FORMS, import_path
from captum_deconvnet.registry.input_size import GivenSize, input_size, parsed_size, size_name
from captum_deconvnet.registry.loaded_model import AS_BUILT, LoadedModel
from captum_deconvnet.registry.picture_transform import (
    InverseTransform,
    PictureTransform,
    UserTransform,
    inverse_of,
)

Numbers: TypeAlias = "str | float | Sequence[float]"
Transform: TypeAlias = "str | Callable[[Any], Any]"

CARD = Image.new("RGB", (512, 512), (128, 128, 128))
"""What is sent through a user's transform to see the size of its inputs."""


@dataclass(frozen=True)
class Preparation:
    """What a user says of a net's inputs and classes; all of it may be left open.

    Args:
        input_size: (C, H, W), as numbers or as ``"3x224x224"``; one number for a square.
        mean: of colours in [0, 1], one for all channels or one a channel; numbers or text with
            commas.
        std: the deviation, likewise.
        transform: turns an RGB Pillow image into an input (C, H, W), in place of all of these; a
            function, or its import path.
        classes: the names of the classes, or a file of them; see ``class_names``.
    """

    input_size: GivenSize | None = None
    mean: Numbers | None = None
    std: Numbers | None = None
    transform: Transform | None = None
    classes: Classes | None = None

    def described(self, name: str, net: nn.Module) -> LoadedModel:
        """A net of the user's own, with all that is needed to show it a picture.

        Raises:
            ModelError: it runs on no usual size, or on none that was given.
        """
        own = self._user_transform
        notes = []
        if own is not None and self.input_size is None:
            size = tuple(own(CARD).shape)
        else:
            size = input_size(net, self.input_size, name)
            if self.input_size is None:
                notes.append(
                    f"input size {size_name(size)}: the first usual one that {name} runs on; "
                    "--input-size sets it"
                )
        if own is None and self.mean is None and self.std is None:
            notes.append(
                f"{name} is given colours in [0, 1]: no --mean and --std, and no --transform"
            )
        plain = (0.0,) * size[0], (1.0,) * size[0]
        loaded = LoadedModel(
            name=name,
            model=net,
            transform=PictureTransform(size, *plain),
            inverse_transform=InverseTransform(*plain, len(size)),
            input_size=size,
            weights=AS_BUILT,
            notes=tuple(notes),
        )
        return self.applied(loaded)

    def applied(self, loaded: LoadedModel) -> LoadedModel:
        """The model, prepared as the user says; what was left open stays as it is.

        Raises:
            ModelError: the net does not run on that size, or what is given does not fit it.
        """
        own = self._user_transform
        if own is not None:
            loaded = self._with_transform(loaded, own)
        elif not (self.input_size is None and self.mean is None and self.std is None):
            loaded = self._with_numbers(loaded)
        if self.classes is not None:
            names = class_names(self.classes)
            _check_count(loaded, len(names))
            loaded = dataclasses.replace(loaded, categories=names)
        return loaded

    def _with_transform(self, loaded: LoadedModel, own: UserTransform) -> LoadedModel:
        size = self._size(loaded) if self.input_size else tuple(own(CARD).shape)
        if self.mean is None and self.std is None:
            inverse = inverse_of(own, size[0], len(size))
        else:
            mean, std = numbers(self.mean, size[0], "mean"), numbers(self.std, size[0], "std")
            inverse = InverseTransform(mean, std, len(size))
        return dataclasses.replace(
            loaded, transform=own, inverse_transform=inverse, input_size=size
        )

    def _with_numbers(self, loaded: LoadedModel) -> LoadedModel:
        size = self._size(loaded)
        before = loaded.inverse_transform
        mean = getattr(before, "mean", None) if self.mean is None else self.mean
        std = getattr(before, "std", None) if self.std is None else self.std
        values = numbers(mean, size[0], "mean"), numbers(std, size[0], "std")
        return dataclasses.replace(
            loaded,
            transform=PictureTransform(size, *values),
            inverse_transform=InverseTransform(*values, len(size)),
            input_size=size,
        )

    def _size(self, loaded: LoadedModel) -> tuple[int, ...]:
        if self.input_size is None or parsed_size(self.input_size) == loaded.input_size:
            return loaded.input_size
        return input_size(loaded.model, self.input_size, loaded.name)

    @cached_property
    def _user_transform(self) -> UserTransform | None:
        if self.transform is None:
            return None
        if not isinstance(self.transform, str):
            return UserTransform(self.transform, getattr(self.transform, "__name__", "transform"))
        path = import_path(self.transform)
        if path is None:
            raise ModelError(f"The transform {self.transform!r} is no import path; give {FORMS}.")
        found = path.object()
        found = found() if isinstance(found, type) else found
        if not callable(found):
            raise ModelError(f"{path} is a {type(found).__name__}; a function was expected.")
        return UserTransform(found, str(path))


def numbers(given: Numbers | None, channels: int, what: str) -> tuple[float, ...]:
    """One number a channel.

    Raises:
        ModelError: they are no numbers, not as many, not finite, or a deviation of 0.

    Example:
        >>> numbers("0.5", 3, "mean")
        (0.5, 0.5, 0.5)
    """
    if given is None:
        return (1.0 if what == "std" else 0.0,) * channels
    parts = given.replace(",", " ").split() if isinstance(given, str) else given
    try:
        found = [float(parts)] if isinstance(parts, int | float) else [float(p) for p in parts]
    except (TypeError, ValueError) as error:
        raise ModelError(f"{what} is {given!r}; numbers such as 0.5,0.5,0.5 expected.") from error
    found = found * channels if len(found) == 1 else found
    if len(found) != channels:
        raise ModelError(f"{what} has {len(found)} numbers, and the net takes {channels} channels.")
    if not torch.tensor(found).isfinite().all() or (what == "std" and min(found) <= 0):
        raise ModelError(f"{what} is {given!r}; finite numbers, deviations above 0, are expected.")
    return tuple(found)


def _check_count(loaded: LoadedModel, count: int) -> None:
    """Refuse names that are not as many as the logits, where the net has logits."""
    with torch.no_grad():
        output = loaded.model(loaded.example_input())
    if isinstance(output, Tensor) and output.ndim == 2 and output.shape[1] != count:
        raise ModelError(f"{count} classes are named, and {loaded.name} has {output.shape[1]}.")
