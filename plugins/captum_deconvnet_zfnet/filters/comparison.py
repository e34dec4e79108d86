"""The first-layer filters of several nets side by side, as in the paper's Fig. 6."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from captum_deconvnet import LoadedModel, load_model
from captum_deconvnet.cli.loading import device_of
from captum_deconvnet.errors import unknown_name
from captum_deconvnet.pictures.style import in_plain_style, save
from captum_deconvnet.registry import write_bytes_whole
from captum_deconvnet_zfnet.data.batches import central_crop, read
from captum_deconvnet_zfnet.data.opening import open_data
from captum_deconvnet_zfnet.filters.measures import Kinds, LayerMeasures, kinds, measure


def filter_pictures(net: nn.Module, layer: str) -> Tensor:
    """Each filter of layer 1 or 2 in pixels: (filters, C, side, side), signed.

    A layer-2 filter is drawn as its transposed convolution onto the filters of layer 1, with every
    max pool in between passing the middle of its window. No data are needed; nothing is rectified.

    Args:
        net: of this plugin.
        layer: ``"layer1"`` or ``"layer2"``.
    """
    first = _conv(net, "layer1")
    if layer == "layer1":
        return first.weight.detach()
    weight = _conv(net, layer).weight.detach()
    jump = 2 if hasattr(net.get_submodule("layer1"), "pool") else 1
    side = (weight.shape[-1] - 1) * jump + 1
    spread = torch.zeros(*weight.shape[:2], side, side, dtype=weight.dtype)
    spread[..., ::jump, ::jump] = weight
    return F.conv_transpose2d(spread, first.weight.detach(), stride=first.stride[0])


def _conv(net: nn.Module, layer: str) -> nn.Conv2d:
    conv = net.get_submodule(f"{layer}.conv")
    assert isinstance(conv, nn.Conv2d)
    return conv


CELL = 4.2  # inches


@in_plain_style
def filter_figure(nets: Mapping[str, Sequence[tuple[str, Tensor]]]) -> Figure:
    """Draw the filters of some nets.

    All filters of one layer share one contrast, so that a filter that dominates shows; zero is
    mid grey.

    Args:
        nets: by name, for each layer its title and its filters (N, C, side, side), signed.

    Returns:
        A figure that belongs to no window.
    """
    columns = max(len(layers) for layers in nets.values())
    size = (CELL * columns, (CELL + 0.3) * len(nets))
    figure = Figure(figsize=size, dpi=160, facecolor="white", layout="constrained")
    axes = figure.subplots(len(nets), columns, squeeze=False)
    for row, (name, layers) in zip(axes, nets.items(), strict=True):
        for cell, (title, filters) in zip(row, layers, strict=True):
            cell.imshow(mosaic(filters.numpy()), interpolation="nearest", cmap="gray")
            cell.set_title(f"{name}  {title}", fontsize=8, family="monospace", loc="left")
            cell.set_axis_off()
    return figure


def mosaic(filters: NDArray[np.floating]) -> NDArray[np.floating]:
    """Filters (N, C, side, side) side by side, as colours in [0, 1] around mid grey, on white."""
    count, channels, side = filters.shape[:3]
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    largest = float(np.abs(filters).max()) or 1.0
    gap = max(1, side // 10)
    sheet = np.ones((rows * (side + gap) + gap, columns * (side + gap) + gap, 3))
    for index, weights in enumerate(filters):
        top = gap + (index // columns) * (side + gap)
        left = gap + (index % columns) * (side + gap)
        cell = 0.5 + 0.5 * weights.transpose(1, 2, 0) / largest
        sheet[top : top + side, left : left + side] = cell if channels in (1, 3) else cell.mean(-1)
    return sheet


LAYERS = ("layer1", "layer2")
TRIED = 500
"""Pictures of a data set that dead filters are looked for with."""

HEAD = f"{'model':28} {'layer':7} {'filters':>7} {'kernel':>6} {'stride':>6} {'rms':>7} "
HEAD += f"{'max/median':>10} {'frequency':>9} {'aliasing':>8} {'dead':>6} "
HEAD += f"{'edges':>6} {'colours':>7} {'either':>6}"


def compare(models: Sequence[str], data: Path | None, out: Path, device: str = "auto") -> str:
    """Write the figure of some nets' filters.

    Args:
        models: each a name, or ``name=file``.
        data: pictures that show which filters are dead; without them this is not measured.
        out: the figure's file, PNG.
        device: what kind the nets run on; auto is cuda where there is one, else the processor.

    Returns:
        The table of their measures.

    Raises:
        UnknownNameError: a model is none of this plugin's.
        WeightsError: a file does not fit.
    """
    place = device_of(device)
    loaded = [_loaded(model) for model in models]
    rows = [HEAD]
    drawn: dict[str, list[tuple[str, Tensor]]] = {}
    for spoken, net in zip(models, loaded, strict=True):
        pictures = _pictures(net, data)
        shown = None if pictures is None else pictures.to(place)
        measures = [measure(net.model.to(place), layer, shown) for layer in LAYERS]
        rows += [_row(net.name, each, _kinds(net.model, each.layer)) for each in measures]
        drawn[spoken.partition("=")[0] + f" {len(drawn) + 1}"] = [
            (layer, filter_pictures(net.model.cpu(), layer)) for layer in LAYERS
        ]
    content = io.BytesIO()
    save(filter_figure(drawn), content)
    write_bytes_whole(out, content.getvalue())
    return "\n".join(rows)


def _loaded(model: str) -> LoadedModel:
    name, _, weights = model.partition("=")
    if not name.startswith("zfnet/"):
        raise unknown_name("model of this plugin", name, ["zfnet/zfnet", "zfnet/alexnet"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return load_model(name, weights or "DEFAULT")


def _pictures(loaded: LoadedModel, data: Path | None) -> Tensor | None:
    """What the net is shown to find its dead filters."""
    if data is None:
        return None
    size = loaded.input_size[-1]
    found = open_data(data, size)
    count = min(TRIED, len(found.validation))
    pictures, _ = next(read(found.validation, [list(range(count))]))
    return central_crop(pictures, size)


def _kinds(net: nn.Module, layer: str) -> Kinds | None:
    """What the layer's filters are, if they are on colours."""
    weight = net.get_parameter(f"{layer}.conv.weight").detach().cpu()
    return kinds(weight) if weight.shape[1] in (1, 3) else None


def _row(name: str, each: LayerMeasures, told: Kinds | None) -> str:
    """One line of the table; what was not measured is a dash."""
    dead = "-" if each.dead is None else f"{each.dead:.0%}"
    found = ("-",) * 3 if told is None else tuple(f"{share:.0%}" for share in astuple(told))
    shares = f"{found[0]:>6} {found[1]:>7} {found[2]:>6}"
    return (
        f"{name:28} {each.layer:7} {each.filters:7} {each.kernel:6} {each.stride:6} "
        f"{each.median_rms:7.3f} {each.spread:10.2f} {each.centroid:9.3f} {each.aliasing:8.1%} "
        f"{dead:>6} {shares}"
    )
