"""``InvarianceCurves``: what :class:`captum_deconvnet.FeatureInvariance` measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from captum_deconvnet.errors import LayerError, unknown_layer, unknown_name
from captum_deconvnet.invariance.distances import DISTANCES, Norms, relative
from captum_deconvnet.short_repr import short_repr

EQUIVARIANCE = "equivariance"


@dataclass(frozen=True, eq=False)
class InvarianceCurves:
    """How features and output move under one transform (Zeiler & Fergus 2014, Fig. 5).

    Args:
        transform: its name.
        unit: of the values.
        values: the values that were tried, V of them.
        norms: of the features, by layer; each (N, V), float64.
        map_scores: how invariant each feature map is, in [0, 1], by layer: (N, C). NaN for a map
            that is zero throughout. See :func:`captum_deconvnet.invariance.distances.score`.
        unit_scores: the same for single units, (N, C, H, W); empty unless asked for.
        undone: norms after the transform was undone on the maps, over the positions known then,
            by layer; empty unless asked for.
        target: the label whose probability is given, (N,); None if none was.
        probability: of that label, (N, V), in [0, 1]; None without a target.
        predicted: the most probable label, (N, V); None if the model does not give (N, K).
    """

    transform: str
    unit: str
    values: tuple[float, ...]
    norms: Mapping[str, Norms]
    map_scores: Mapping[str, Tensor]
    unit_scores: Mapping[str, Tensor] = field(default_factory=dict)
    undone: Mapping[str, Norms] = field(default_factory=dict)
    target: Tensor | None = None
    probability: Tensor | None = None
    predicted: Tensor | None = None

    __repr__ = short_repr

    @property
    def layers(self) -> tuple[str, ...]:
        """The module paths, in the order they were asked for."""
        return tuple(self.norms)

    def distance(self, layer: str, kind: str = "normalised") -> Tensor:
        """How far the layer's features are from those of the untransformed image.

        Args:
            layer: module path.
            kind: ``"euclidean"`` (the paper's), ``"normalised"`` by the norm of the features,
                ``"cosine"``, or ``"equivariance"``: normalised, after the transform was undone on
                the maps, over the positions that are known then.

        Returns:
            (N, V), float64, on the CPU.

        Raises:
            UnknownNameError: an unknown layer or kind.
            LayerError: equivariance was not measured.
        """
        kinds = (*DISTANCES, EQUIVARIANCE)
        if layer not in self.norms:
            raise unknown_layer("layer", layer, self.norms, "Only measured layers have curves.")
        if kind not in kinds:
            raise unknown_name("distance", kind, kinds, f"Known: {', '.join(kinds)}.")
        if kind != EQUIVARIANCE:
            return DISTANCES[kind](self.norms[layer])
        if layer not in self.undone:
            raise LayerError("Equivariance was not measured: attribute with equivariance=True.")
        return relative(self.undone[layer].difference, self.undone[layer].original)

    def mean(self, layer: str, kind: str = "normalised") -> Tensor:
        """The mean curve over the images, (V,).

        Args:
            layer: module path.
            kind: of the distance, as for :meth:`distance`.

        Raises:
            UnknownNameError: an unknown layer or kind.
            LayerError: equivariance was not measured.
        """
        return self.distance(layer, kind).mean(0)

    def band(
        self, layer: str, kind: str = "normalised", *, level: float = 0.95, seed: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Where the mean curve would lie for other such images: lower and upper end, (V,) each.

        A percentile bootstrap over the images (Efron 1979); NaN if there is but one.

        Args:
            layer: module path.
            kind: of the distance, as for :meth:`distance`.
            level: how much of the resampled means lies inside, in [0, 1].
            seed: of the random draws.

        Raises:
            UnknownNameError: an unknown layer or kind.
            LayerError: equivariance was not measured.
        """
        return confidence_band(self.distance(layer, kind), level, seed=seed)

    def area(self, layer: str, kind: str = "normalised") -> Tensor:
        """The area under each image's curve over the range of values, (N,): its mean height.

        Args:
            layer: module path.
            kind: of the distance, as for :meth:`distance`.

        Raises:
            UnknownNameError: an unknown layer or kind.
            LayerError: equivariance was not measured.
        """
        return mean_height(self.values, self.distance(layer, kind))

    def rows(self) -> Iterator[dict[str, str | int | float]]:
        """Every point as a row of a table: image, value, layer, distances, probability, label."""
        kinds = (*DISTANCES, *([EQUIVARIANCE] if self.undone else []))
        for layer in self.layers:
            found = {kind: self.distance(layer, kind).tolist() for kind in kinds}
            for image in range(len(found["euclidean"])):
                for place, value in enumerate(self.values):
                    point = {kind: found[kind][image][place] for kind in kinds}
                    yield {**self._place(image, value, layer), **point, **self._seen(image, place)}

    def _place(self, image: int, value: float, layer: str) -> dict[str, str | int | float]:
        return {"image": image, "transform": self.transform, "value": value, "layer": layer}

    def _seen(self, image: int, place: int) -> dict[str, int | float]:
        """What the model said at one point, as far as it is known."""
        seen: dict[str, int | float] = {}
        if self.target is not None and self.probability is not None:
            seen["target"] = int(self.target[image])
            seen["probability"] = float(self.probability[image, place])
        if self.predicted is not None:
            seen["predicted"] = int(self.predicted[image, place])
        return seen


def mean_height(values: tuple[float, ...], curves: Tensor) -> Tensor:
    """The area under curves (N, V), by trapezoids, divided by the range of the values."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    places = torch.tensor([values[place] for place in order], dtype=torch.float64)
    span = float(places[-1] - places[0])
    if span == 0:
        return curves.double().mean(1)
    return torch.trapezoid(curves[:, order].double(), places, dim=1) / span


def joined_curves(several: Sequence[InvarianceCurves]) -> InvarianceCurves:
    """The curves of all images together; all have the same transform, values and layers."""
    first = several[0]
    return InvarianceCurves(
        transform=first.transform,
        unit=first.unit,
        values=first.values,
        norms={path: joined_norms([one.norms[path] for one in several]) for path in first.layers},
        map_scores=joined_by_layer([one.map_scores for one in several]),
        unit_scores=joined_by_layer([one.unit_scores for one in several]),
        undone={path: joined_norms([one.undone[path] for one in several]) for path in first.undone},
        target=joined_tensors([one.target for one in several]),
        probability=joined_tensors([one.probability for one in several]),
        predicted=joined_tensors([one.predicted for one in several]),
    )


def joined_norms(several: Sequence[Norms]) -> Norms:
    """Norms of all images."""
    return Norms(
        torch.cat([one.original for one in several]),
        torch.cat([one.moved for one in several]),
        torch.cat([one.difference for one in several]),
    )


def joined_by_layer(several: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors of every layer, for all images."""
    return {path: torch.cat([one[path] for one in several]) for path in several[0]}


def joined_tensors(several: Sequence[Tensor | None]) -> Tensor | None:
    """The tensors of all images; None if one has none."""
    there = [one for one in several if one is not None]
    return torch.cat(there) if len(there) == len(several) else None


RESAMPLES = 2000


def confidence_band(
    samples: Tensor, level: float = 0.95, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """A percentile bootstrap of the mean over images (Efron 1979).

    Args:
        samples: (N, V), an image a row.
        level: how much of the resampled means lies inside, such as 0.95.
        resamples: how many sets of N images are drawn, with replacement; the same for all V.
        seed: of the draws.

    Returns:
        The lower and the upper end, (V,) each; NaN for fewer than two images, which say nothing
        of their spread.
    """
    count, values = samples.shape
    if count < 2:
        return torch.full((values,), torch.nan), torch.full((values,), torch.nan)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(count, (resamples, count), generator=generator)
    means = samples.double()[drawn].mean(1)
    tail = (1 - level) / 2
    return means.quantile(tail, 0), means.quantile(1 - tail, 0)
