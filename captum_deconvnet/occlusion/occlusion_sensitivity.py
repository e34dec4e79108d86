"""``OcclusionSensitivity``: the maps of Zeiler & Fergus 2014, Fig. 7."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.attribution.further_arguments import as_arguments
from captum_deconvnet.attribution.model_checks import check_output_name
from captum_deconvnet.attribution.selected_call import SelectedCall, finite
from captum_deconvnet.engine.checks import check_initialised, require_module
from captum_deconvnet.engine.layers import layer_path
from captum_deconvnet.engine.output import OutputName
from captum_deconvnet.engine.record import record
from captum_deconvnet.engine.rules.family import Family, family
from captum_deconvnet.errors import InputError, ModelError, WindowError
from captum_deconvnet.occlusion.maps import (
    MapCollector,
    OcclusionMaps,
    OcclusionReport,
    check_method,
)
from captum_deconvnet.occlusion.occluder import Occluder
from captum_deconvnet.occlusion.window_grid import Grid
from captum_deconvnet.occlusion.windowed_model import WindowedModel
from captum_deconvnet.pictures.fills import Fill, filled
from captum_deconvnet.registry import LoadedModel
from captum_deconvnet.renamed import renamed
from captum_deconvnet.short_repr import named_repr


class OcclusionSensitivity:
    """Slides an occluder over images; measures a feature map and the class (section 4.2).

    One pass over the windows gives all maps; the model is recomputed in part, as by
    :class:`Occlusion`, where it can be. The paper states neither the size nor the stride of its
    grey square. "Strongest" is the largest sum over space, nothing covered.

    Args:
        model: a classifier that gives (N, K) scores, or a :class:`LoadedModel`.
        layer: the layer whose strongest map is measured: a module or its path; ``None`` for none.
        method: ``"incremental"``, ``"dense"`` (the model run whole for every window), or
            ``"auto"``, which measures both.
        relu: how rectifiers pass the signal in projections, as for :class:`DeconvNet`.
        memory_budget: bytes that the windows going through together may take.
        output: which tensor of the model's output holds the class scores, by key, attribute or
            index, if it gives several.

    Attributes:
        report: how the last call was worked out, an :class:`OcclusionReport`.

    Raises:
        NotAModuleError: if ``model`` is not a module; it is an AssertionError, as Captum has it.
        UnknownNameError: for a layer that is not in the model, an unknown ``method`` or ``relu``.
    """

    def __init__(
        self,
        model: nn.Module | LoadedModel,
        layer: nn.Module | str | None = None,
        *,
        method: str = "auto",
        relu: str | Family = "deconvnet",
        memory_budget: int = 2**30,
        output: OutputName | None = None,
    ) -> None:
        """Measure ``layer`` of ``model``."""
        self.loaded = model if isinstance(model, LoadedModel) else None
        self.model = model.model if isinstance(model, LoadedModel) else model
        require_module(self.model)
        self.layer = None if layer is None else layer_path(self.model, layer)
        self.method, self.relu = check_method(method), family(relu)
        self.memory_budget, self.output = memory_budget, output
        self.report: OcclusionReport | None = None

    def __repr__(self) -> str:
        """The model and the layer."""
        return named_repr(self, self.model, layer=self.layer)

    @renamed(others="other_inputs", images="inputs")
    def measure(
        self,
        inputs: Tensor,
        target: int | Tensor | list[int] | None = None,
        *,
        window: int = 32,
        stride: int = 16,
        fill: Fill = None,
        other_inputs: Tensor | None = None,
        output: str = "logits",
        all_classes: bool = False,
        additional_forward_args: Any = None,
        show_progress: bool = False,
    ) -> OcclusionMaps:
        """Cover each place in turn.

        Args:
            inputs: images (N, C, H, W).
            target: the class of all or of each; None for the most probable one.
            window: side of the square, in pixels.
            stride: how far it moves, in pixels; the last place is cut off by the edge.
            fill: what covers: ``"grey"``, ``"mean"``, ``"blur"``, a number or one a channel, a
                tensor that broadcasts, a function of the images; None is grey for a
                :class:`LoadedModel` and 0 else.
            other_inputs: images (M, C, H, W) on which the same map is projected too.
            output: what the model gives, ``"logits"`` or ``"probabilities"``; of a single logit
                the probability is the sigmoid.
            all_classes: keep the probabilities of all classes.
            additional_forward_args: further arguments of the model, one or a tuple; tensors have a
                row an image and are repeated for batches, as by Captum.
            show_progress: show a bar on stderr.

        Returns:
            The maps.

        Raises:
            InputError: for inputs that are no images (N, C, H, W).
            WindowError: for a window or a stride that does not fit them.
            TargetError: for a class that does not exist.
            LayerError: for a layer without feature maps.
            ModelError: for a model that does not give (N, K), whose lazy layers have not run, or
                whose outputs are not ``output``.
            TrainModeError: for a batch norm in train mode, naming it.
            UnsupportedOperationError: with ``method="incremental"``, if the model cannot be traced.
            OutputChoiceError: for a model that gives several tensors, none of them chosen.
            UnknownNameError: for an unknown ``output``.

        Example:
            >>> import torch, captum_deconvnet as cdn
            >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(),
            ...     torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 5)).eval()
            >>> sensitivity = cdn.OcclusionSensitivity(net, "1")
            >>> maps = sensitivity.measure(torch.rand(1, 3, 20, 16), 3, window=8, stride=4)
            >>> maps.activity.shape, maps.probability.shape, maps.label.shape
            (torch.Size([1, 4, 3]), torch.Size([1, 4, 3]), torch.Size([1, 4, 3]))
        """
        further = as_arguments(additional_forward_args)
        check_output_name(output)
        check_initialised(self.model)
        grid = _grid(inputs, window, stride)
        with torch.no_grad():
            occluder = Occluder([inputs.detach()], [filled(fill, inputs, self.loaded)])
            model = WindowedModel(
                ClassScores(self.model, None, further or None, self.output),
                occluder,
                [grid],
                method=self.method,
                memory_budget=self.memory_budget,
                layer=self.layer,
            )
            clean = [finite(model.own_output), *model.clean[1:]]
            found = MapCollector(grid, clean, target, output, all_classes=all_classes)
            with tqdm(total=len(grid), desc="occlusion", disable=not show_progress) as bar:
                for windows, tensors in model.outputs():
                    found.add(windows, tensors)
                    bar.update(len(windows))
        self.report = model.report
        own = others_own = None
        if self.layer is not None and found.channel is not None:
            own = self._projections(inputs, found.channel, further, paired=True)
            if other_inputs is not None:
                others_own = self._projections(other_inputs, found.channel, further)
        return found.maps(own, others_own)

    attribute = measure
    """Captum's name for :meth:`measure`."""

    def _projections(
        self, images: Tensor, channels: Tensor, further: tuple[Any, ...], *, paired: bool = False
    ) -> Tensor:
        """Projections of maps of the layer: of each image's own map, or of all on all images."""
        assert self.layer is not None
        recording = record(
            self.model, images, self.layer, relu=self.relu, additional_forward_args=further
        )
        if paired:
            pairs = enumerate(channels.tolist())
            return torch.stack([recording.project_map(n, self.layer, c) for n, c in pairs]).detach()
        rows = [
            torch.stack([recording.project_map(n, self.layer, c) for n in range(len(images))])
            for c in channels.tolist()
        ]
        return torch.stack(rows).detach()


