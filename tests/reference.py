"""Slow, literal deconvnets to test the engine against; they share no code with it.

Three independent answers, from the most literal to the most general:

* one layer, by loops and index arithmetic (`paste_filters`, `switches`, `spread_averages`...);
* a whole chain of modules, each sent back by its literal layer (`project`);
* any torch model, by surgery: its activations are swapped for an autograd function that
  rectifies the gradient, and autograd does the rest (`project_by_surgery`).
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops.misc import SqueezeExcitation

# ---------------------------------------------------------------------------------------------
# One layer, by hand


def pair(value: int | Sequence[int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def paste_filters(
    signal: Tensor,
    weight: Tensor,
    input_size: tuple[int, int],
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Tensor:
    """The adjoint of a convolution: each filter pasted where its map is active, times the value."""
    (sh, sw), (ph, pw), (dh, dw) = pair(stride), pair(padding), pair(dilation)
    outputs, group_inputs, kh, kw = weight.shape
    rows = max(input_size[0] + 2 * ph, (signal.shape[2] - 1) * sh + dh * (kh - 1) + 1)
    columns = max(input_size[1] + 2 * pw, (signal.shape[3] - 1) * sw + dw * (kw - 1) + 1)
    canvas = signal.new_zeros(signal.shape[0], group_inputs * groups, rows, columns)
    for output, i, j in itertools.product(
        range(outputs), range(signal.shape[2]), range(signal.shape[3])
    ):
        group = output // (outputs // groups)
        inputs = slice(group * group_inputs, (group + 1) * group_inputs)
        down = slice(i * sh, i * sh + dh * (kh - 1) + 1, dh)
        across = slice(j * sw, j * sw + dw * (kw - 1) + 1, dw)
        value = signal[:, output, i, j].view(-1, 1, 1, 1)
        canvas[:, inputs, down, across] += value * weight[output]
    return fold_border(canvas, input_size, (ph, pw), padding_mode)


def border_source(position: int, size: int, padding_mode: str) -> int | None:
    """The pixel that padding copies to ``position`` (negative or beyond ``size``), if any."""
    if 0 <= position < size:
        return position
    if padding_mode == "reflect":
        return -position if position < 0 else 2 * (size - 1) - position
    if padding_mode == "replicate":
        return 0 if position < 0 else size - 1
    if padding_mode == "circular":
        return position % size
    return None


def fold_border(
    canvas: Tensor, size: tuple[int, int], padding: tuple[int, int], padding_mode: str
) -> Tensor:
    """The adjoint of padding: what lies on the border is added to the pixel it was copied from."""
    folded = canvas.new_zeros(*canvas.shape[:2], *size)
    for row, column in itertools.product(range(canvas.shape[2]), range(canvas.shape[3])):
        to_row = border_source(row - padding[0], size[0], padding_mode)
        to_column = border_source(column - padding[1], size[1], padding_mode)
        if to_row is not None and to_column is not None:
            folded[:, :, to_row, to_column] += canvas[:, :, row, column]
    return folded


def windows(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> list[list[int]]:
    """The input positions each pooling window covers on one axis; padding is left out."""
    span = dilation * (kernel - 1) + 1
    steps = (size + 2 * padding - span) / stride
    count = (math.ceil(steps) if ceil_mode else math.floor(steps)) + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1  # a window may not start in the right-hand padding
    starts = [index * stride - padding for index in range(count)]
    return [
        [start + dilation * k for k in range(kernel) if 0 <= start + dilation * k < size]
        for start in starts
    ]


Switch = tuple[int, int, int, int, int, int]  # image, channel, pooled row, column, row, column


def switches(
    entered: Tensor,
    kernel: int | Sequence[int],
    stride: int | Sequence[int],
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> list[Switch]:
    """Where each window's maximum sits; of equal maxima, the first in reading order."""
    axes = zip(pair(kernel), pair(stride), pair(padding), pair(dilation), strict=True)
    down, across = (
        windows(size, *axis, ceil_mode) for size, axis in zip(entered.shape[2:], axes, strict=True)
    )
    values = entered.tolist()
    found = []
    for n, c in itertools.product(range(entered.shape[0]), range(entered.shape[1])):
        plane = values[n][c]
        for (i, rows), (j, columns) in itertools.product(enumerate(down), enumerate(across)):
            places = list(itertools.product(rows, columns))
            row, column = max(places, key=lambda place: plane[place[0]][place[1]])
            found.append((n, c, i, j, row, column))
    return found


