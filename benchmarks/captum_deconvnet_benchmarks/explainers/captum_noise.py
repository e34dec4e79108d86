"""Captum's explainers that draw: one image at a time, from generators at the image's seed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import captum.attr
import torch
from torch import Tensor

from captum_deconvnet_benchmarks.explainer import Explainer
from captum_deconvnet_benchmarks.explainers.captum_calls import calling_captum
from captum_deconvnet_benchmarks.explainers.seeded import image_by_image
from captum_deconvnet_benchmarks.subject import Subject


def tunnel(
    subject: Subject,
    inputs: Tensor,
    target: Tensor,
    seeds: Sequence[int],
    *,
    kind: str,
    samples: int,
    noise: float,
) -> Tensor:
    """Gradients at noisy copies of the image, averaged (Smilkov 2017) or their variance.

    ``kind`` is ``"smoothgrad"`` or ``"vargrad"``; ``noise`` is a standard deviation, as a share of
    the image's range.
    """
    method = captum.attr.NoiseTunnel(captum.attr.Saliency(subject.model))

    def explain(image: Tensor, one: Tensor) -> Tensor:
        deviation = noise * float(image.max() - image.min())
        maps: Tensor = method.attribute(
            image.detach().clone(), nt_type=kind, nt_samples=samples, stdevs=deviation,
            target=one, abs=False,
        )  # fmt: skip
        return maps.detach()

    with calling_captum(subject.model):
        return image_by_image(explain, inputs, target, seeds)


def gradient_shap(
    subject: Subject,
    inputs: Tensor,
    target: Tensor,
    seeds: Sequence[int],
    *,
    samples: int,
    noise: float,
    baseline: float,
) -> Tensor:
    """Gradients at random places between the baseline and the noisy image, times the way."""
    method = captum.attr.GradientShap(subject.model)

    def explain(image: Tensor, one: Tensor) -> Tensor:
        deviation = noise * float(image.max() - image.min())
        maps: Tensor = method.attribute(
            image.detach().clone(), torch.full_like(image, baseline), n_samples=samples,
            stdevs=deviation, target=one,
        )  # fmt: skip
        return maps.detach()

    with calling_captum(subject.model):
        return image_by_image(explain, inputs, target, seeds)


drawn = partial(Explainer, stochastic=True)

NOISE = (
    drawn(
        "captum/smooth-grad", tunnel,
        parameters={"kind": "smoothgrad", "samples": 10, "noise": 0.15},
    ),
    drawn(
        "captum/var-grad", tunnel, parameters={"kind": "vargrad", "samples": 10, "noise": 0.15}
    ),
    drawn(
        "captum/gradient-shap", gradient_shap,
        parameters={"samples": 10, "noise": 0.1, "baseline": 0.0},
    ),
)  # fmt: skip
