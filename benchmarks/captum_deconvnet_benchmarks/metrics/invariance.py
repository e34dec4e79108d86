"""Invariance: whether a map moves with its picture, and how far features move."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from captum_deconvnet import FeatureInvariance
from captum_deconvnet.errors import TransformError, unknown_name
from captum_deconvnet.invariance.placement import Sampling, place
from captum_deconvnet.invariance.transforms import TRANSFORMS, Change, Transform, transform_of
from captum_deconvnet.invariance.versions import ALL_SHOWN, checked_values
from captum_deconvnet_benchmarks.metrics import similarity
from captum_deconvnet_benchmarks.metrics.explanations import (
    CHANNELS,
    Model,
    check_channels,
    net_of,
    seeds_or_numbers,
    versions_explained,
)
from captum_deconvnet_benchmarks.metrics.passes import in_passes, in_pixels
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer
from captum_deconvnet_benchmarks.protocol.metric import Curve, Scores

MEASURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "spearman": similarity.spearman,
    "pearson": similarity.pearson,
    "cosine": similarity.cosine,
}
"""Measures that need no neighbourhoods, so that they can leave out pixels."""

SHIFTS = (-32, -16, 16, 32)
VALUES: dict[str, Callable[[Sequence[int]], tuple[float, ...]]] = {
    "translation": lambda shape: _shifts(shape),
    "horizontal_translation": lambda shape: _shifts(shape),
    "scale": lambda shape: (1.1, 1.25),
    "rotation": lambda shape: (-15.0, 15.0),
}
"""Few values of each transform, since every one costs an explanation; shifts in pixels of 224."""


class InvarianceBenchmark:
    """Likeness of the map of a moved image to the moved map, and to the map itself.

    Only versions whose most probable class is that of the image count, and ``surviving`` is their
    share. Equivariance looks at the pixels that are known in both maps, invariance at all.

    Args:
        model: any net; constructed as :class:`captum_deconvnet.FeatureInvariance` is.
        layers: layers whose features are measured too, as curves; none by default, for these do
            not depend on the explainer.
        transform: as for ``FeatureInvariance.attribute``. A function of images and a value moves
            maps as it moves images; transforms of the table that move no pixels leave maps alone.
        values: what to try; None for few values.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        fill: what comes in from outside the image.
        similarity: ``"spearman"``, ``"pearson"`` or ``"cosine"``.
        channels: how maps lose their channels.

    Raises:
        UnknownNameError: for an unknown transform, interpolation, similarity or reduction.
        TransformError: for a transform without values.
    """

    def __init__(
        self,
        model: Model,
        layers: str | Sequence[str] | None = None,
        *,
        transform: str | Transform | Change = "translation",
        values: Iterable[float] | None = None,
        interpolation: str = "bilinear",
        fill: float = 0.0,
        similarity: str = "spearman",
        channels: str = "signed",
    ) -> None:
        """Move images of ``model``."""
        if similarity not in MEASURES:
            raise unknown_name("similarity", similarity, MEASURES)
        self.model, self.layers = net_of(model), layers
        self.transform = transform_of(transform)
        self.sampling = Sampling(interpolation, fill)
        self.similarity, self.channels = similarity, check_channels(channels)
        self.values = None if values is None else tuple(values)
        if self.values is None and self.transform.name not in VALUES:
            raise TransformError(f"Give the values of the transform {self.transform.name!r}.")

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
        """Means over the versions that survive, and curves over the values.

        A score is NaN if no version survives. Maps are all made anew.
        """
        values = self._values(inputs.shape)
        alike = torch.stack(
            [
                self._alike(explainer, inputs[n : n + 1], target[n], seed, values)
                for n, seed in enumerate(seeds_or_numbers(seeds, len(inputs)))
            ]
        )
        kept = self._surviving(inputs, values)
        alike = alike.masked_fill(~kept[:, None], torch.nan)
        x = torch.tensor(values, dtype=torch.float64, device=inputs.device)
        names = ("equivariance", "invariance")
        scores = {name: alike[:, index].nanmean(1) for index, name in enumerate(names)}
        curves = {name: Curve(x, alike[:, index]) for index, name in enumerate(names)}
        return Scores(
            {**scores, "surviving": kept.double().mean(1)}, {**curves, **self._features(inputs, x)}
        )

    def _values(self, shape: Sequence[int]) -> tuple[float, ...]:
        given = VALUES[self.transform.name](shape) if self.values is None else self.values
        return checked_values(self.transform, given, (shape[-2], shape[-1]))

    def _alike(
        self,
        explainer: BoundExplainer,
        image: Tensor,
        target: Tensor,
        seed: int,
        values: tuple[float, ...],
    ) -> Tensor:
        """Equivariance and invariance of one image (1, C, H, W) by value, (2, V)."""
        versions = torch.cat([image, *(self._moved(image, value) for value in values)])
        count = len(versions)
        maps = versions_explained(explainer, versions, target.expand(count), [seed] * count)
        space = CHANNELS[self.channels](maps)[:, None]
        own, pairs = space[0], list(zip(space[1:], values, strict=True))
        return torch.stack(
            [
                torch.cat([self._equivariance(own, other, value) for other, value in pairs]),
                torch.cat([self._measure(own, other) for other, _ in pairs]),
            ]
        )

    def _equivariance(self, own: Tensor, other: Tensor, value: float) -> Tensor:
        """Likeness of the map (1, H, W) of a moved image to the moved map, where both are known."""
        known = self._known(own, value)
        moved = self._moved_map(own[:, None], value)[:, 0]
        return self._measure(moved[:, known], other[:, known])

    def _measure(self, left: Tensor, right: Tensor) -> Tensor:
        return MEASURES[self.similarity](left.flatten(1), right.flatten(1))

    def _moved(self, image: Tensor, value: float) -> Tensor:
        return self.transform(image, value, self.sampling)

    def _moved_map(self, maps: Tensor, value: float) -> Tensor:
        if self.transform.placement is not None:
            placement = self.transform.placement(value)
            return place(maps, placement, self.sampling.interpolation)
        is_of_pixels = TRANSFORMS.get(self.transform.name) is self.transform
        return maps if is_of_pixels else self.transform(maps, value, self.sampling)

    def _known(self, own: Tensor, value: float) -> Tensor:
        """Which pixels (H, W) of the moved map come from inside the image."""
        shown = torch.ones_like(own)[:, None]
        if self.transform.placement is None:
            return shown[0, 0] > 0
        return self._moved_map(shown, value)[0, 0] > ALL_SHOWN

    def _surviving(self, inputs: Tensor, values: tuple[float, ...]) -> Tensor:
        """Whether each version (N, V) has the most probable class of its image."""
        points = len(values) + 1

        def version(row: int) -> Tensor:
            image, point = inputs[row // points][None], row % points
            return image if point == 0 else self._moved(image, values[point - 1])

        scores = in_passes(
            self.model,
            len(inputs) * points,
            lambda rows: torch.cat([version(row) for row in rows.tolist()]),
        )
        labels = scores.argmax(1).view(len(inputs), points)
        return labels[:, 1:] == labels[:, :1]

    def _features(self, inputs: Tensor, x: Tensor) -> dict[str, Curve]:
        """How far the features of each layer moved, as a share of their length."""
        if self.layers is None:
            return {}
        invariance = FeatureInvariance(self.model, self.layers)
        curves = [
            invariance.measure(
                image[None],
                transform=self.transform,
                values=x.tolist(),
                interpolation=self.sampling.interpolation,
                fill=self.sampling.fill,
            )
            for image in inputs
        ]
        return {
            f"features of {layer}": Curve(x, torch.cat([c.distance(layer) for c in curves]).to(x))
            for layer in curves[0].layers
        }


def _shifts(shape: Sequence[int]) -> tuple[float, ...]:
    return tuple(float(in_pixels(abs(shift), shape) * (1 if shift > 0 else -1)) for shift in SHIFTS)
