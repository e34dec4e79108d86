"""Random small nets whose windows lie oddly.

Pools wider than their map, units that see only padding, mirrored borders, rows and channels
carried in the place of the images. A row of a table makes a module from the shape of the map
that it will be given and a source of chance; what torch refuses is left out.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

REFUSED = (RuntimeError, ValueError, IndexError, TypeError, ZeroDivisionError)
REFUSED += (AttributeError, AssertionError)  # no filter for as many dimensions
LARGEST = 600
LAYERS = 5


class Function(nn.Module):
    """A function of one map, with what it keeps."""

    def __init__(self, function, *parts):
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, t):
        return self.function(t, *self.parts)


def plainly(function):
    """A row for a function of a map, its number of spatial dimensions and chance."""

    def row(shape, chance):
        dims, seed = len(shape) - 2, chance.random()
        return Function(lambda t: function(t, dims, random.Random(seed)))

    return row


def each(dims, chance, lowest, highest):
    """A number for every spatial dimension."""
    return tuple(chance.randint(lowest, highest) for _ in range(dims))


def module(name, dims):
    return getattr(nn, f"{name}{dims}d")


def max_pool(shape, chance):
    dims = len(shape) - 2
    kernel = each(dims, chance, 1, 7)
    return module("MaxPool", dims)(
        kernel,
        each(dims, chance, 1, 4),
        tuple(chance.randint(0, size // 2) for size in kernel),
        chance.choice((1, 1, 2, 3)),
        ceil_mode=chance.random() < 0.4,
    )


def wide_pool(shape, chance):
    """As in spatial pyramid pooling: as large as the map or larger, every place kept."""
    dims, size = len(shape) - 2, chance.choice((3, 5, 9, 13))
    return module("MaxPool", dims)(size, 1, size // 2)


def average_pool(shape, chance):
    dims = len(shape) - 2
    kernel = each(dims, chance, 1, 5)
    return module("AvgPool", dims)(
        kernel,
        each(dims, chance, 1, 3),
        tuple(chance.randint(0, size // 2) for size in kernel),
        ceil_mode=chance.random() < 0.4,
        count_include_pad=chance.random() < 0.5,
    )


def adaptive(name):
    """To any size, larger ones included."""

    def row(shape, chance):
        dims = len(shape) - 2
        return module(name, dims)(each(dims, chance, 1, 6))

    return row


def fractional(shape, chance):
    samples = torch.rand(shape[0], shape[1], 2).double()
    return nn.FractionalMaxPool2d(
        chance.randint(1, 3), output_ratio=chance.uniform(0.4, 0.9), _random_samples=samples
    )


def convolution(shape, chance):
    dims, groups = len(shape) - 2, chance.choice((1, 1, 1, 2, shape[1]))
    mode = chance.choice(("zeros", "zeros", "reflect", "replicate", "circular"))
    return module("Conv", dims)(
        shape[1],
        2 * max(groups, 1) if groups < 3 else shape[1],
        each(dims, chance, 1, 4),
        each(dims, chance, 1, 3),
        each(dims, chance, 0, 3),
        each(dims, chance, 1, 2),
        groups,
        padding_mode=mode,
    )


def same_convolution(shape, chance):
    dims = len(shape) - 2
    sizes = tuple(chance.choice((1, 3, 5)) for _ in range(dims))
    return module("Conv", dims)(shape[1], 2, sizes, padding="same", dilation=chance.randint(1, 2))


def transposed(shape, chance):
    dims, stride = len(shape) - 2, chance.randint(1, 3)
    return module("ConvTranspose", dims)(
        shape[1],
        2,
        each(dims, chance, 1, 4),
        stride,
        chance.randint(0, 2),
        chance.randint(0, stride - 1),
        dilation=chance.randint(1, 2),
    )


def border(t, dims, chance):
    """Amounts of their own on every side; negative ones crop."""
    mode = chance.choice(("constant", "reflect", "replicate", "circular"))
    lowest = -1 if mode in ("constant", "replicate") else 0
    return F.pad(t, [chance.randint(lowest, 3) for _ in range(2 * dims)], mode)


def resample(t, dims, chance):
    smooth = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}[dims]
    mode = chance.choice(["nearest", "nearest-exact", "area", *smooth])
    options = {"align_corners": chance.random() < 0.5} if mode in smooth else {}
    if mode in ("bilinear", "bicubic") and chance.random() < 0.4:
        options["antialias"] = True
    if chance.random() < 0.5:
        return F.interpolate(t, each(dims, chance, 1, 9), mode=mode, **options)
    return F.interpolate(
        t, scale_factor=chance.choice((0.4, 0.7, 1.5, 2.3, 2)), mode=mode, **options
    )


def any_dim(t, chance, first=1):
    return chance.randrange(first, t.dim())


def sliced(t, dims, chance):
    index = [slice(None)] * t.dim()
    for dim in range(2, t.dim()):
        index[dim] = slice(chance.randint(0, 2), None, chance.randint(1, 3))
    return t[tuple(index)]


def chosen(t, dims, chance):
    dim = any_dim(t, chance)
    places = [chance.randrange(t.shape[dim]) for _ in range(chance.randint(1, 5))]
    return t.index_select(dim, torch.tensor(places))


def gathered(t, dims, chance):
    dim = any_dim(t, chance, 2)
    index = torch.arange(t.numel()).view(t.shape) * 7 % t.shape[dim]
    return t.gather(dim, index)


def sampled(t, dims, chance):
    turn = torch.tensor([[0.8, 0.3, 0.1], [-0.4, 0.9, -0.2]], dtype=t.dtype)
    grid = F.affine_grid(turn.expand(len(t), 2, 3), (len(t), 1, 3, 4), align_corners=False)
    return F.grid_sample(
        t,
        grid,
        chance.choice(("bilinear", "nearest", "bicubic")),
        chance.choice(("zeros", "border", "reflection")),
        align_corners=False,
    )


def pieces(t, dims, chance):
    """Rows in another order, side by side."""
    dim = any_dim(t, chance, 2)
    size = t.shape[dim]
    cut = sorted(chance.randint(0, size) for _ in range(2))
    bounds = list(zip([0, *cut], [*cut, size], strict=True))
    chance.shuffle(bounds)
    return torch.cat([t.narrow(dim, a, b - a) for a, b in bounds if b > a], dim)


def low_pass(t, dims, chance):
    spectrum = torch.fft.rfft2(t)
    return torch.fft.irfft2(spectrum * torch.linspace(1, 0.2, spectrum.shape[-1]), s=t.shape[-2:])


def turned_axes(t, dims, chance):
    order = list(range(2, t.dim()))
    chance.shuffle(order)
    return t.permute(0, 1, *order)


def to_depth(t, dims, chance):
    """Every second row and column become channels: by slices, by a view, by pixel unshuffle."""
    t = t[:, :, : t.shape[2] // 2 * 2, : t.shape[3] // 2 * 2]
    n, c, h, w = t.shape
    way = chance.randrange(3)
    if way == 0:
        return torch.cat([t[:, :, a::2, b::2] for a in (0, 1) for b in (0, 1)], 1)
    if way == 1:
        t = t.view(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4)
        return t.reshape(n, 4 * c, h // 2, w // 2)
    return F.pixel_unshuffle(t, 2)


def unfolded(t, dims, chance):
    return F.unfold(t, (2, 3), padding=1, stride=chance.randint(1, 2))


def folded(t, dims, chance):
    columns = F.unfold(t, 2, padding=1)
    return F.fold(columns, t.shape[2:], 2, padding=1)


MAPS = {
    "max pool": max_pool,
    "wide max pool": wide_pool,
    "average pool": average_pool,
    "adaptive maximum": adaptive("AdaptiveMaxPool"),
    "adaptive average": adaptive("AdaptiveAvgPool"),
    "fractional maximum": fractional,
    "convolution": convolution,
    "same convolution": same_convolution,
    "transposed convolution": transposed,
    "border": plainly(border),
    "resample": plainly(resample),
    "slice": plainly(sliced),
    "index": plainly(chosen),
    "gather": plainly(gathered),
    "grid sample": plainly(sampled),
    "pieces": plainly(pieces),
    "roll": plainly(lambda t, d, c: t.roll(c.randint(-3, 3), any_dim(t, c))),
    "flip": plainly(lambda t, d, c: t.flip(any_dim(t, c))),
    "quarter turn": plainly(lambda t, d, c: t.rot90(1, (-2, -1))),
    "other order of axes": plainly(turned_axes),
    "space to depth": plainly(to_depth),
    "depth to space": plainly(lambda t, d, c: F.pixel_shuffle(torch.cat([t] * 4, 1), 2)),
    "unfold": plainly(unfolded),
    "unfold and fold": plainly(folded),
    "windows of a view": plainly(lambda t, d, c: t.unfold(-1, 2, c.randint(1, 3)).flatten(-2)),
    "low pass": plainly(low_pass),
    "repeat": plainly(lambda t, d, c: t.repeat(1, 1, *each(d, c, 1, 2))),
    "repeat each": plainly(lambda t, d, c: t.repeat_interleave(2, any_dim(t, c))),
    "running sum": plainly(lambda t, d, c: t.cumsum(any_dim(t, c))),
    "triangle": plainly(lambda t, d, c: t.triu(c.randint(-1, 1))),
    "sum with its mean": plainly(lambda t, d, c: t + t.mean(any_dim(t, c), keepdim=True)),
    "sum with its mirror": plainly(lambda t, d, c: t + t.flip(-1)),
    "one row": plainly(lambda t, d, c: t.mean(2, keepdim=True)),
    "maximum of rows": plainly(lambda t, d, c: t.max(-1, keepdim=True)[0] + t * 0.5),
    "matrix from the left": lambda shape, chance: Mixed(shape[-2]),
    "batch norm": lambda shape, chance: module("BatchNorm", len(shape) - 2)(shape[1]),
    "relu": lambda shape, chance: nn.ReLU(chance.random() < 0.3),
    "leaky": lambda shape, chance: nn.PReLU(shape[1]),
    "maximum with a shift": plainly(lambda t, d, c: torch.maximum(t, t.roll(1, -1))),
}


class Mixed(nn.Module):
    """Rows mixed by one matrix, from the left: an MLP over positions."""

    def __init__(self, rows):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, rows) / rows)

    def forward(self, t):
        return self.weight @ t


def there_and_back(there, back):
    """A row that carries a dimension in another's place, runs a layer there, and brings it back."""

    def row(shape, chance):
        given = torch.zeros(shape).double()
        carried = there(given)
        inner, after = layer_for(carried.shape, chance), nn.ReLU()
        return Carried(there, back if chance.random() < 0.7 else None, inner, after)

    return row


