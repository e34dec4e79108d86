"""The occluder: what it is made of, and covering windows of the inputs with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from captum_deconvnet.errors import ImageError, ModelError, unknown_name
from captum_deconvnet.occlusion.incremental.memory_layout import batch_copies, empty_batch
from captum_deconvnet.occlusion.incremental.region import Region, RegionValues, Span, cut, fitted
from captum_deconvnet.occlusion.window_grid import Window, covered
from captum_deconvnet.registry import LoadedModel

GREY = 128
BLUR = 10.0
"""Standard deviation of the blur, in pixels."""

Fill = None | str | int | float | Tensor | Callable[[Tensor], Tensor]


class Occluder:
    """Covers windows of inputs.

    Args:
        inputs: the clean inputs, each (N, ...).
        fills: what covers each: a number, or a tensor that broadcasts to the input.
    """

    def __init__(self, inputs: Sequence[Tensor], fills: Sequence[Tensor | int | float]) -> None:
        """Cover ``inputs`` with ``fills``."""
        self.inputs = tuple(inputs)
        self.types = [torch.result_type(one, fill) for one, fill in zip(inputs, fills, strict=True)]
        self.fills = [
            torch.as_tensor(fill, dtype=dtype, device=tensor.device).expand(tensor.shape)
            for fill, dtype, tensor in zip(fills, self.types, self.inputs, strict=True)
        ]

    @property
    def keeps_dtypes(self) -> bool:
        """Whether the inputs have the same types when covered."""
        return all(one is tensor.dtype for one, tensor in zip(self.types, self.inputs, strict=True))

    def covered_inputs(self, windows: Sequence[Window]) -> tuple[Tensor, ...]:
        """All inputs, each window covered in a copy of its own: (windows * N, ...)."""
        return tuple(self._covered(number, windows) for number in range(len(self.inputs)))

    def clean_inputs(self) -> tuple[Tensor, ...]:
        """A copy of all inputs, nothing covered, so that a model cannot change the user's own."""
        return tuple(batch_copies(tensor, 1) for tensor in self.inputs)

    def region(self, windows: Sequence[Window]) -> Region:
        """The box that windows of one input cover; channels, and vectors, are whole."""
        shape = self.inputs[windows[0].input].shape
        return tuple(
            (dim, span) for dim in range(2, len(shape)) if (span := _span(windows, dim, shape))
        )

    def covered_boxes(self, windows: Sequence[Window]) -> RegionValues:
        """What changes in the input that ``windows`` cover."""
        number, region = windows[0].input, self.region(windows)
        boxes = cut(self.inputs[number], region, len(windows))
        self._cover(boxes, windows, number, region)
        return RegionValues(boxes, region)

    def _covered(self, number: int, windows: Sequence[Window]) -> Tensor:
        tensor = self.inputs[number]
        if all(window.input != number for window in windows):
            return batch_copies(tensor, len(windows))
        kind = self.types[number]
        found = empty_batch(tensor, len(windows) * len(tensor), kind)
        cover = covered(windows, number, tensor.shape[1:]).to(tensor.device)
        places = found.view(len(windows), *tensor.shape)
        torch.where(cover, self.fills[number], tensor.to(kind), out=places)
        return found

    def _cover(self, boxes: Tensor, windows: Sequence[Window], number: int, region: Region) -> None:
        images, spans = len(self.inputs[number]), dict(region)
        for place, window in enumerate(windows):
            ends = list(zip(window.starts, window.stops, strict=True))
            dims = range(1, len(ends) + 1)
            firsts = [spans[dim].starts[place] if dim in spans else 0 for dim in dims]
            rows = slice(place * images, (place + 1) * images)
            box = [slice(a - first, b - first) for (a, b), first in zip(ends, firsts, strict=True)]
            fill = self.fills[number][(slice(None), *(slice(a, b) for a, b in ends))]
            boxes[(rows, *box)].copy_(fill)


def _span(windows: Sequence[Window], dim: int, shape: Sequence[int]) -> Span | None:
    starts = [window.starts[dim - 1] for window in windows]
    return fitted(starts, [window.stops[dim - 1] for window in windows], shape[dim])


def filled(fill: Fill, images: Tensor, loaded: LoadedModel | None) -> Tensor:
    """What covers ``images``, of their shape.

    Args:
        fill: ``"grey"`` is 128 of 255 before the model's transform, ``"mean"`` each image's mean
            colour, ``"blur"`` the image blurred; a number, a tensor that broadcasts, or a function
            of the images; ``None`` is grey if the transform is known, else 0, the mean of
            normalised images.
        images: (N, C, H, W).
        loaded: the model with its transform, if it was loaded by name.

    Raises:
        UnknownNameError: for a name that is none of the three.
        ModelError: for ``"grey"`` without a transform, or a fill that does not fit the images.
    """
    if fill is None:
        fill = "grey" if loaded is not None else 0.0
    found: Any = _named(fill, images, loaded) if isinstance(fill, str) else fill
    if callable(found) and not isinstance(found, Tensor):
        found = found(images)
    try:
        return torch.as_tensor(found, dtype=images.dtype, device=images.device).expand(images.shape)
    except RuntimeError as error:
        raise ModelError(
            f"A fill of shape {tuple(found.shape)} does not fit images {tuple(images.shape)}."
        ) from error


def _named(fill: str, images: Tensor, loaded: LoadedModel | None) -> Tensor:
    if fill == "mean":
        colours: Tensor = images.mean((2, 3), keepdim=True, dtype=_wide(images))
        return colours if images.is_floating_point() else colours.round()
    if fill == "blur":
        from torchvision.transforms.functional import gaussian_blur  # slow to import

        size = 2 * int(min(4 * BLUR, (min(images.shape[-2:]) - 1) // 2)) + 1
        blurred: Tensor = gaussian_blur(images, [size, size], [BLUR, BLUR])
        return blurred
    if fill not in ("grey", "gray"):
        raise unknown_name("fill", fill, ("grey", "mean", "blur"))
    if loaded is None:
        raise ModelError(
            "Grey is a colour of pixels: give a model loaded by name, whose transform is known, or "
            "the fill as a number or tensor in the model's own space."
        )
    return _grey_card(loaded).mean((-2, -1), keepdim=True)


def _wide(images: Tensor) -> torch.dtype:
    return images.dtype if images.is_floating_point() else torch.float64


def _grey_card(loaded: LoadedModel) -> Tensor:
    """A grey picture as the model takes it; a model that takes arrays gets a grey array."""
    channels, height, width = loaded.input_size[0], *loaded.input_size[-2:]
    shown: Tensor
    try:
        shown = loaded.transform(Image.new("RGB", (width, height), (GREY, GREY, GREY)))
    except ImageError:
        shown = loaded.transform(torch.full((channels, height, width), GREY, dtype=torch.uint8))
    return shown
