"""Small nets for pictures of 1, 2, 3, 4 and 12 channels, with a max pool and without."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import nn

from captum_deconvnet.registry import LoadedModel

SIZE = 20


def transform(picture, *, channels):
    """Bands made of the grey levels of a picture."""
    small = picture.convert("L").resize((SIZE, SIZE))
    grey = torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)
    return torch.stack([grey ** (1 + band / 4) for band in range(channels)])


def inverse(inputs):
    return inputs


def loaded(channels, pool):
    torch.manual_seed(channels)
    net = nn.Sequential(
        nn.Conv2d(channels, 6, 3, padding=1), nn.ReLU(), pool, nn.Conv2d(6, 8, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5),
    ).eval()  # fmt: skip
    return LoadedModel(
        name=f"net_{channels}", model=net, transform=partial(transform, channels=channels),
        inverse_transform=inverse, input_size=(channels, SIZE, SIZE), stage_table=("1", "4"),
    )  # fmt: skip


def net_1():
    return loaded(1, nn.MaxPool2d(2))


def net_2():
    return loaded(2, nn.MaxPool2d(2))


def net_3():
    return loaded(3, nn.MaxPool2d(2))


def net_4():
    return loaded(4, nn.MaxPool2d(2))


def net_12():
    return loaded(12, nn.MaxPool2d(2))


def without_max_pool():
    return loaded(3, nn.AvgPool2d(2))


def dead():
    """A net whose last maps are 0 whatever it sees."""
    made = loaded(3, nn.MaxPool2d(2))
    nn.init.constant_(made.model[3].weight, 0.0)
    nn.init.constant_(made.model[3].bias, -1.0)
    return made
