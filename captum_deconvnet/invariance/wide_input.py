"""A model's input with more of the photograph around it, at the input's scale and in its colours.

A model's preprocessing is a function that we cannot look into. Pictures of one colour and two
ramps, sent through it, tell how it changes colours and which box of the photograph it shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from captum_deconvnet.pictures.reading import plain_picture, to_input
from captum_deconvnet.registry import LoadedModel
from captum_deconvnet.registry.transforms import Picture

TOLERANCE = 0.05
"""Of the way from black to white, on average: what two ways of resizing may differ by."""

FLAT = 1e-6
"""A colour that changes less from black to white is lost in the preprocessing."""

RAMPS = 8


@dataclass(frozen=True)
class WideInput:
    """A photograph as a model's input, larger than the model sees where the photograph is.

    Args:
        pixels: (1, C, H, W).
        crop: (height, width) of the centre that the model sees; None for all of it.
    """

    pixels: torch.Tensor
    crop: tuple[int, int] | None = None


@dataclass(frozen=True)
class AxisMapping:
    """Where a row or column of the input lies in the photograph: ``start + step * index``."""

    start: float
    step: float

    def edges(self, count: int, margin: int) -> tuple[float, float]:
        """The outer edges of ``count`` rows with ``margin`` more at both ends."""
        first, last = -0.5 - margin, count - 0.5 + margin
        return self.start + self.step * first, self.start + self.step * last

    def margin(self, count: int, extent: int) -> int:
        """How many more rows the photograph has at both ends."""
        low, high = self.edges(count, 0)
        return max(int(min(low, extent - high) / self.step), 0)


def wide_input(loaded: LoadedModel, photograph: Picture, margin: int) -> WideInput | None:
    """The photograph, up to ``margin`` pixels beyond what the model sees of it.

    Args:
        loaded: the model and its preprocessing.
        photograph: 8-bit RGB; of an array, nothing is known around what is seen.
        margin: pixels of the model's input.

    Returns:
        As much as the photograph has, the same at opposite sides; None if the preprocessing is
        not a scaling, a crop and a linear change of colours.
    """
    if not isinstance(photograph, Image.Image):
        return None
    seen = to_input(loaded, photograph)
    size = photograph.size
    black, white = (to_input(loaded, plain_picture(size, value)) for value in (0, 255))
    gain = white - black
    if seen.dim() != 4 or seen.shape[1] not in (1, 3) or bool((gain.abs() < FLAT).any()):
        return None
    height, width = seen.shape[-2:]
    down, right = (axis_mapping(loaded, size, axis, black, gain) for axis in (0, 1))
    if down.step <= 0 or right.step <= 0:
        return None
    more = min(margin, down.margin(height, size[1])), min(margin, right.margin(width, size[0]))
    (top, bottom), (left, end) = down.edges(height, more[0]), right.edges(width, more[1])
    box = (max(left, 0.0), max(top, 0.0), min(end, size[0]), min(bottom, size[1]))
    if box[0] >= box[2] or box[1] >= box[3]:
        return None
    shape = (width + 2 * more[1], height + 2 * more[0])
    colours = resized(photograph, shape, box, seen.shape[1]).to(seen)
    found = WideInput(black[..., :1, :1] + gain[..., :1, :1] * colours, (height, width))
    return found if agrees(found, seen, gain) else None


def axis_mapping(
    loaded: LoadedModel, size: tuple[int, int], axis: int, black: torch.Tensor, gain: torch.Tensor
) -> AxisMapping:
    """Which rows (axis 0) or columns (axis 1) of a photograph (width, height) a model sees.

    One ramp has but 256 greys; the mean of ramps that are rounded at different places has more.
    """
    ramps = [to_input(loaded, ramp(size, axis, shift / RAMPS)) for shift in range(RAMPS)]
    brightness = ((torch.cat(ramps).mean(0, keepdim=True) - black) / gain).mean((0, 1, 3 - axis))
    return fitted_axis(brightness.cpu().numpy(), size[1 - axis])


def ramp(size: tuple[int, int], axis: int, shift: float) -> Image.Image:
    """A picture (width, height) from black at the first row (column) to white at the last.

    Args:
        size: of the picture.
        axis: 0 for rows, 1 for columns.
        shift: from 0 to 1, the part of a grey at which greys are rounded up.
    """
    width, height = size
    places = (np.arange((height, width)[axis]) + 0.5) / (height, width)[axis]
    greys = np.floor(255 * np.expand_dims(places, 1 - axis) + shift + 0.5 / RAMPS)
    pixels = np.broadcast_to(greys.clip(0, 255).astype(np.uint8), (height, width))
    return Image.fromarray(pixels.copy()).convert("RGB")


def fitted_axis(brightness: NDArray[np.floating], extent: int) -> AxisMapping:
    """Where rows lie in a photograph of ``extent`` rows, by their brightness in a ramp."""
    step, start = np.polyfit(np.arange(len(brightness)), brightness.astype(float) * extent, 1)
    return AxisMapping(float(start), float(step))


def resized(
    photograph: Image.Image,
    shape: tuple[int, int],
    box: tuple[float, float, float, float],
    channels: int,
) -> torch.Tensor:
    """A box (left, top, right, bottom) as colours (1, channels, H, W) in [0, 1]."""
    picture = photograph.convert("L") if channels == 1 else photograph
    scaled = picture.resize(shape, Image.Resampling.BICUBIC, box=box)
    pixels = torch.from_numpy(np.asarray(scaled, dtype=np.float32) / 255)
    return pixels.view(shape[1], shape[0], channels).permute(2, 0, 1)[None]


def agrees(wide: WideInput, seen: torch.Tensor, gain: torch.Tensor) -> bool:
    """Whether the centre of a wide input is what the model's own preprocessing gives."""
    top, left = ((a - b) // 2 for a, b in zip(wide.pixels.shape[-2:], seen.shape[-2:], strict=True))
    height, width = seen.shape[-2:]
    centre = wide.pixels[..., top : top + height, left : left + width]
    return bool(((centre - seen) / gain).abs().mean() < TOLERANCE)
