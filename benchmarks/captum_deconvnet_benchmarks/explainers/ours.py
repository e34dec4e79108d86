"""Explainers of this package."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

import captum_deconvnet as cdn
from captum_deconvnet_benchmarks.protocol.explainer import Explainer, Subject


def slide(inputs: Tensor, windows: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """The window and its step, all channels at once, as Captum takes them.

    Args:
        inputs: (N, C, H, W).
        windows: how many windows lie side by side along the shorter side; the step is half a
            window. 7 of them are the paper's 32 by 32 every 16 at 224.
    """
    channels, *sides = inputs.shape[1:]
    window = max(min(sides) // windows, 1)
    step = max(window // 2, 1)
    return (channels, window, window), (channels, step, step)


def project(
    subject: Subject, inputs: Tensor, target: Tensor, seeds: Sequence[int], *, relu: str
) -> Tensor:
    """The projection of the target's logit, with one of the rules for rectifiers."""
    maps: Tensor = cdn.DeconvNet(subject.model, relu=relu).attribute(inputs, target=target)
    return maps


def project_x_input(
    subject: Subject, inputs: Tensor, target: Tensor, seeds: Sequence[int], *, relu: str
) -> Tensor:
    """The projection times the input."""
    return project(subject, inputs, target, seeds, relu=relu) * inputs


def occlude(
    subject: Subject,
    inputs: Tensor,
    target: Tensor,
    seeds: Sequence[int],
    *,
    windows: int,
    baseline: float,
    method: str,
) -> Tensor:
    """How much the logit falls when a window is covered (Zeiler & Fergus 2014, section 4.2).

    The method is not ``"auto"``, which measures time: its choice would move the last digits.
    """
    size, step = slide(inputs, windows)
    occlusion = cdn.Occlusion(subject.model, method=method)
    maps: Tensor = occlusion.attribute(inputs, size, step, baselines=baseline, target=target)
    return maps.to(inputs)


OURS = (
    *(Explainer(relu, project, parameters={"relu": relu}) for relu in ("deconvnet", "guided")),
    *(Explainer(relu, project, parameters={"relu": relu}) for relu in ("gradient", "adjoint")),
    Explainer("deconvnet-x-input", project_x_input, parameters={"relu": "deconvnet"}),
    Explainer(
        "occlusion", occlude, parameters={"windows": 7, "baseline": 0.0, "method": "incremental"}
    ),
)
