"""The table of metrics: what ``deconvnet bench`` measures, and with which parameters."""

from __future__ import annotations

from captum_deconvnet_benchmarks.metric import Metric
from captum_deconvnet_benchmarks.metrics.class_sensitivity import ClassSensitivityBenchmark
from captum_deconvnet_benchmarks.metrics.complexity import ComplexityBenchmark
from captum_deconvnet_benchmarks.metrics.deletion import DeletionInsertionBenchmark
from captum_deconvnet_benchmarks.metrics.localisation import LocalisationBenchmark

METRICS = (
    Metric(
        "deletion_insertion",
        DeletionInsertionBenchmark,
        better="higher",
        parameters={
            "steps": 16,
            "deletion": "zero",
            "insertion": "blur",
            "output": "probability",
            "channels": "signed",
        },
    ),
    Metric(
        "class_sensitivity",
        ClassSensitivityBenchmark,
        better="lower",
        stochastic=True,
        parameters={"similarities": ["spearman", "ssim", "cosine"], "channels": "signed"},
    ),
    Metric(
        "complexity",
        ComplexityBenchmark,
        better="higher",
        parameters={"channels": "absolute", "threshold": 1e-5},
    ),
    Metric(
        "localisation",
        LocalisationBenchmark,
        better="higher",
        needs=frozenset({"regions"}),
        parameters={"tolerance": 15.0, "channels": "absolute"},
    ),
)
"""In the order of the tables. Every default is written out: it is part of a score's identity."""