@dataclass(frozen=True)
class ClassScores(SelectedCall):
    """A model whose output must be class scores (N, K)."""

    def one_tensor(self, output: Any) -> Tensor:
        """The scores.

        Raises:
            ModelError: it is not (N, K).
        """
        found = super().one_tensor(output)
        if found.dim() != 2:
            raise ModelError(
                f"The model gives {tuple(found.shape)}; class scores (N, K) were expected. Wrap "
                "the model so that it gives one number a class, such as the mean over a mask."
            )
        return found


def _grid(images: Tensor, window: int, stride: int) -> Grid:
    if not isinstance(images, Tensor):
        raise InputError(f"The inputs are a {type(images).__name__}; give a tensor (N, C, H, W).")
    if images.dim() != 4:
        raise InputError(f"The inputs have shape {tuple(images.shape)}; give (N, C, H, W).")
    if not len(images):
        raise InputError(f"There is no image: the batch has shape {tuple(images.shape)}.")
    channels, height, width = images.shape[1:]
    if not 1 <= window <= min(height, width):
        raise WindowError(
            f"A window of {window} does not fit images of {height} by {width} pixels."
        )
    if not 1 <= stride <= window:
        raise WindowError(f"A stride of {stride} is not between 1 and the window, {window}.")
    return Grid(
        0, (channels, height, width), (channels, window, window), (channels, stride, stride)
    )
