"""The table of metrics: what ``deconvnet bench`` measures, and with which parameters."""

from __future__ import annotations

from captum_deconvnet_benchmarks.metrics.class_sensitivity import ClassSensitivityBenchmark
from captum_deconvnet_benchmarks.metrics.complexity import ComplexityBenchmark
from captum_deconvnet_benchmarks.metrics.deletion import DeletionInsertionBenchmark
from captum_deconvnet_benchmarks.metrics.infidelity import InfidelityBenchmark
from captum_deconvnet_benchmarks.metrics.invariance import InvarianceBenchmark
from captum_deconvnet_benchmarks.metrics.localisation import LocalisationBenchmark
from captum_deconvnet_benchmarks.metrics.occlusion import OcclusionBenchmark
from captum_deconvnet_benchmarks.metrics.randomisation import RandomisationBenchmark
from captum_deconvnet_benchmarks.metrics.road import RoadBenchmark
from captum_deconvnet_benchmarks.metrics.sensitivity import MaxSensitivityBenchmark
from captum_deconvnet_benchmarks.protocol.metric import Metric

METRICS = (
    Metric(
        "occlusion",
        OcclusionBenchmark,
        better="higher",
        parameters={
            "window": 32,
            "stride": 16,
            "fill": 0.0,
            "output": "logit",
            "channels": "signed",
        },
    ),
    Metric(
        "invariance",
        InvarianceBenchmark,
        better="higher",
        parameters={
            "transform": "translation",
            "values": None,
            "interpolation": "bilinear",
            "fill": 0.0,
            "similarity": "spearman",
            "channels": "signed",
        },
    ),
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
        "road",
        RoadBenchmark,
        better="higher",
        stochastic=True,
        parameters={
            "shares": [0.1, 0.3, 0.5, 0.7, 0.9],
            "noise": 0.01,
            "output": "probability",
            "channels": "signed",
        },
    ),
    Metric(
        "infidelity",
        InfidelityBenchmark,
        better="lower",
        stochastic=True,
        parameters={
            "perturbation": "gaussian",
            "deviation": 0.1,
            "samples": 32,
            "output": "logit",
        },
    ),
    Metric(
        "max_sensitivity",
        MaxSensitivityBenchmark,
        better="lower",
        stochastic=True,
        parameters={"radius": 0.02, "samples": 10, "draw": "uniform"},
    ),
    Metric(
        "class_sensitivity",
        ClassSensitivityBenchmark,
        better="lower",
        stochastic=True,
        parameters={"similarities": ["spearman", "ssim", "cosine"], "channels": "signed"},
    ),
    Metric(
        "randomisation",
        RandomisationBenchmark,
        better="lower",
        parameters={
            "order": "top_down",
            "stages": 5,
            "norms": "kept",
            "weights_seed": 42,
            "similarities": ["absolute_spearman", "spearman", "ssim", "hog"],
            "channels": "signed",
            "copies": 0,
            "noise": 0.1,
        },
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
