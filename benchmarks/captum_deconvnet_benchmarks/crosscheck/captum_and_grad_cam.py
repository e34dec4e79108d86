"""Our metrics beside ``captum.metrics``, and our imputer beside that of pytorch-grad-cam."""

from __future__ import annotations

from functools import partial
from typing import Any

import captum.metrics
import torch
from torch import Tensor

from captum_deconvnet_benchmarks.crosscheck.tensors import SIDE, Comparison, Pair, tensors
from captum_deconvnet_benchmarks.metrics.explanations import PixelOrder
from captum_deconvnet_benchmarks.metrics.infidelity import InfidelityBenchmark
from captum_deconvnet_benchmarks.metrics.road import imputed
from captum_deconvnet_benchmarks.metrics.sensitivity import MaxSensitivityBenchmark
from captum_deconvnet_benchmarks.selftest.subjects import gradient

SAMPLES = 8


def infidelity(normalised: bool) -> Pair:
    """Infidelity; Captum's normalised one is not divided by the mean square of the falls."""
    model, images, target, maps, _, explainer = tensors()
    benchmark = InfidelityBenchmark(model, samples=SAMPLES)
    call: dict[str, Any] = {"attributions": maps, "seeds": [1, 2]}
    found = benchmark.evaluate(explainer, images, target, **call).values
    samples = iter(range(SAMPLES))

    def disturb(inputs: Tensor) -> tuple[Tensor, Tensor]:
        sample = next(samples)
        taken = torch.stack([benchmark.taken(images[n], n + 1, sample) for n in range(2)])
        return taken, inputs - taken

    theirs = captum.metrics.infidelity(
        model,
        disturb,
        images,
        maps,
        target=target,
        n_perturb_samples=SAMPLES,
        max_examples_per_batch=2,
        normalize=normalised,
    )
    if not normalised:
        return found["infidelity"], theirs
    zeros = benchmark.evaluate(explainer, images, target, attributions=0 * maps, seeds=[1, 2])
    return found["normalised"] * zeros.values["infidelity"], theirs


def max_sensitivity() -> Pair:
    """Sensitivity by the Euclidean norm, with our disturbances."""
    model, images, target, _, _, explainer = tensors()
    benchmark = MaxSensitivityBenchmark(model, samples=SAMPLES)
    ours = benchmark.evaluate(explainer, images, target, seeds=[1, 2]).values["max_sensitivity"]

    def disturb(inputs: Tensor) -> Tensor:
        places = [(n, sample) for n in range(2) for sample in range(SAMPLES)]
        return torch.stack([benchmark.disturbed(images[n], n + 1, sample) for n, sample in places])

    def explain(inputs: Tensor | tuple[Tensor], **_: Any) -> tuple[Tensor]:
        batch = inputs if isinstance(inputs, Tensor) else inputs[0]
        return (gradient(model, batch, target.repeat_interleave(len(batch) // 2)),)

    theirs = captum.metrics.sensitivity_max(explain, images, disturb, n_perturb_samples=SAMPLES)
    return ours, theirs


def captum_comparisons() -> list[Comparison]:
    """All with Captum."""
    peer = "captum.metrics"
    same = "the same disturbances"
    return [
        Comparison("infidelity", peer, lambda: infidelity(normalised=False), 1e-9, same),
        Comparison("infidelity, normalised", peer, lambda: infidelity(normalised=True), 1e-9, same),
        Comparison("max_sensitivity", peer, max_sensitivity, 1e-9, same),
    ]


def imputer(share: float) -> Pair:
    """Both images without the strongest pixels of their maps."""
    from pytorch_grad_cam.metrics.road import NoisyLinearImputer

    images, order = tensors().images, PixelOrder(tensors().space[:, 0])
    holes = order.rank < round(share * SIDE**2)
    theirs = NoisyLinearImputer(noise=0.0)

    def of_theirs(image: Tensor, missing: Tensor) -> Tensor:
        found: Tensor = theirs(image.float(), (~missing).float())
        return found

    pairs = list(zip(images, holes, strict=True))
    ours = torch.stack([imputed(image, missing) for image, missing in pairs])
    return ours, torch.stack([of_theirs(image, missing) for image, missing in pairs])


def grad_cam_comparisons() -> list[Comparison]:
    """At three shares of missing pixels."""
    return [
        Comparison(
            f"road: imputer, {share:.0%} missing",
            "pytorch-grad-cam",
            partial(imputer, share),
            1e-6,
            "no noise; theirs is in float32",
        )
        for share in (0.1, 0.5, 0.9)
    ]
