"""Compares the first two layers of some nets: a figure and a table."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import torch
from torch import Tensor, nn

from captum_deconvnet import LoadedModel, load_model
from captum_deconvnet.cli.loading import device_of
from captum_deconvnet.errors import unknown_name
from captum_deconvnet.pictures.style import save
from captum_deconvnet_zfnet.data.batches import read
from captum_deconvnet_zfnet.data.crops import central_crop
from captum_deconvnet_zfnet.data.opening import open_data
from captum_deconvnet_zfnet.filters.figure import filter_figure
from captum_deconvnet_zfnet.filters.kinds import Kinds, kinds
from captum_deconvnet_zfnet.filters.measures import LayerMeasures, measure
from captum_deconvnet_zfnet.filters.pictures import filter_pictures
from captum_deconvnet_zfnet.training.whole_file import write_whole

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
    write_whole(out, content.getvalue())
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
