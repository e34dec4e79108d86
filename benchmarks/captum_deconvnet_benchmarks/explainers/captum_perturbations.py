"""Captum's explainers that look at many versions of an image: covered, blended, noisy.

Those that draw do so one image at a time, from generators at the image's seed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import captum.attr
import numpy as np
import torch
from torch import Tensor

from captum_deconvnet_benchmarks.explainers.captum_calls import calling_captum, needs_skimage
from captum_deconvnet_benchmarks.explainers.ours import slide
from captum_deconvnet_benchmarks.protocol.explainer import Explainer, Subject


def occlude(
    subject: Subject,
    inputs: Tensor,
    target: Tensor,
    seeds: Sequence[int],
    *,
    windows: int,
    baseline: float,
) -> Tensor:
    """Captum's own occlusion, which runs the whole model for every window."""
    size, step = slide(inputs, windows)
    with torch.no_grad():
        maps: Tensor = captum.attr.Occlusion(subject.model).attribute(
            inputs, size, step, baselines=baseline, target=target
        )
    return maps.to(inputs)


def ablate(
    subject: Subject,
    inputs: Tensor,
    target: Tensor,
    seeds: Sequence[int],
    *,
    superpixels: int,
    compactness: float,
    baseline: float,
) -> Tensor:
    """How much the logit falls when a superpixel is covered."""
    masks = torch.stack([segments(image, superpixels, compactness) for image in inputs])
    with torch.no_grad():
        maps: Tensor = captum.attr.FeatureAblation(subject.model).attribute(
            inputs, baselines=baseline, target=target, feature_mask=masks.unsqueeze(1)
        )
    return maps.to(inputs)


def segments(image: Tensor, count: int, compactness: float) -> Tensor:
    """The superpixels of an image (C, H, W), numbered from 0: (H, W), by SLIC (Achanta 2012)."""
    from skimage.segmentation import slic

    low, high = image.min(), image.max()
    scaled = (image - low) / (high - low).clamp(min=torch.finfo(image.dtype).tiny)
    pixels = scaled.double().movedim(0, -1).cpu().numpy()
    numbers = slic(
        pixels,
        n_segments=count,
        compactness=compactness,
        start_label=0,
        channel_axis=-1,
        convert2lab=image.shape[0] == 3,
    )
    return torch.as_tensor(numbers, device=image.device)


PERTURBATIONS = (
    Explainer("captum/occlusion", occlude, parameters={"windows": 7, "baseline": 0.0}),
    Explainer(
        "captum/feature-ablation",
        ablate,
        unfit=needs_skimage,
        parameters={"superpixels": 50, "compactness": 10.0, "baseline": 0.0},
    ),
)


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


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Global generators that start at ``seed``, and afterwards are as they were."""
    numpy_state = np.random.get_state()
    devices = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)


def image_by_image(
    explain: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    target: Tensor,
    seeds: Sequence[int],
) -> Tensor:
    """The maps of images explained one at a time, each with generators at its own seed.

    Args:
        explain: (1, C, H, W) and its target (1,) to a map (1, C or 1, H, W).
        inputs: (N, C, H, W).
        target: (N,).
        seeds: N of them.
    """
    maps = []
    for number, seed in enumerate(seeds):
        here = slice(number, number + 1)
        with seeded(seed, inputs.device):
            maps.append(explain(inputs[here], target[here]))
    return torch.cat(maps)