class Carried(nn.Module):
    def __init__(self, there, back, *inner):
        super().__init__()
        self.there, self.back, self.inner = there, back, nn.Sequential(*inner)

    def forward(self, t):
        made = self.inner(self.there(t))
        return made if self.back is None else self.back(made, t)


def layer_for(shape, chance):
    """A filter or pool that keeps the size of a map of this shape."""
    dims = len(shape) - 2
    filters = module("Conv", dims)(shape[1], shape[1], 3, padding=1)
    return chance.choice((filters, filters, module("MaxPool", dims)(3, 1, 1)))


def blocks(t, size=2):
    """(N, C, H, W) cut to whole windows, each as an image: (N * windows, C, size, size)."""
    n, c, h, w = t.shape
    t = t[:, :, : h // size * size, : w // size * size].reshape(n, c, h // size, size, -1, size)
    return t.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)


def unblocked(made, t, size=2):
    n, _, h, w = t.shape
    made = made.unflatten(0, (n, h // size, w // size)).permute(0, 3, 1, 4, 2, 5)
    return made.flatten(4, 5).flatten(2, 3)


CARRIED = {
    "channels as images": there_and_back(
        lambda t: t.flatten(0, 1).unsqueeze(1), lambda y, t: y.view(t.shape)
    ),
    "rows as images": there_and_back(
        lambda t: t.transpose(1, 2).flatten(0, 1),
        lambda y, t: y.unflatten(0, (len(t), -1)).transpose(1, 2),
    ),
    "columns as images": there_and_back(
        lambda t: t.movedim(-1, 1).flatten(0, 1),
        lambda y, t: y.unflatten(0, (len(t), -1)).movedim(1, -1),
    ),
    "windows as images": there_and_back(blocks, unblocked),
    "rows as channels": there_and_back(lambda t: t.transpose(1, 2), lambda y, t: y.transpose(1, 2)),
    "rows and channels as channels": there_and_back(
        lambda t: t.flatten(1, 2), lambda y, t: y.view(t.shape)
    ),
    "images as channels": there_and_back(
        lambda t: t.transpose(0, 1) if len(t) == 1 else t[:1].transpose(0, 1),
        lambda y, t: y.transpose(0, 1).expand_as(t),
    ),
    "places in a row": there_and_back(lambda t: t.flatten(2), lambda y, t: y.view(t.shape)),
    "columns as rows": there_and_back(
        lambda t: t.transpose(-1, -2), lambda y, t: y.transpose(-1, -2)
    ),
    "one image": there_and_back(
        lambda t: t.squeeze(0) if len(t) == 1 else t, lambda y, t: y.view(t.shape)
    ),
}

OPERATIONS: dict[str, Callable] = {**MAPS, **CARRIED}
SHAPES = ((1, 9), (1, 1), (4, 5), (7, 7), (9, 6), (12,), (1,), (3, 4, 5), (1, 6, 2))


def net(seed):
    """(net, images): a filter and up to five operations that torch accepts, of random geometry."""
    chance = random.Random(seed)
    torch.manual_seed(seed)
    size = chance.choice(SHAPES)
    images = torch.randn(chance.randint(1, 3), chance.randint(1, 3), *size).double()
    first = module("Conv", len(size))(images.shape[1], 2, 3, padding=chance.randint(1, 3))
    layers = [first.double().eval()]
    for _ in range(chance.randint(1, LAYERS)):
        name = chance.choice(sorted(chance.choice((MAPS, MAPS, CARRIED))))
        add(layers, name, images, chance)
    return nn.Sequential(*layers).eval(), images


def add(layers, name, images, chance):
    """Append an operation, unless torch refuses it or its map is large or not finite."""
    try:
        with torch.no_grad():
            entered = nn.Sequential(*layers)(images.clone())
            layer = OPERATIONS[name](entered.shape, chance).double().eval()
            layer.name = name
            made = nn.Sequential(*layers, layer)(images.clone())
        if (
            bool(made.isfinite().all())
            and 0 < made.numel() <= LARGEST * len(images)
            and 2 < made.dim() < 6
        ):
            layers.append(layer)
    except REFUSED:
        return
