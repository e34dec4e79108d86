"""``PartCorrespondence``: does covering the same part change features alike? (Table 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.attribution.further_arguments import as_arguments
from captum_deconvnet.attribution.model_checks import require_box, train_mode_refused
from captum_deconvnet.engine.checks import check_initialised, require_module
from captum_deconvnet.engine.consistency import (
    check_batch_independence,
    check_determinism,
    drew_since,
    generator_states,
)
from captum_deconvnet.engine.layers import LayerName, layer_paths
from captum_deconvnet.engine.recorder.module_hooks import layer_outputs
from captum_deconvnet.engine.windows.receptive_field import Box
from captum_deconvnet.errors import ImageError, InputError
from captum_deconvnet.occlusion.correspondence_scores import CorrespondenceScores, distances, score
from captum_deconvnet.pictures.fills import Fill, filled
from captum_deconvnet.renamed import renamed
from captum_deconvnet.short_repr import named_repr

RANDOM = "random"
Features = Callable[[Tensor], dict[str, Tensor]]


class PartCorrespondence:
    r"""Zeiler & Fergus 2014, section 4.3 and Table 1.

    With :math:`\epsilon_i` the change of image i's features when a part is covered, the score is
    the mean over pairs of the Hamming distance between the signs of :math:`\epsilon_i` and
    :math:`\epsilon_j`, as a share of all coordinates. Signs are three-valued: features that do not
    change agree. The paper writes a sum; its numbers can only be means.

    Args:
        model: a model.
        layers: the layers whose outputs are the features: modules or their paths.

    Raises:
        NotAModuleError: if ``model`` is not a module; it is an AssertionError, as Captum has it.
        UnknownLayerError: for a layer that is not in the model.
    """

    def __init__(self, model: nn.Module, layers: LayerName | Sequence[LayerName]) -> None:
        """Compare changes of ``layers``."""
        require_module(model)
        self.model, self.layers = model, layer_paths(model, layers)

    def __repr__(self) -> str:
        """The model and the layers."""
        return named_repr(self, self.model, layers=self.layers)

    @renamed(images="inputs")
    def measure(
        self,
        inputs: Tensor,
        boxes: Mapping[str, Sequence[Box]],
        *,
        random_boxes: int = 0,
        fill: Fill = 0.0,
        generator: torch.Generator | None = None,
        additional_forward_args: Any = None,
    ) -> CorrespondenceScores:
        """Cover each part in all images and compare how features change.

        Args:
            inputs: images (N, C, H, W), two or more.
            boxes: for every part its box in each image, in pixels: a :class:`captum_deconvnet.Box`.
            random_boxes: how many scores of random boxes, each the size of some part, to average
                into the part ``"random"``; 0 for none.
            fill: what covers, in the model's own space: a number or one a channel, ``"mean"``
                for each image's mean colour, ``"blur"``, a tensor that broadcasts, or a function
                of the images; None is 0.
            generator: of the random boxes; required for them.
            additional_forward_args: further arguments of the model, one or a tuple.

        Returns:
            Scores by layer and part.

        Raises:
            InputError: for a box that is no :class:`captum_deconvnet.Box`.
            ImageError: for boxes that do not fit the images, or fewer than two images.
            UnknownNameError: for a fill of another name.
            TrainModeError: for a batch norm in train mode, naming it.
            ModelError: for a fill that does not fit the images, or a model whose features depend on
                the other images of the batch.

        Example:
            >>> import torch, captum_deconvnet as cdn
            >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU()).eval()
            >>> image = torch.rand(1, 3, 12, 12)
            >>> same = cdn.PartCorrespondence(net, "1")
            >>> boxes = {"eye": [cdn.Box(top=2, left=2, bottom=6, right=6)] * 3}
            >>> same.measure(image.repeat(3, 1, 1, 1), boxes)["1"]["eye"]
            Score(mean=0.0, deviation=0.0, pairs=6)
        """
        check_initialised(self.model)
        parts = {part: _checked(part, places, inputs) for part, places in boxes.items()}
        if random_boxes and generator is None:
            raise ImageError(
                "Random boxes need a torch.Generator, so that they can be drawn again."
            )
        further = as_arguments(additional_forward_args)

        def features(images: Tensor) -> dict[str, Tensor]:
            return self._features(images, further)

        with torch.no_grad(), train_mode_refused(dict(self.model.named_modules())):
            clean = self._clean(inputs, features, is_checked=bool(further))
            cover = filled(fill, inputs, None)

            def compared(places: Sequence[Box]) -> dict[str, list[float]]:
                found = features(covered(inputs, places, cover))
                changes = {path: (clean[path] - found[path]).flatten(1) for path in self.layers}
                return {path: distances(change) for path, change in changes.items()}

            found = {part: compared(places) for part, places in parts.items()}
            chance = [compared(_drawn(parts, inputs, generator)) for _ in range(random_boxes)]
        if chance:
            found[RANDOM] = {path: [d for one in chance for d in one[path]] for path in self.layers}
        return self._scores(found)

    attribute = measure
    """Captum's name for :meth:`measure`."""

    def _scores(self, found: Mapping[str, Mapping[str, list[float]]]) -> CorrespondenceScores:
        """The scores by layer of distances by part."""
        return CorrespondenceScores(
            {
                path: {part: score(distances[path]) for part, distances in found.items()}
                for path in self.layers
            }
        )

    def _clean(self, images: Tensor, features: Features, *, is_checked: bool) -> dict[str, Tensor]:
        """The features, nothing covered; a warning if they are partly chance.

        Further arguments may have a row an image: then no single image is run to check it.

        Raises:
            ModelError: an image's features depend on the other images.
        """
        before = generator_states()
        clean = features(images.clone())
        if drew_since(before):
            check_determinism([*clean.values()], lambda: [*features(images.clone()).values()])
        if is_checked or drew_since(before):
            return clean

        def first(inputs: Tensor) -> list[Tensor]:
            return [one[:1] for one in features(inputs).values()]

        check_batch_independence(
            type(self.model).__name__,
            [one[:1] for one in clean.values()],
            first(images[:1].clone()),
            lambda: first(images[:1].clone()),
            lambda: first(images[:1].repeat_interleave(len(images), 0)),
            "give a model that takes each image for itself",
        )
        return clean

    def _features(self, images: Tensor, further: tuple[Any, ...]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        layers = {path: self.model.get_submodule(path) for path in self.layers}
        with layer_outputs(layers, lambda path, output: found.update({path: output.clone()})):
            self.model(images, *further)
        return found


def covered(images: Tensor, boxes: Sequence[Box], cover: Tensor) -> Tensor:
    """A copy of the images, a box of each covered."""
    found = images.clone()
    for image, card, box in zip(found, cover, boxes, strict=True):
        place = (slice(None), slice(box.top, box.bottom), slice(box.left, box.right))
        image[place] = card[place]
    return found


def _checked(part: str, boxes: Sequence[Box], images: Tensor) -> list[Box]:
    if not isinstance(images, Tensor) or images.dim() != 4 or len(images) < 2:
        given = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise InputError(f"The inputs are {given}: two or more images (N, C, H, W) are compared.")
    if len(boxes) != len(images):
        raise ImageError(f"The part {part!r} has {len(boxes)} boxes for {len(images)} images.")
    height, width = images.shape[2:]
    for box in boxes:
        require_box(box, f"The part {part!r} has the box")
        is_inside = 0 <= box.top < box.bottom <= height and 0 <= box.left < box.right <= width
        if not is_inside:
            raise ImageError(
                f"The part {part!r} has the {box}, which does not lie in images of "
                f"{(height, width)}."
            )
    return list(boxes)


def _drawn(
    parts: Mapping[str, list[Box]], images: Tensor, generator: torch.Generator | None
) -> list[Box]:
    """A random box an image, of the size of one of its parts."""
    names = sorted(parts)

    def number(most: int) -> int:
        return int(torch.randint(most, (), generator=generator))

    found = []
    for image in range(len(images)):
        like = parts[names[number(len(names))]][image]
        height, width = like.bottom - like.top, like.right - like.left
        top = number(images.shape[2] - height + 1)
        left = number(images.shape[3] - width + 1)
        found.append(Box(top, left, top + height, left + width))
    return found
