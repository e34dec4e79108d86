"""Captum's explainers that cover parts of the picture; none of them draws."""

from __future__ import annotations

from collections.abc import Sequence

import captum.attr
import torch
from torch import Tensor

from captum_deconvnet_benchmarks.explainers.captum_calls import needs_skimage
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
