"""``FeatureDifference``: what in an image breaks the invariance of a layer's features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.attribution.captum_compat import (
    GradientAttribution,
    Synchronous,
    TargetType,
    log_usage,
)
from captum_deconvnet.attribution.further_arguments import as_arguments, for_rows
from captum_deconvnet.attribution.model_checks import check_images
from captum_deconvnet.engine.checks import require_module
from captum_deconvnet.engine.layers import LayerName
from captum_deconvnet.engine.record import record
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.tape.receipt import Receipt
from captum_deconvnet.errors import TransformError, UnitError
from captum_deconvnet.invariance.placement import Sampling
from captum_deconvnet.invariance.transforms import Change, Transform, transform_of
from captum_deconvnet.invariance.versions import checked_values
from captum_deconvnet.pictures.fills import Fill
from captum_deconvnet.short_repr import named_repr


class FeatureDifference(Synchronous, GradientAttribution):  # type: ignore[misc]
    r"""The deconvnet projection of f(Tx) - f(x), a layer's change under a transform T.

    Ours, in the manner of Zeiler & Fergus 2014: features that appear are projected through the
    record of the transformed image, features that vanish through that of the image, and the
    second is taken from the first. Each part is thus rectified by itself; for a linear net the
    whole is the projection of f(Tx) - f(x).

    It has Captum's conventions, and can be used where its attributions can, as in ``NoiseTunnel``.

    Args:
        model: any conv net, in eval mode if it has batch norms.
        layer: the module whose features are compared, or its path.
        transform: a name, or a function of images (N, C, H, W) and a value, as for
            :meth:`captum_deconvnet.FeatureInvariance.attribute`.
        value: of the transform: pixels, times larger, degrees.
        channel: only this feature map; None for all.
        interpolation: as for :meth:`captum_deconvnet.FeatureInvariance.attribute`.
        fill: as there.
        relu: as for :class:`captum_deconvnet.DeconvNet`, as are the next two.
        rules: rules of your own.
        strict: raise if an operation without a rule lies on the way to the input.

    Attributes:
        receipt: which rules ran in the last call, as for :class:`captum_deconvnet.DeconvNet`;
            ``None`` before the first.

    Raises:
        NotAModuleError: if ``model`` is not a module; it is an AssertionError, as Captum has it.
        UnknownNameError: for an unknown transform or interpolation.
    """

    def __init__(
        self,
        model: nn.Module,
        layer: LayerName,
        transform: str | Transform | Change = "translation",
        value: float = 10,
        *,
        channel: int | None = None,
        interpolation: str = "bilinear",
        fill: Fill = 0.0,
        relu: str | Family = "deconvnet",
        rules: Mapping[Any, Any] | None = None,
        strict: bool = False,
    ) -> None:
        """Compare ``layer`` before and after ``transform`` by ``value``."""
        require_module(model)
        GradientAttribution.__init__(self, model)
        self.model, self.layer, self.channel = model, layer, channel
        self.transform, self.value = transform_of(transform), value
        self.sampling = Sampling(interpolation, fill)
        self.relu, self.rules, self.strict = relu, rules, strict
        self.receipt: Receipt | None = None

    def __repr__(self) -> str:
        """The model, the layer and the transform."""
        return named_repr(
            self, self.model, self.layer, self.transform.name, self.value, channel=self.channel
        )

    @log_usage(part_of_slo=True)  # type: ignore[untyped-decorator]
    def attribute(
        self, inputs: Tensor, target: TargetType = None, additional_forward_args: Any = None
    ) -> Tensor:
        r"""Project the change of the features to the input.

        Args:
            inputs: images (N, C, H, W).
            target: not used, since the features of a layer have no labels; taken because callers
                of attributions give one.
            additional_forward_args: further arguments of the model, one or a tuple; a tensor with a
                row for each image is repeated by row, anything else is the same for every batch.

        Returns:
            (N, C, H, W), signed: positive where structure of the transformed image brings features
            that were not there, negative where structure of the image is no longer seen.

        Raises:
            TransformError: for a value that cannot be used, or a transform that changes the size.
            UnitError: for a channel that does not exist.
            LayerError: for a layer that did not run or does not give one tensor.
            TrainModeError: for a batch norm in train mode, naming it.
            NonFiniteError: for NaN or infinite inputs, weights or features.
            UnsupportedOperationError: with ``strict``, naming module and operation.

        Example:
            >>> import torch, captum_deconvnet as cdn
            >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU()).eval()
            >>> difference = cdn.FeatureDifference(net, "1", "rotation", 45)
            >>> difference.attribute(torch.rand(2, 3, 8, 8)).shape
            torch.Size([2, 3, 8, 8])
        """
        check_images(inputs)
        images, further = inputs.detach(), as_arguments(additional_forward_args)
        twice = [*range(len(images))] * 2
        recording = record(
            self.model,
            torch.cat([images, self._moved(images)]),
            self.layer,
            relu=self.relu,
            rules=self.rules,
            strict=self.strict,
            additional_forward_args=for_rows(further, len(images), twice),
        )
        before, after = recording.activations[self.layer].chunk(2)
        change = self._of_channel(after - before)
        signal = torch.cat([(-change).clamp(min=0), change.clamp(min=0)])
        projected = recording.project_signal(self.layer, signal)
        assert isinstance(projected, Tensor)  # a tuple only comes from several inputs
        self.receipt = recording.receipt_from(self.layer)
        vanished, appeared = projected.chunk(2)
        return appeared - vanished

    def _moved(self, images: Tensor) -> Tensor:
        self.sampling.check(images)
        size = images.shape[-2], images.shape[-1]
        (value,) = checked_values(self.transform, [self.value], size)
        if self.transform.is_identity(value):
            raise TransformError(
                f"The transform {self.transform.name!r} by {value:g} changes nothing: give a value "
                "that does."
            )
        return self.transform(images, value, self.sampling)

    def _of_channel(self, change: Tensor) -> Tensor:
        if self.channel is None:
            return change
        if not 0 <= self.channel < change.shape[1]:
            raise UnitError(
                f"Layer {self.layer!r} has {change.shape[1]} channels, 0 to {change.shape[1] - 1}; "
                f"channel {self.channel} was asked for."
            )
        only = torch.zeros_like(change)
        only[:, self.channel] = change[:, self.channel]
        return only