def unpool(signal: Tensor, found: list[Switch], input_size: tuple[int, int]) -> Tensor:
    """Every pooled value is added at its switch."""
    unpooled = signal.new_zeros(*signal.shape[:2], *input_size)
    for n, c, i, j, row, column in found:
        unpooled[n, c, row, column] += signal[n, c, i, j]
    return unpooled


def unpool_to_centres(signal: Tensor, input_size: tuple[int, int], kernel: int) -> Tensor:
    """Without switches: a value goes to the centre of its window (odd, not overlapping)."""
    unpooled = signal.new_zeros(*signal.shape[:2], *input_size)
    for i, j in itertools.product(range(signal.shape[2]), range(signal.shape[3])):
        unpooled[:, :, i * kernel + kernel // 2, j * kernel + kernel // 2] += signal[:, :, i, j]
    return unpooled


def spread_averages(
    signal: Tensor,
    input_size: tuple[int, int],
    kernel: int | Sequence[int],
    stride: int | Sequence[int],
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The adjoint of average pooling: a value is shared out over its window."""
    kernel, stride, padding = pair(kernel), pair(stride), pair(padding)
    axes = zip(input_size, kernel, stride, padding, strict=True)
    down, across = (windows(size, k, s, p, 1, ceil_mode) for size, k, s, p in axes)

    def padded_length(axis: int, index: int) -> int:
        start = index * stride[axis] - padding[axis]
        return min(start + kernel[axis], input_size[axis] + padding[axis]) - start

    spread = signal.new_zeros(*signal.shape[:2], *input_size)
    for (i, rows), (j, columns) in itertools.product(enumerate(down), enumerate(across)):
        counted = padded_length(0, i) * padded_length(1, j)
        divisor = divisor_override or (counted if count_include_pad else len(rows) * len(columns))
        for row, column in itertools.product(rows, columns):
            spread[:, :, row, column] += signal[:, :, i, j] / divisor
    return spread


def spread_adaptive_averages(signal: Tensor, input_size: tuple[int, int]) -> Tensor:
    """The adjoint of adaptive average pooling, whose windows may differ in size."""

    def cells(size: int, count: int) -> list[range]:
        return [range(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]

    spread = signal.new_zeros(*signal.shape[:2], *input_size)
    down, across = cells(input_size[0], signal.shape[2]), cells(input_size[1], signal.shape[3])
    for (i, rows), (j, columns) in itertools.product(enumerate(down), enumerate(across)):
        for row, column in itertools.product(rows, columns):
            spread[:, :, row, column] += signal[:, :, i, j] / (len(rows) * len(columns))
    return spread


def matrix(function: Callable[[Tensor], Tensor], shape: Sequence[int]) -> Tensor:
    """The matrix of an affine function, column by column: (outputs, inputs), without its bias."""
    size = math.prod(shape)
    basis = torch.eye(size, dtype=torch.float64).reshape(size, *shape)
    bias = function(torch.zeros(1, *shape, dtype=torch.float64))
    columns = [(function(column.unsqueeze(0)) - bias).flatten() for column in basis]
    return torch.stack(columns, dim=1).detach()


# ---------------------------------------------------------------------------------------------
# A chain of modules, each sent back by its literal layer


@dataclass(frozen=True)
class Family:
    """The three booleans of Mahendran & Vedaldi; the default is the deconvnet."""

    relu_mask: bool = False
    pool_switches: bool = True
    relu_backward: bool = True


DECONVNET = Family()


class Skip(nn.Sequential):
    """A residual block: its input plus what its modules make of it."""

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


class Fork(nn.ModuleList):
    """Branches side by side, concatenated along the channels."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self], dim=1)


def project(
    modules: Sequence[nn.Module] | nn.Sequential,
    image: Tensor,
    seed: Tensor,
    family: Family = DECONVNET,
) -> Tensor:
    """Send ``seed``, placed on the output of the last module, back to the pixels."""
    entered = []
    with torch.no_grad():
        for module in modules:
            entered.append(image)
            image = module(image.clone())
        for module, before in zip(reversed(list(modules)), reversed(entered), strict=True):
            seed = send_back(module, before, seed, family)
    return seed


def one_hot(output: Tensor, *index: int, value: float = 1.0) -> Tensor:
    """A seed of ``value`` at the same ``index`` of every image, zero elsewhere."""
    seed = torch.zeros_like(output)
    seed[(slice(None), *index)] = value
    return seed


def send_back(module: nn.Module, before: Tensor, signal: Tensor, family: Family) -> Tensor:
    """One literal layer; ``before`` is what entered it on the way forward."""
    size = tuple(before.shape[2:])
    match module:
        case nn.Conv2d():
            return paste_filters(
                signal,
                module.weight,
                size,
                module.stride,
                module.padding,
                module.dilation,
                module.groups,
                module.padding_mode,
            )
        case nn.Linear():
            return signal @ module.weight
        case nn.ReLU() | nn.LeakyReLU():
            return rectify(before, signal, family, getattr(module, "negative_slope", 0.0))
        case nn.MaxPool2d():
            if not family.pool_switches:
                return unpool_to_centres(signal, size, module.kernel_size)
            geometry = (module.kernel_size, module.stride, module.padding, module.dilation)
            return unpool(signal, switches(before, *geometry, module.ceil_mode), size)
        case nn.AvgPool2d():
            return spread_averages(
                signal,
                size,
                module.kernel_size,
                module.stride,
                module.padding,
                module.ceil_mode,
                module.count_include_pad,
                module.divisor_override,
            )
        case nn.AdaptiveAvgPool2d():
            return spread_adaptive_averages(signal, size)
        case nn.BatchNorm2d():
            scale = module.weight / (module.running_var + module.eps).sqrt()
            return signal * scale.view(1, -1, 1, 1)
        case nn.Flatten():
            return signal.reshape(before.shape)
        case nn.Identity() | nn.Dropout() | nn.LocalResponseNorm():
            return signal
        case Skip():
            return signal + project(list(module), before, signal, family)
        case Fork():
            widths = [branch(before).shape[1] for branch in module]
            parts = zip(module, signal.split(widths, dim=1), strict=True)
            return sum(project(list(branch), before, part, family) for branch, part in parts)
        case nn.Sequential():
            return project(list(module), before, signal, family)
    raise TypeError(f"The reference has no literal layer for {module}.")


def rectify(before: Tensor, signal: Tensor, family: Family, slope: float = 0.0) -> Tensor:
    """max(signal, 0), or the row of Mahendran and Vedaldi's table that the three booleans name."""
    if family.relu_mask:
        signal = torch.where(before > 0, signal, slope * signal)
    if family.relu_backward:
        signal = torch.where(signal > 0, signal, slope * signal)
    return signal


# ---------------------------------------------------------------------------------------------
# Any model, by surgery: autograd with the activations' gradient replaced

RECTIFIED = (
    nn.ReLU,
    nn.ReLU6,
    nn.SiLU,
    nn.GELU,
    nn.Hardswish,
    nn.Mish,
    nn.ELU,
    nn.SELU,
    nn.CELU,
    nn.Softplus,
)


class Rectified(torch.autograd.Function):
    """Any activation forward, max(signal, 0) backward."""

    @staticmethod
    def forward(ctx, x: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
        return activation(x.clone())

    @staticmethod
    def backward(ctx, signal: Tensor) -> tuple[Tensor, None]:
        return signal.clamp(min=0), None


class RectifiedActivation(nn.Module):
    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return Rectified.apply(x, self.activation)


class ConstantGate(nn.Module):
    """A squeeze-excite block whose gate is a recorded constant."""

    def __init__(self, block: SqueezeExcitation) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        return x * self.block._scale(x).detach()


def operate(model: nn.Module) -> nn.Module:
    """Swap every activation module under ``model`` for its rectified twin, gates for constants."""
    for name, child in list(model.named_children()):
        if isinstance(child, SqueezeExcitation):
            setattr(model, name, ConstantGate(child))
        elif isinstance(child, RECTIFIED):
            setattr(model, name, RectifiedActivation(child))
        else:
            operate(child)
    return model


@contextmanager
def rectified_functions() -> Iterator[None]:
    """Within this block the functional ReLU rectifies the gradient as well."""

    def rectified(x: Tensor, inplace: bool = False) -> Tensor:
        return Rectified.apply(x, lambda values: values.clamp(min=0))

    with ExitStack() as stack:
        for owner in (F, torch, Tensor):
            stack.enter_context(mock.patch.object(owner, "relu", rectified))
        yield


def project_by_surgery(
    model: nn.Module, image: Tensor, index: Sequence[int], layer: str | None = None
) -> Tensor:
    """Project seed 1 at ``index`` of every image's output (or ``layer`` activation).

    Meant for models that never read a tensor after changing it in place.
    """
    twin = operate(copy.deepcopy(model)).requires_grad_(False)
    seen = []
    if layer is not None:
        twin.get_submodule(layer).register_forward_hook(lambda *call: seen.append(call[2]))
    image = image.detach().clone().requires_grad_()
    with rectified_functions(), torch.enable_grad():
        output = twin(image)
        chosen = seen[-1] if seen else output
        picked = chosen[(slice(None), *index)].sum()
        return torch.autograd.grad(picked, image)[0]


# ---------------------------------------------------------------------------------------------
# Receptive fields, by brute force


def sum_pool(x: Tensor, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, **_):
    """A pool that sees what a max pool sees, but never chooses."""
    (kh, kw), (sh, sw) = pair(kernel_size), pair(stride or kernel_size)
    (ph, pw), (dh, dw) = pair(padding), pair(dilation)
    rows = len(windows(x.shape[2], kh, sh, ph, dh, ceil_mode))
    columns = len(windows(x.shape[3], kw, sw, pw, dw, ceil_mode))
    ones = x.new_full((x.shape[1], 1, kh, kw), 1 / (kh * kw))
    padded = F.pad(x, (pw, pw + sw, ph, ph + sh))
    pooled = F.conv2d(padded, ones, None, (sh, sw), 0, (dh, dw), x.shape[1])
    return pooled[:, :, :rows, :columns]


@contextmanager
def nothing_chosen() -> Iterator[None]:
    """Within this block activations are identities and max pools are sums."""

    def identity(x: Tensor, *_, **__) -> Tensor:
        return x

    names = ("relu", "relu6", "hardtanh", "leaky_relu", "silu", "hardswish", "gelu")
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(mock.patch.object(F, name, identity))
        stack.enter_context(mock.patch.object(F, "max_pool2d", sum_pool))
        yield


def all_positive(model: nn.Module) -> nn.Module:
    """A float64 copy whose filters are all positive averages and whose norms do nothing."""
    twin = copy.deepcopy(model).double().eval().requires_grad_(False)
    for module in twin.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.weight.fill_(1 / module.weight[0].numel())
            if module.bias is not None:
                module.bias.zero_()
    return twin


def supports(
    model: nn.Module, layer: str, shape: Sequence[int], positions: Sequence[tuple[int, int]]
) -> list[tuple[int, int, int, int]]:
    """(top, left, bottom, right), half-open, of the pixels each position of ``layer`` sees."""
    twin, seen = all_positive(model), []
    twin.get_submodule(layer).register_forward_hook(lambda *call: seen.append(call[2]))
    image = torch.rand(1, *shape, dtype=torch.float64, requires_grad=True)
    with nothing_chosen():
        twin(image)
    boxes = []
    for row, column in positions:
        picked = seen[0][0, :, row, column].sum()
        (gradient,) = torch.autograd.grad(picked, image, retain_graph=True)
        touched = gradient[0].abs().sum(dim=0) > 0
        rows, columns = touched.any(dim=1).nonzero(), touched.any(dim=0).nonzero()
        edges = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
        boxes.append(tuple(int(edge) for edge in edges))
    return boxes
