"""``FeatureInvariance``: how features move when the picture does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.attribution.further_arguments import as_arguments, for_rows
from captum_deconvnet.attribution.model_checks import (
    Target,
    check_images,
    measured_layers,
    probabilities,
    targets_of,
)
from captum_deconvnet.engine.checks import require_module
from captum_deconvnet.engine.layers import LayerName
from captum_deconvnet.engine.output import OutputName
from captum_deconvnet.engine.record import record
from captum_deconvnet.errors import LayerError, ModelError
from captum_deconvnet.invariance.curves import InvarianceCurves
from captum_deconvnet.invariance.distances import Norms, score
from captum_deconvnet.invariance.layer_changes import LayerChanges, Undo
from captum_deconvnet.invariance.measurement import Measurement
from captum_deconvnet.invariance.placement import Sampling
from captum_deconvnet.invariance.transforms import Change, Transform, transform_of
from captum_deconvnet.invariance.versions import Versions, checked_values
from captum_deconvnet.pictures.fills import Fill
from captum_deconvnet.renamed import renamed
from captum_deconvnet.short_repr import named_repr


class FeatureInvariance:
    """Distances between the features of an image and of its transforms (Zeiler & Fergus, Fig. 5).

    Distances are between the *features* of a layer. The model is left as it was found.

    Args:
        model: any net, in eval mode if it has batch norms; a warning tells of chance.
        layers: which layers, by module path or module; None for the first and the last stage.
        output: which tensor of the model's output holds the class scores, by key, attribute or
            index, if it gives several; needed only with a target.

    Raises:
        NotAModuleError: if ``model`` is not a module; it is an AssertionError, as Captum has it.
    """

    def __init__(
        self,
        model: nn.Module,
        layers: LayerName | Sequence[LayerName] | None = None,
        *,
        output: OutputName | None = None,
    ) -> None:
        """Measure ``layers`` of ``model``."""
        require_module(model)
        self.model, self.layers, self.output = model, layers, output

    def __repr__(self) -> str:
        """The model and the layers."""
        return named_repr(self, self.model, layers=self.layers)

    @renamed(images="inputs")
    def measure(
        self,
        inputs: Tensor,
        target: Target = None,
        *,
        transform: str | Transform | Change = "translation",
        values: Iterable[float] | None = None,
        interpolation: str = "bilinear",
        fill: Fill = 0.0,
        crop: tuple[int, int] | None = None,
        output: str = "logits",
        equivariance: bool = False,
        units: bool = False,
        batch_size: int = 16,
        additional_forward_args: Any = None,
        show_progress: bool = False,
    ) -> InvarianceCurves:
        r"""Transform every image by every value, and measure all layers in one pass.

        Args:
            inputs: images (N, C, H, W), as the model takes them; with ``crop``, larger ones.
            target: the true label, one or one an image, whose probability is followed; None to
                leave that out.
            transform: ``"translation"`` (down), ``"horizontal_translation"``, ``"scale"``,
                ``"rotation"`` (counter-clockwise), ``"blur"``, ``"brightness"``, ``"contrast"``,
                ``"noise"``, or a function of images (N, C, H, W) and a value.
            values: pixels, times larger, degrees, ...; None for the paper's range: -60 to 60
                pixels (in proportion on images under 224), 1 to 1.8, 0 to 350 degrees.
            interpolation: ``"bilinear"`` or ``"nearest"``. Shifts by whole pixels and turns by
                right angles need none.
            fill: what comes in from outside the image: a number, one a channel, ``"mean"`` of each
                image, ``"blur"``, a tensor that broadcasts, or a function of images (N, C, H, W);
                None is 0, the mean colour of most networks.
            crop: (height, width) of the centre that the model sees after the transform, so that
                what comes in is taken from larger ``inputs`` and borders invent no edges.
            output: what the model gives, ``"logits"`` or ``"probabilities"``.
            equivariance: also undo the transform on the maps, and measure what is left.
            units: also score every single unit, which keeps feature maps for every image.
            batch_size: how many versions of images go through the model together.
            additional_forward_args: further arguments of the model, one or a tuple; a tensor with a
                row for each image is repeated by row, anything else is the same for every batch.
            show_progress: show a bar on stderr.

        Returns:
            The curves.

        Raises:
            UnknownNameError: for an unknown transform, interpolation or layer.
            TransformError: for values that cannot be used, or a transform that changes the size.
            FillError: for a fill that does not fit the images.
            TargetError: for a label that does not exist.
            LayerError: for a layer that did not run or whose rows are not the images.
            ModelError: for inputs the model does not take, outputs that are not ``output``, or a
                model that gives an image something else when others are in its batch.
            OutputChoiceError: for a model that gives several tensors, none of them chosen.
            NonFiniteError: for NaN or infinite inputs, values, features or outputs.
            TrainModeError: for a batch norm in train mode, naming it.

        Example:
            >>> import torch, captum_deconvnet as cdn
            >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(),
            ...                           torch.nn.Flatten(), torch.nn.Linear(8 * 36, 5)).eval()
            >>> invariance = cdn.FeatureInvariance(net, ["1", "3"])
            >>> curves = invariance.measure(torch.rand(2, 3, 8, 8), 4, values=[-2, -1, 0, 1, 2])
            >>> curves.distance("1", "euclidean").shape, curves.probability.shape
            (torch.Size([2, 5]), torch.Size([2, 5]))
            >>> curves.area("3").shape, curves.map_scores["1"].shape
            (torch.Size([2]), torch.Size([2, 8]))
        """
        check_images(inputs)
        sampling = Sampling(interpolation, fill, crop)
        sampling.check(inputs)
        chosen = transform_of(transform)
        tried = checked_values(chosen, values, (inputs.shape[-2], inputs.shape[-1]))
        versions = Versions(inputs.detach(), chosen, tried, sampling, equivariance=equivariance)
        paths = measured_layers(self.model, self.layers, versions(0, 0))
        measurement = Measurement(
            self.model,
            as_arguments(additional_forward_args),
            versions,
            len(inputs),
            versions.points,
            _checked_batch(batch_size),
            show_progress,
            self.output,
            target is not None,
        )
        further = as_arguments(additional_forward_args)
        first = for_rows(further, len(inputs), [0])
        undo = _undo(self.model, versions, paths, first) if equivariance else {}
        layers = {
            path: LayerChanges(path, len(inputs), versions.points, undo.get(path), units=units)
            for path in paths
        }
        found = probabilities(measurement.run(layers), output)
        return _curves(versions, layers, found, target)

    attribute = measure
    """Captum's name for :meth:`measure`."""


