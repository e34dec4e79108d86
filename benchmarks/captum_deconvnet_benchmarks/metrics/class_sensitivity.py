"""Class sensitivity (Nie et al. 2018): whether a map depends on the class that it explains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from captum_deconvnet.errors import TargetError
from captum_deconvnet_benchmarks.metrics.explanations import (
    CHANNELS,
    Model,
    check_channels,
    net_of,
    seeds_or_numbers,
    versions_explained,
)
from captum_deconvnet_benchmarks.metrics.passes import in_passes
from captum_deconvnet_benchmarks.metrics.similarity import SIMILARITIES, check_similarities
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Scores
from captum_deconvnet_benchmarks.protocol.reproducibility import generator_of

OTHERS = ("least_likely", "likeliest_other", "random")


class ClassSensitivityBenchmark:
    """How alike the maps of two classes of one image are (Nie et al. 2018; Sixt et al. 2020).

    The other class is the least likely, the likeliest apart from the target, and one drawn by the
    image's seed. The target's map is made anew, with the others and with the same seed.

    Args:
        model: the model.
        similarities: names of measures; the first, with the least likely class, is the headline.
        channels: how maps lose their channels.

    Raises:
        UnknownNameError: for an unknown similarity or reduction.
    """

    def __init__(
        self,
        model: Model,
        *,
        similarities: Iterable[str] = ("spearman", "ssim", "cosine"),
        channels: str = "signed",
    ) -> None:
        """Compare classes of ``model``."""
        self.model, self.channels = net_of(model), check_channels(channels)
        self.similarities = check_similarities(similarities)

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
        """Similarities by name and other class, such as ``spearman_least_likely``.

        Raises:
            TargetError: for a model of fewer than two classes.
        """
        seeds = seeds_or_numbers(seeds, len(inputs))
        others = other_classes(
            in_passes(self.model, len(inputs), inputs.__getitem__), target, seeds
        )
        rows = [
            self._row(
                explainer, inputs[number], torch.cat([target[number : number + 1], row]), seed
            )
            for number, (row, seed) in enumerate(zip(others, seeds, strict=True))
        ]
        found = torch.stack(rows)
        names = [f"{measure}_{other}" for measure in self.similarities for other in OTHERS]
        return Scores({name: found[:, number] for number, name in enumerate(names)})

    def _row(self, explainer: BoundExplainer, image: Tensor, classes: Tensor, seed: int) -> Tensor:
        """All similarities of one image."""
        versions = image.expand(len(classes), *image.shape).contiguous()
        maps = versions_explained(explainer, versions, classes, [seed] * len(classes))
        space = CHANNELS[self.channels](maps)
        own = space[:1].expand_as(space[1:])
        return torch.cat([SIMILARITIES[name](own, space[1:]) for name in self.similarities])


def other_classes(scores: Tensor, target: Tensor, seeds: Sequence[int]) -> Tensor:
    """The least likely, the likeliest other and a random other class of each image, (N, 3).

    Raises:
        TargetError: if there is no other class.
    """
    classes = scores.shape[1]
    if classes < 2:
        raise TargetError(f"The model has {classes} class; another one is needed to compare with.")
    own = target[:, None]
    least = scores.scatter(1, own, torch.inf).argmin(1)
    likeliest = scores.scatter(1, own, -torch.inf).argmax(1)
    steps = [_step(seed, classes) for seed in seeds]
    drawn = (target + torch.tensor(steps, device=target.device)) % classes
    return torch.stack([least, likeliest, drawn], 1)


def _step(seed: int, classes: int) -> int:
    generator = generator_of("class sensitivity", seed)
    return int(torch.randint(1, classes, (), generator=generator))
