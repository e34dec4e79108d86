"""Panels as tiles: cropped, brought to one size, stretched."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

import captum_deconvnet as cdn
from captum_deconvnet.cli.tile_store import TileStore
from captum_deconvnet.figures.crop import crop_of
from captum_deconvnet.figures.tile import Pixels, patch_tile, projection_tile
from captum_deconvnet.gallery.panels import Panel


def keep(store: TileStore, panel: Panel, loaded: cdn.LoadedModel) -> None:
    """Put the two tiles of a panel in the store."""
    projection, patch, factor = tiles(panel, loaded, store.size)
    store.put(panel, projection, patch, factor)


def tiles(panel: Panel, loaded: cdn.LoadedModel, size: int) -> tuple[Pixels, Pixels, float]:
    """The tiles of a panel, projection and patch, and by what the projection was stretched."""
    box = (panel.box.top, panel.box.left, panel.box.bottom, panel.box.right)
    crop = crop_of(box, panel.field.size, panel.field.image_size)
    projection, factor = projection_tile(rows(panel.projection), crop, size)
    return projection, patch_tile(rows(loaded.inverse_transform(panel.patch)), crop, size), factor


def rows(picture: torch.Tensor) -> NDArray[np.floating]:
    """A picture (C, h, w), or the middle frame of a clip, as (h, w, C) on the CPU."""
    still = picture[:, picture.shape[1] // 2] if picture.dim() == 4 else picture
    array: NDArray[np.floating] = still.detach().float().permute(1, 2, 0).cpu().numpy()
    return array
