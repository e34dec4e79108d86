"""Our imputer beside that of pytorch-grad-cam's ROAD, without noise."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from captum_deconvnet_benchmarks.crosscheck.tensors import SIDE, Comparison, Pair, tensors
from captum_deconvnet_benchmarks.metrics.imputer import imputed
from captum_deconvnet_benchmarks.metrics.pixel_order import PixelOrder


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


def comparisons() -> list[Comparison]:
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
