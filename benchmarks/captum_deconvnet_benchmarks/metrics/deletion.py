"""Deletion and insertion (Petsiuk et al. 2018): how fast the class goes and comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from captum_deconvnet.errors import ModelError, unknown_name
from captum_deconvnet_benchmarks.metrics.explanations import (
    CHANNELS,
    Model,
    PixelOrder,
    check_channels,
    maps_of,
    net_of,
)
from captum_deconvnet_benchmarks.metrics.passes import (
    check_output,
    common_outputs,
    in_pixels,
    target_outputs,
)
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Curve, Scores

BLUR_SIZE, BLUR_SIGMA = 11, 5.0


def blurred(images: Tensor) -> Tensor:
    """Images after RISE's Gaussian of 11 by 11 pixels; a smaller kernel on smaller images."""
    from torchvision.transforms.functional import gaussian_blur  # slow to import

    size = in_pixels(BLUR_SIZE, images.shape) // 2 * 2 + 1
    sigma = max(BLUR_SIGMA * size / BLUR_SIZE, 0.5)
    found: Tensor = gaussian_blur(images, [size, size], [sigma, sigma])
    return found


BASELINES: dict[str, Callable[[Tensor], Tensor]] = {
    "zero": torch.zeros_like,
    "mean": lambda images: images.mean((2, 3), keepdim=True).expand_as(images),
    "blur": blurred,
}
"""What takes the place of pixels; zero is the mean colour of most networks."""

SAME_FOR_ALL = frozenset({"zero"})
"""Baselines that are one picture, whatever the image: one pass shows the model's answer to it."""


class DeletionInsertionBenchmark:
    """Deletion and insertion curves and their areas (Petsiuk et al. 2018, RISE).

    Pixels are ordered by the map, all channels together. Deletion goes from the image to a
    baseline, the strongest pixels first; insertion from another baseline to the image. Curves have
    both ends; an area is the mean height, by trapezoids. Pixels of equal value are taken row by
    row, and ``tied`` is their share: where it is large, the order is not the explainer's.

    Args:
        model: the model.
        steps: how many; RISE takes 224 on images of 224 by 224.
        deletion: what deleted pixels become, ``"zero"``, ``"mean"`` or ``"blur"``.
        insertion: what insertion starts from; None leaves insertion out.
        output: ``"probability"`` or ``"logit"`` of the target.
        channels: how maps lose their channels, ``"signed"``, ``"absolute"`` or ``"maximum"``.

    Raises:
        UnknownNameError: for a name that is none of these.
    """

    def __init__(
        self,
        model: Model,
        *,
        steps: int = 16,
        deletion: str = "zero",
        insertion: str | None = "blur",
        output: str = "probability",
        channels: str = "signed",
    ) -> None:
        """Delete from and insert into images of ``model``."""
        for baseline in (deletion, insertion):
            if baseline is not None and baseline not in BASELINES:
                raise unknown_name("baseline", baseline, BASELINES)
        if steps < 1:
            raise ModelError(f"{steps} steps were asked for; give 1 or more.")
        self.model, self.steps = net_of(model), steps
        self.deletion, self.insertion = deletion, insertion
        self.output, self.channels = check_output(output), check_channels(channels)

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
        """Areas under the curves; ``insertion_minus_deletion`` is the headline.

        Without insertion the headline is ``deletion``, which is better if lower.
        """
        maps = CHANNELS[self.channels](maps_of(explainer, inputs, target, seeds, attributions))
        order = PixelOrder(maps)
        curves = self._curves(inputs, target, order)
        share = torch.linspace(0, 1, self.steps + 1, dtype=torch.float64, device=inputs.device)
        areas = {name: torch.trapezoid(curve, share) for name, curve in curves.items()}
        difference = (
            {"insertion_minus_deletion": areas["insertion"] - areas["deletion"]}
            if "insertion" in areas
            else {}
        )
        return Scores(
            {**difference, **areas, "tied": order.tied},
            {name: Curve(share, curve) for name, curve in curves.items()},
        )

    def _curves(self, inputs: Tensor, target: Tensor, order: PixelOrder) -> dict[str, Tensor]:
        """The curves; the image itself is the start of one and the end of the other."""
        without = BASELINES[self.deletion](inputs)
        start = inputs if self.insertion is None else BASELINES[self.insertion](inputs)
        counts = order.counts(self.steps)
        deletions = self.steps + (self.deletion not in SAME_FOR_ALL)

        def make(image: Tensor, version: Tensor) -> Tensor:
            inserts = version >= deletions
            strongest = order.strongest(image, counts[version - deletions * inserts])
            old = torch.where(_columns(inserts, inputs), start[image], inputs[image])
            new = torch.where(_columns(inserts, inputs), inputs[image], without[image])
            return torch.where(strongest, new, old)

        versions = deletions + (0 if self.insertion is None else self.steps)
        found = target_outputs(self.model, target, versions, make, self.output)
        deletion, insertion = found[:, :deletions], found[:, deletions:]
        if self.deletion in SAME_FOR_ALL:
            end = common_outputs(self.model, target, without[:1], self.output)
            deletion = torch.cat([deletion, end[:, None]], 1)
        if self.insertion is None:
            return {"deletion": deletion}
        return {"deletion": deletion, "insertion": torch.cat([insertion, deletion[:, :1]], 1)}


def _columns(flags: Tensor, images: Tensor) -> Tensor:
    return flags.view(-1, 1, 1, 1).to(images.device)
