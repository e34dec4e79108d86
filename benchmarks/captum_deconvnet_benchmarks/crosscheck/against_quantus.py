"""Ours beside Quantus, with arguments that make the two mean the same."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet_benchmarks.crosscheck.quantus_metrics import QuantusBenchmark, quietly
from captum_deconvnet_benchmarks.crosscheck.tensors import SIDE, Comparison, Pair, tensors
from captum_deconvnet_benchmarks.metrics.complexity import ComplexityBenchmark
from captum_deconvnet_benchmarks.metrics.deletion import DeletionInsertionBenchmark
from captum_deconvnet_benchmarks.metrics.localisation import LocalisationBenchmark
from captum_deconvnet_benchmarks.metrics.randomisation import RandomisationBenchmark
from captum_deconvnet_benchmarks.metrics.randomised_model import Randomisation
from captum_deconvnet_benchmarks.metrics.similarity import absolute_spearman
from captum_deconvnet_benchmarks.selftest.subjects import gradient

QUANTUS_SEED = 42


def of_map(metric: str, build: Any, name: str, factor: float = 1, **choices: Any) -> Pair:
    """A metric that looks at the map alone."""
    model, images, target, _, regions, explainer = tensors()
    call: dict[str, Any] = {"attributions": tensors().space, "regions": regions}
    ours = build(model, channels="absolute", **choices).evaluate(explainer, images, target, **call)
    theirs = QuantusBenchmark(model, metric).evaluate(explainer, images, target, **call)
    return ours.values[name] * factor, theirs.values[metric.lower()]


def pixel_flipping() -> Pair:
    """Our deletion curve without its first point, and theirs; all channels of a pixel at once."""
    quantus: Any = importlib.import_module("quantus")

    model, images, target, _, _, explainer = tensors()
    space, pixels, steps = tensors().space, SIDE**2, 8
    ours = DeletionInsertionBenchmark(model, steps=steps, output="logit").evaluate(
        explainer, images, target, attributions=space
    )
    colourless = _Grey(model, images).eval()
    metric = quantus.PixelFlipping(
        features_in_step=pixels // steps,
        perturb_baseline=0.0,
        abs=False,
        normalise=False,
        disable_warnings=True,
        perturb_func=_flip,
    )
    with quietly():
        theirs = metric(
            model=colourless,
            x_batch=torch.ones_like(space).numpy(),
            y_batch=target.numpy(),
            a_batch=space.numpy(),
            softmax=False,
        )
    return ours.curves["deletion"].y[:, 1:], torch.tensor(theirs)


class _Grey(torch.nn.Module):
    """A net of masks (N, 1, H, W): the model on the images under them."""

    def __init__(self, model: torch.nn.Module, images: Tensor) -> None:
        super().__init__()
        self.model, self.images = model, images

    def forward(self, masks: Tensor) -> Tensor:
        found: Tensor = self.model(self.images * masks.double())
        return found


def _flip(arr: Any, indices: Any, **_: Any) -> Any:
    """Set the entries of rows to zero."""
    arr = arr.copy()
    for row, places in zip(arr, indices, strict=True):
        row[places] = 0
    return arr


def randomisation() -> Pair:
    """Stage by stage, with Quantus' seeds: it uses 43 for every layer."""
    quantus: Any = importlib.import_module("quantus")

    model, images, target, maps, _, explainer = tensors()
    benchmark = RandomisationBenchmark(model, stages=None, norms="reset")
    benchmark.randomisation = _QuantusSeeds(stages=None, norms="reset")
    ours = benchmark.evaluate(explainer, images, target, attributions=maps)

    def explain(model: Any, inputs: Any, targets: Any, **_: Any) -> Any:
        images, classes = torch.as_tensor(inputs).double(), torch.as_tensor(targets)
        return gradient(model, images, classes).sum(1, keepdim=True).numpy()

    with quietly(), torch.random.fork_rng(devices=[]):
        metric = quantus.MPRT(seed=QUANTUS_SEED, disable_warnings=True, normalise=False)
        theirs = metric(
            model=model,
            x_batch=images.numpy(),
            y_batch=target.numpy(),
            a_batch=tensors().space.numpy(),
            explain_func=explain,
        )
    rows = [torch.tensor(values) for values in theirs.values()]
    return ours.curves["absolute_spearman"].y, torch.stack(rows, 1)


class _QuantusSeeds(Randomisation):
    """The seed that Quantus gives every layer."""

    def layer_seed(self, path: str) -> int:
        return QUANTUS_SEED + 1


def spearman() -> Pair:
    """The similarity behind it."""
    from quantus.functions.similarity_func import correlation_spearman

    left, right = tensors().maps.flatten(1), tensors().images.flatten(1)
    theirs = [
        correlation_spearman(a.abs().numpy(), b.numpy()) for a, b in zip(left, right, strict=True)
    ]
    return absolute_spearman(left, right), torch.tensor(theirs)


def comparisons() -> list[Comparison]:
    """All with Quantus."""
    sizes, boxes = ComplexityBenchmark, LocalisationBenchmark
    rows: list[tuple[str, Any, float, str]] = [
        ("complexity: sparseness", ("Sparseness", sizes, "sparseness"), 1e-4, "its epsilon"),
        ("complexity: entropy", ("Complexity", sizes, "complexity"), 1e-6, ""),
        (
            "complexity: used",
            ("EffectiveComplexity", sizes, "effective_complexity", SIDE**2),
            0,
            "ours times the pixels",
        ),
        ("localisation: mass", ("RelevanceMassAccuracy", boxes, "mass"), 1e-9, "absolute maps"),
        ("localisation: rank", ("RelevanceRankAccuracy", boxes, "rank"), 1e-9, "absolute maps"),
    ]
    maps = [
        Comparison(metric, "Quantus", partial(of_map, *call), tolerance, remark)
        for metric, call, tolerance, remark in rows
    ]
    return [
        *maps,
        Comparison(
            "deletion curve", "Quantus", pixel_flipping, 1e-5, "channels together; no first point"
        ),
        Comparison("randomisation", "Quantus", randomisation, 1e-6, "its seeds, all layers"),
        Comparison("absolute Spearman", "Quantus", spearman, 1e-9),
    ]
