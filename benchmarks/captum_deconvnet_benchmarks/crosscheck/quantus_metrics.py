"""Quantus' metrics under the harness's protocol: an optional extra, with pinned arguments."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.errors import MissingPackageError, UnsupportedOperationError, unknown_name
from captum_deconvnet_benchmarks.metrics.explanations import (
    CHANNELS,
    Model,
    check_channels,
    maps_of,
    net_of,
    seeds_or_numbers,
)
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Metric, Scores

PLAIN: dict[str, Any] = {"abs": True, "normalise": False}
PINNED: dict[str, tuple[str | None, dict[str, Any]]] = {
    "Sparseness": ("higher", PLAIN),
    "Complexity": ("lower", PLAIN),
    "EffectiveComplexity": ("lower", {"abs": True, "normalise": True}),
    "PointingGame": ("higher", PLAIN),
    "RelevanceMassAccuracy": ("higher", PLAIN),
    "RelevanceRankAccuracy": ("higher", PLAIN),
    "FaithfulnessCorrelation": (
        "higher",
        {
            "abs": False,
            "normalise": False,
            "nr_runs": 50,
            "subset_size": 224,
            "perturb_baseline": 0.0,
        },
    ),
}
"""The metrics offered: which direction is good, and every argument that is not Quantus' default."""
NEEDS_REGIONS = {"PointingGame", "RelevanceMassAccuracy", "RelevanceRankAccuracy"}

REFUSED = {
    "ROAD": "it raises an IndexError on images of three channels (0.6.0 and main)",
    "IROF": "it fails an assertion on images of three channels",
    "AUC": "it calls np.trapz, which NumPy 2.4 no longer has",
    "PixelFlippingAUC": "it calls np.trapz, which NumPy 2.4 no longer has",
    "NonSensitivity": "it raises a broadcasting error in 0.6.0",
}
"""What does not work there, and why."""


class QuantusBenchmark:
    """One of Quantus' metrics (LGPL-3, on NumPy arrays on the CPU), image by image.

    Args:
        model: the model.
        metric: the name of its class, such as ``"Sparseness"``.
        channels: how maps lose their channels before Quantus sees them.
        **arguments: of the class; pinned ones by default.

    Raises:
        UnsupportedOperationError: for a metric that is broken there, with the reason.
        MissingPackageError: Quantus is not installed.
        UnknownNameError: for any other metric that is not offered.
    """

    def __init__(
        self, model: Model, metric: str, *, channels: str = "signed", **arguments: Any
    ) -> None:
        """Build the metric of that name."""
        if metric in REFUSED:
            raise UnsupportedOperationError(f"Quantus' {metric} is refused: {REFUSED[metric]}.")
        if metric not in PINNED:
            raise unknown_name("Quantus metric", metric, PINNED, f"Offered: {', '.join(PINNED)}.")
        if not installed():
            raise MissingPackageError(
                "Quantus is not installed: pip install 'captum-deconvnet[crosscheck]'."
            )
        self.model, self.metric = net_of(model), metric
        self.channels = check_channels(channels)
        self.arguments = {**PINNED[metric][1], **arguments}

    def evaluate(
        self,
        explainer: BoundExplainer,
        inputs: Tensor,
        target: Tensor,
        *,
        attributions: Tensor | None = None,
        seeds: Sequence[int] | None = None,
        regions: Tensor | None = None,
    ) -> Scores:
        """One score, by the metric's name in small letters."""
        seeds = seeds_or_numbers(seeds, len(inputs))
        maps = CHANNELS[self.channels](maps_of(explainer, inputs, target, seeds, attributions))
        found = [
            self._one(
                inputs[n : n + 1],
                target[n : n + 1],
                maps[n][None, None],
                seed,
                None if regions is None else regions[n][None, None],
            )
            for n, seed in enumerate(seeds)
        ]
        return Scores({self.metric.lower(): torch.tensor(found, dtype=torch.float64)})

    def _one(
        self, image: Tensor, target: Tensor, maps: Tensor, seed: int, region: Tensor | None
    ) -> float:
        import quantus

        metric = getattr(quantus, self.metric)(disable_warnings=True, **self.arguments)
        with quietly(), seeded(seed):
            found = metric(
                model=self.model,
                x_batch=image.cpu().numpy(),
                y_batch=target.cpu().numpy(),
                a_batch=maps.cpu().numpy(),
                s_batch=None if region is None else region.double().cpu().numpy(),
                device=str(image.device),
                softmax=False,
            )
        return float(found[0])


def installed() -> bool:
    """Whether Quantus can be imported, without importing it."""
    return importlib.util.find_spec("quantus") is not None


def offered() -> Iterator[Metric]:
    """A row of the table of metrics for each; none if Quantus is not installed."""
    if not installed():
        return
    for name, (better, arguments) in PINNED.items():
        yield Metric(
            f"quantus/{name}",
            _builder(name),
            better=better,
            stochastic=name == "FaithfulnessCorrelation",
            needs=frozenset({"regions"} if name in NEEDS_REGIONS else ()),
            parameters={"channels": "signed", **arguments},
        )


def _builder(name: str) -> Callable[..., QuantusBenchmark]:
    return partial(QuantusBenchmark, metric=name)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without what Quantus prints and warns of on every call."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """NumPy's global generator, from which Quantus draws: seeded, and put back afterwards."""
    import numpy as np

    state: Any = np.random.get_state(legacy=False)
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        np.random.set_state(state)
