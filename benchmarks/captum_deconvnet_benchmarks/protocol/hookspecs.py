"""The hooks of the harness: explainers and metrics of a plugin's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from captum_deconvnet.registry import hookspec

if TYPE_CHECKING:
    from captum_deconvnet_benchmarks.protocol.explainer import Explainer
    from captum_deconvnet_benchmarks.protocol.metric import Metric


class RegisterExplainers(Protocol):
    """What ``register_explainers`` is given to call, once for each explainer."""

    def __call__(self, explainer: Explainer) -> None:
        """Offer an explainer."""


class RegisterMetrics(Protocol):
    """What ``register_metrics`` is given to call, once for each metric."""

    def __call__(self, metric: Metric) -> None:
        """Offer a metric."""


@hookspec
def register_explainers(register: RegisterExplainers) -> None:
    """Offer explainers to ``deconvnet bench``: call ``register`` for each."""


@hookspec
def register_metrics(register: RegisterMetrics) -> None:
    """Offer metrics to ``deconvnet bench``: call ``register`` for each."""
