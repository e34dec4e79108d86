"""Metrics and scores: how good the explanations of a model are, one score an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from torch import Tensor

from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer, Subject


@dataclass(frozen=True)
class Curve:
    """A curve for each image.

    Args:
        x: (S,) where it was measured, the same for all images.
        y: (N, S) its heights.
    """

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Scores:
    """What one metric measured on N images.

    Args:
        values: each score's name and its (N,) float64 values; the first is the metric's headline.
            NaN where it is not defined, such as a correlation with a constant.
        curves: curves behind the scores, by name.
    """

    values: Mapping[str, Tensor]
    curves: Mapping[str, Curve] = field(default_factory=dict)


class Benchmark(Protocol):
    """A metric ready to be used on one model; constructed as Captum constructs attributions."""

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
        """Score the explanations of a batch.

        Args:
            explainer: gives the maps, again if the metric asks for those of other inputs.
            inputs: (N, C, H, W).
            target: (N,) class indices.
            attributions: maps (N, C or 1, H, W) of these inputs, if they are there already.
            seeds: one an image, for whatever is drawn; by default 0 to N - 1.
            regions: (N, H, W) boolean, where the object is, for the metrics that need it.

        Returns:
            Scores of N values each. A row depends on its image, target and seed alone, not on the
            batch it is in.
        """
        ...


Build: TypeAlias = Callable[..., Benchmark]
"""``build(subject, **parameters)``."""


@dataclass(frozen=True)
class Metric:
    """One row of the table of metrics.

    Args:
        name: what the tables call it.
        build: ``build(subject, **parameters)`` makes the benchmark of one subject.
        better: which headline is good: ``"higher"``, ``"lower"``, or ``None`` if neither is.
        stochastic: whether the seeds matter.
        needs: what must come with the images: ``"regions"``.
        parameters: every choice that moves a number, as JSON has it, with its default.
        version: raise it when the same parameters give other numbers.
    """

    name: str
    build: Build
    better: str | None
    stochastic: bool = False
    needs: frozenset[str] = frozenset()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1

    def on(self, subject: Subject) -> Benchmark:
        """The benchmark of one subject with this row's parameters."""
        return self.build(subject, **self.parameters)
