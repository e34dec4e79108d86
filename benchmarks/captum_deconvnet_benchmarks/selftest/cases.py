"""All cases of the self-test: closed forms of every metric, and what theory says of deconvnets.

Theory: deconvnets ask little which class they explain (Nie et al. 2018), and products of positive
matrices converge to one direction (Sixt et al. 2020).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from statistics import fmean

import torch
from torch import Tensor, nn

from captum_deconvnet import DeconvNet
from captum_deconvnet_benchmarks.metrics.similarity import cosine, pearson
from captum_deconvnet_benchmarks.selftest import faithfulness, location, stability
from captum_deconvnet_benchmarks.selftest.case import Case
from captum_deconvnet_benchmarks.selftest.subjects import numbers

CLOSED_FORMS = (
    faithfulness.occlusion,
    faithfulness.deletion,
    faithfulness.road,
    faithfulness.infidelity,
    stability.invariance,
    stability.max_sensitivity,
    stability.class_sensitivity,
    stability.randomisation,
    location.correspondence,
    location.complexity,
    location.localisation,
)


def closed_forms() -> list[Case]:
    """All of them."""
    return [case for cases in CLOSED_FORMS for case in cases()]


SEEDS = range(4)
SIDE, FILTERS = 32, 256


def picture() -> Tensor:
    """A fixed picture (1, 3, 32, 32): a disc, stripes and a slope, each in a colour of its own."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    disc = ((rows - 14) ** 2 + (columns - 12) ** 2 < 64).float()
    stripes = (((rows + 2 * columns) // 6) % 2).float()
    return (torch.stack([disc, stripes, (rows + columns) / 62])[None] - 0.5) * 2


def random_net(seed: int, *, pools: bool) -> nn.Sequential:
    """256 random filters of 7 by 7, rectified, pooled or not, under a random linear layer."""
    conv = nn.Conv2d(3, FILTERS, 7, bias=False)
    conv.weight.data = numbers(FILTERS, 3, 7, 7, seed=seed).float() / 147**0.5
    side = (SIDE - 6) // (2 if pools else 1)
    head = nn.Linear(FILTERS * side**2, 2, bias=False)
    head.weight.data = numbers(2, FILTERS * side**2, seed=seed + 1000).float()
    pool = nn.MaxPool2d(2) if pools else nn.Identity()
    return nn.Sequential(conv, nn.ReLU(), pool, nn.Flatten(), head).eval()


@functools.cache
def likeness(relu: str, *, pools: bool) -> tuple[float, float]:
    """Mean correlation of maps with the picture, and of the maps of two classes."""
    image, found = picture(), []
    for seed in SEEDS:
        explain = DeconvNet(random_net(seed, pools=pools), relu=relu)
        maps = explain.attribute(image.expand(2, -1, -1, -1), target=torch.tensor([0, 1]))
        flat = maps.flatten(1)
        found.append((pearson(flat[:1], image.flatten(1)), pearson(flat[:1], flat[1:])))
    return fmean(float(own) for own, _ in found), fmean(float(both) for _, both in found)


def class_blindness() -> list[Case]:
    """Deconvnet's clean, class-blind pictures come from the switches of pooling."""
    rows = [
        ("gradient", False, 0, "<", 0.15),
        ("deconvnet", False, 0, "<", 0.15),
        ("guided", False, 0, ">", 0.4),
        ("gradient", True, 0, "<", 0.15),
        ("deconvnet", True, 0, ">", 0.25),
        ("deconvnet", False, 1, "<", 0.3),
        ("deconvnet", True, 1, ">", 0.75),
        ("guided", False, 1, ">", 0.75),
        ("gradient", True, 1, "<", 0.2),
    ]
    what = ("likeness to the picture", "likeness of two classes")

    def of(relu: str, pools: bool, index: int) -> Callable[[], float]:
        return lambda: likeness(relu, pools=pools)[index]

    return [
        Case(
            "class_sensitivity (theory)",
            f"{relu}, {'with' if pools else 'without'} max pool, {what[index]}",
            expected,
            of(relu, pools, index),
            relation=relation,
        )
        for relu, pools, index, relation, expected in rows
    ]


def signal_likeness(matrices: list[Tensor], seed: int = 0) -> list[float]:
    """Cosines of two random output vectors sent back through matrices, layer by layer."""
    signals = numbers(2, len(matrices[-1]), seed=seed).abs()
    found = []
    for matrix in reversed(matrices):
        signals = signals @ matrix
        found.append(float(cosine(signals[0], signals[1])))
    return found


def convergence() -> list[Case]:
    """Chains of positive matrices converge to one direction (Sixt et al. 2020)."""
    column, row = numbers(8, seed=1).abs() + 0.1, numbers(6, seed=2).abs() + 0.1
    positive = [numbers(8, 8, seed=seed).abs() for seed in range(12)]
    turning = [torch.linalg.qr(numbers(8, 8, seed=seed)).Q for seed in range(12)]
    name = "convergence (theory)"
    return [
        Case(
            name,
            "one positive matrix of rank 1",
            1,
            lambda: signal_likeness([torch.outer(column, row)])[0],
        ),
        Case(name, "twelve positive matrices", 1, lambda: signal_likeness(positive)[-1]),
        Case(
            name,
            "twelve rotations leave the angle",
            signal_likeness(turning)[0],
            lambda: signal_likeness(turning)[-1],
        ),
    ]


def theory() -> list[Case]:
    """All checks of theory."""
    return [*class_blindness(), *convergence()]
