"""Models whose output is one number an image, for targets that are no single output.

Every class of this package explains numbers. These modules run a model and make one number an image
of what it gives: a class over a mask of a segmentation, or the box of a detector. Each is a module,
so that it can be given wherever a model is, without a target.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.attribution.model_checks import require_box
from captum_deconvnet.engine.checks import require_module
from captum_deconvnet.engine.output import OutputName, select_output
from captum_deconvnet.engine.windows.receptive_field import Box
from captum_deconvnet.errors import ModelError, TargetError
from captum_deconvnet.short_repr import named_repr


class ClassInMask(nn.Module):
    """The mean score of one class over a mask of a segmentation.

    Args:
        model: gives scores (N, K, H, W), alone or in a nest.
        category: the class, 0 to K - 1.
        mask: (H, W) or (N, H, W), numbers or truth values; None for the whole map.
        output: which tensor of the model's output, if it gives several.

    Raises:
        NotAModuleError: if ``model`` is not a module.
        TargetError: when it runs, for a class or a mask that does not fit the scores.

    Example:
        >>> import torch, captum_deconvnet as cdn
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(),
        ...                           torch.nn.Conv2d(8, 4, 1)).eval()
        >>> mask = torch.zeros(8, 8)
        >>> mask[2:5, 2:5] = 1
        >>> sky = cdn.targets.ClassInMask(net, 2, mask)
        >>> cdn.DeconvNet(sky).attribute(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(
        self,
        model: nn.Module,
        category: int,
        mask: Tensor | None = None,
        *,
        output: OutputName | None = None,
    ) -> None:
        """Follow ``category`` inside ``mask``."""
        require_module(model)
        super().__init__()
        self.model, self.category, self.output = model, category, output
        self.mask = mask
        self.train(model.training)

    def __repr__(self) -> str:
        """The model and the class."""
        return named_repr(self, self.model, self.category)

    def forward(self, *inputs: Any) -> Tensor:
        """The mean score, (N,)."""
        scores = select_output(self.model(*inputs), self.output)
        if scores.dim() != 4 or not -scores.shape[1] <= self.category < scores.shape[1]:
            raise TargetError(
                f"The model gives {tuple(scores.shape)} and class {self.category} was asked for: "
                "a mask needs scores (N, classes, height, width) with that class."
            )
        maps = scores[:, self.category]
        if self.mask is None:
            return maps.mean((1, 2))
        weights = self.mask.to(maps)
        if weights.shape[-2:] != maps.shape[-2:] or weights.dim() > 3 or not bool(weights.any()):
            raise TargetError(
                f"The mask is {tuple(weights.shape)}, and the scores are maps of "
                f"{tuple(maps.shape[1:])}: give a mask (H, W) of that size that is not empty."
            )
        weights = weights.expand_as(maps)
        return (maps * weights).sum((1, 2)) / weights.sum((1, 2))


class BoxScore(nn.Module):
    """The score of the box of a detector nearest to a given one.

    The nearest box is the one of greatest overlap (intersection over union); of boxes that do not
    meet it at all, the one whose centre is nearest. Which box that is may change with the image: an
    image without a box scores 0.

    Args:
        model: a detector as torchvision has them: from a list of images (C, H, W) to a list of
            dictionaries with ``boxes`` (B, 4), ``scores`` (B,) and, for ``label``, ``labels`` (B,).
        box: in the detector's pixels: a :class:`captum_deconvnet.Box`, or a tensor of four numbers
            as detectors give it, (left, top, right, bottom).
        label: look only at boxes of this label; None for all.

    Raises:
        InputError: for a box in another form.
        ModelError: when it runs, for a model that gives no such list.

    Example:
        >>> import torch, captum_deconvnet as cdn
        >>> class Detector(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.conv = torch.nn.Conv2d(3, 4, 3)
        ...     def forward(self, images):
        ...         boxes = torch.tensor([[0.0, 0, 4, 4], [4, 4, 8, 8]])
        ...         return [{"boxes": boxes, "scores": self.conv(image).relu().mean((1, 2))[:2]}
        ...                 for image in images]
        >>> near = cdn.targets.BoxScore(Detector().eval(), cdn.Box(5, 5, 8, 8))
        >>> cdn.DeconvNet(near).attribute(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(self, model: nn.Module, box: Box | Tensor, *, label: int | None = None) -> None:
        """Follow the box nearest to ``box``."""
        require_module(model)
        super().__init__()
        self.model, self.label = model, label
        self.box = _corners(box)
        self.train(model.training)

    def __repr__(self) -> str:
        """The model and the box."""
        return named_repr(self, self.model, self.box.tolist(), label=self.label)

    def forward(self, images: Tensor) -> Tensor:
        """The score, (N,)."""
        found = self.model(list(images.unbind()))
        if not isinstance(found, list | tuple) or not all(map(_is_detection, found)):
            raise ModelError(
                f"The model gives a {type(found).__name__}; a detector gives a list of "
                "dictionaries with boxes and scores, one an image."
            )
        return torch.stack([self._score(each, images) for each in found])

    def _score(self, found: Mapping[str, Tensor], images: Tensor) -> Tensor:
        boxes, scores = found["boxes"], found["scores"]
        if self.label is not None:
            wanted = (found["labels"] == self.label).nonzero().flatten()
            boxes, scores = boxes[wanted], scores[wanted]
        if not len(boxes):
            return images.new_zeros(())
        return scores[int(nearest(boxes.detach(), self.box.to(boxes)))]


def nearest(boxes: Tensor, box: Tensor) -> Tensor:
    """The index of the one of ``boxes`` (B, 4) that overlaps ``box`` most, or lies nearest."""
    sides = torch.minimum(boxes[:, 2:], box[2:]) - torch.maximum(boxes[:, :2], box[:2])
    common = sides.clamp(min=0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    overlap = common / (areas - common)
    if bool((common > 0).any()):
        return overlap.argmax()
    apart = (boxes[:, :2] + boxes[:, 2:]) - (box[:2] + box[2:])
    return apart.square().sum(1).argmin()


def _is_detection(item: Any) -> bool:
    return isinstance(item, Mapping) and {"boxes", "scores"} <= set(item)


def _corners(box: Box | Tensor) -> Tensor:
    """(left, top, right, bottom), as detectors have it."""
    if isinstance(box, Tensor) and box.numel() == 4:
        return box.detach().float().flatten()
    require_box(box, "The box is")
    assert isinstance(box, Box)
    return torch.tensor([box.left, box.top, box.right, box.bottom], dtype=torch.float32)
