"""The table of explainers that come with the harness."""

from __future__ import annotations

from captum_deconvnet_benchmarks.explainers.captum_gradients import GRADIENTS
from captum_deconvnet_benchmarks.explainers.captum_noise import NOISE
from captum_deconvnet_benchmarks.explainers.captum_perturbations import PERTURBATIONS
from captum_deconvnet_benchmarks.explainers.controls import CONTROLS, minus
from captum_deconvnet_benchmarks.explainers.ours import OURS

TABLE = (*OURS, *GRADIENTS, *PERTURBATIONS, *NOISE, *CONTROLS, minus(OURS[0]))
