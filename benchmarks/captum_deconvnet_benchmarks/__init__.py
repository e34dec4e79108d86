"""The benchmark harness and the scripts behind every number in the documentation."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from captum_deconvnet.registry import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    from captum_deconvnet_benchmarks.protocol.hookspecs import RegisterExplainers, RegisterMetrics


@hookimpl
def register_hooks(register: Callable[[object], None]) -> None:
    """Declare the hooks ``register_explainers`` and ``register_metrics``."""
    from captum_deconvnet_benchmarks.protocol import hookspecs

    register(hookspecs)


@hookimpl
def register_explainers(register: RegisterExplainers) -> None:
    """Offer our explainers, Captum's and the controls."""
    from captum_deconvnet_benchmarks.explainers.captum_gradients import GRADIENTS
    from captum_deconvnet_benchmarks.explainers.captum_perturbations import NOISE, PERTURBATIONS
    from captum_deconvnet_benchmarks.explainers.controls import CONTROLS
    from captum_deconvnet_benchmarks.explainers.ours import OURS

    for explainer in (*OURS, *GRADIENTS, *PERTURBATIONS, *NOISE, *CONTROLS):
        register(explainer)


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add ``deconvnet bench``."""
    from captum_deconvnet_benchmarks.commands.bench import bench

    cli.add_command(bench)


@hookimpl
def register_metrics(register: RegisterMetrics) -> None:
    """Offer the metrics of ``metrics/table.py``, and Quantus' if it is installed."""
    from captum_deconvnet_benchmarks.metrics.table import METRICS

    for metric in METRICS:
        register(metric)
    if find_spec("quantus") is not None:
        from captum_deconvnet_benchmarks.crosscheck.quantus_metrics import offered

        for metric in offered():
            register(metric)