def _undo(
    model: nn.Module, versions: Versions, paths: tuple[str, ...], further: tuple[Any, ...]
) -> dict[str, Undo]:
    """How every layer's maps are put back, by the jump of its units.

    Raises:
        LayerError: a layer has no maps that could be.
    """
    recording = record(model, versions(0, 0), paths, additional_forward_args=further)
    for path in paths:
        shape = tuple(recording.activations[path].shape)
        if len(shape) != 4 or min(shape[2:]) < 2:
            raise LayerError(
                f"The layer {path!r} gives {shape} for one image: a transform can only be undone "
                "on maps. Leave the layer out, or give equivariance=False."
            )
    fields = {path: recording.receptive_field(path) for path in paths}
    return {path: versions.undo(field.jump) for path, field in fields.items()}


def _curves(
    versions: Versions, layers: dict[str, LayerChanges], found: Tensor | None, target: Target
) -> InvarianceCurves:
    """The curves over all values, those included that needed no version of their own."""
    columns = versions.columns
    labels = None if found is None else found.shape[-1]
    targets = targets_of(target, len(versions.images), labels)
    seen = None if found is None else found[:, columns]
    probability = None
    if seen is not None and targets is not None:
        probability = seen.gather(2, targets.view(-1, 1, 1).expand(-1, seen.shape[1], 1))[..., 0]
    return InvarianceCurves(
        transform=versions.transform.name,
        unit=versions.transform.unit,
        values=versions.values,
        norms={path: _norms(changes, columns) for path, changes in layers.items()},
        map_scores={path: _map_scores(changes) for path, changes in layers.items()},
        unit_scores={path: _unit_scores(each) for path, each in layers.items() if each.units},
        undone={path: _undone(each, columns) for path, each in layers.items() if each.undo},
        target=targets,
        probability=probability,
        predicted=None if seen is None else seen.argmax(-1),
    )


def _norms(changes: LayerChanges, columns: list[int]) -> Norms:
    original = changes.energy[:, :1].expand(-1, len(columns))
    squares = (original, changes.energy[:, columns], changes.difference[:, columns])
    return Norms(*(square.sqrt() for square in squares))


def _undone(changes: LayerChanges, columns: list[int]) -> Norms:
    known, residual = changes.known[:, columns].sqrt(), changes.residual[:, columns].sqrt()
    return Norms(known, known, residual)


def _map_scores(changes: LayerChanges) -> Tensor:
    return score(torch.stack(changes.map_difference), torch.stack(changes.map_energy)).cpu()


def _unit_scores(changes: LayerChanges) -> Tensor:
    return torch.stack([score(each.difference, each.energy) for each in changes.unit_sums]).cpu()


def _checked_batch(size: int) -> int:
    if size < 1:
        raise ModelError(f"The batch size is {size}; give 1 or more.")
    return size
