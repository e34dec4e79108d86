"""Captum's explainers that take gradients, batched: none of them draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import captum.attr
from torch import Tensor

from captum_deconvnet_benchmarks.explainers.captum_calls import (
    calling_captum,
    needs_deep_lift_modules,
    needs_layer,
    needs_relu_modules,
    needs_relu_modules_and_layer,
)
from captum_deconvnet_benchmarks.protocol.explainer import Explainer, Subject


class Plain:
    """The attribute function of a Captum class that is constructed with the model alone."""

    def __init__(self, kind: type[Any]) -> None:
        """Remember the class."""
        self.kind = kind

    def __call__(
        self,
        subject: Subject,
        inputs: Tensor,
        target: Tensor,
        seeds: Sequence[int],
        **options: Any,
    ) -> Tensor:
        """Maps (N, C, H, W); the parameters are those of the class's ``attribute``."""
        with calling_captum(subject.model):
            maps: Tensor = self.kind(subject.model).attribute(
                inputs.detach().clone(), target=target, **options
            )
        return maps.detach()


def integrate(
    subject: Subject,
    inputs: Tensor,
    target: Tensor,
    seeds: Sequence[int],
    *,
    steps: int,
    baseline: float,
) -> Tensor:
    """Integrated gradients along the line from the baseline, step after step."""
    return Plain(captum.attr.IntegratedGradients)(
        subject, inputs, target, seeds,
        n_steps=steps, baselines=baseline, internal_batch_size=len(inputs),
    )  # fmt: skip


def grad_cam(
    subject: Subject, inputs: Tensor, target: Tensor, seeds: Sequence[int], *, relu: bool
) -> Tensor:
    """Grad-CAM of the last layer with maps, (N, 1, H, W), enlarged bilinearly."""
    layer = subject.model.get_submodule(subject.layer or "")
    with calling_captum(subject.model):
        small = captum.attr.LayerGradCam(subject.model, layer).attribute(
            inputs.detach().clone(), target=target, relu_attributions=relu
        )
    side = tuple(inputs.shape[2:])
    maps: Tensor = captum.attr.LayerAttribution.interpolate(small, side, "bilinear")
    return maps.detach()


def guided_grad_cam(
    subject: Subject, inputs: Tensor, target: Tensor, seeds: Sequence[int]
) -> Tensor:
    """Guided backpropagation times Grad-CAM."""
    layer = subject.model.get_submodule(subject.layer or "")
    with calling_captum(subject.model):
        maps: Tensor = captum.attr.GuidedGradCam(subject.model, layer).attribute(
            inputs.detach().clone(), target=target
        )
    return maps.detach()


GRADIENTS = (
    Explainer("captum/saliency", Plain(captum.attr.Saliency), parameters={"abs": False}),
    Explainer("captum/input-x-gradient", Plain(captum.attr.InputXGradient)),
    Explainer("captum/integrated-gradients", integrate, parameters={"steps": 20, "baseline": 0.0}),
    Explainer(
        "captum/guided-backprop", Plain(captum.attr.GuidedBackprop), unfit=needs_relu_modules
    ),
    Explainer("captum/deconvolution", Plain(captum.attr.Deconvolution), unfit=needs_relu_modules),
    Explainer(
        "captum/deep-lift",
        Plain(captum.attr.DeepLift),
        unfit=needs_deep_lift_modules,
        parameters={"baselines": 0.0},
    ),
    Explainer("captum/grad-cam", grad_cam, unfit=needs_layer, parameters={"relu": True}),
    Explainer("captum/guided-grad-cam", guided_grad_cam, unfit=needs_relu_modules_and_layer),
)
