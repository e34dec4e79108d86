"""Layers during a plain forward pass: their strongest activations are kept, and nothing else.

A layer's output is read as soon as the layer has run, before an in-place rectifier after it
can overwrite it; of a layer that runs several times the last run counts, as in ``record``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.engine.consistency import SeenOperations
from captum_deconvnet.engine.layers import check_ran, check_rows
from captum_deconvnet.engine.recorder.module_hooks import layer_outputs, refuse_train_mode
from captum_deconvnet.engine.rules.call import is_signal, tensors
from captum_deconvnet.errors import LayerError, NonFiniteError
from captum_deconvnet.gallery import layer_top
from captum_deconvnet.gallery.image_batches import Name
from captum_deconvnet.gallery.layer_top import LayerTop


class LayerScan:
    """The strongest activations of some layers, batch after batch.

    Attributes:
        tops: the top k of each layer that has run, by module path.
        means: the means of every map of the images of the last pass, (N, C), likewise.
        is_checked: whether the model was checked for chance and for images that mix.
        operations: notes the model's operations, where it is entered.
    """

    def __init__(
        self, tops: Mapping[str, LayerTop], k: int, *, one_per_image: bool, name: Name
    ) -> None:
        """Continue from ``tops``; ``name`` gives an image's name for error messages."""
        self.tops, self.k, self.one_per_image, self.name = dict(tops), k, one_per_image, name
        self.means: dict[str, Tensor] = {}
        self.is_checked, self.operations = False, SeenOperations()
        self._images: Sequence[int] = ()
        self._new: dict[str, LayerTop] = {}

    @contextmanager
    def batch(self, layers: Sequence[str], images: Sequence[int]) -> Iterator[None]:
        """A forward pass of some images in this context counts, all of it or nothing."""
        self._images, self._new = images, {}
        yield
        check_ran(layers, self._new)
        self.tops |= self._new

    @contextmanager
    def means_only(self, images: Sequence[int]) -> Iterator[None]:
        """Of a forward pass of some images in this context only the means are taken."""
        self._images, self._new = images, {}
        yield

    def first(self, layers: Sequence[str]) -> list[Tensor]:
        """The mean of every map of the first image of the last pass, (1, C) a layer."""
        return [self.means[layer][:1] for layer in layers]

    def take(self, path: str, output: Any) -> None:
        """The layer at ``path`` has run and gave ``output``."""
        activation = self._activation(path, output)
        before = self.tops.get(path) or layer_top.empty_top(activation, self.k)
        if before.size != tuple(activation.shape[2:]):
            raise LayerError(
                f"The layer {path!r} gives maps of {tuple(activation.shape[2:])}, and gave maps of "
                f"{before.size} for other images: give images of one size."
            )
        means = self.means[path] = layer_top.map_means(activation)
        self._require_finite(path, means)
        self._new[path] = layer_top.with_batch(
            before, activation, means, self._images, one_per_image=self.one_per_image
        )

    def _activation(self, path: str, output: Any) -> Tensor:
        given = [tensor for tensor in tensors(output) if is_signal(tensor)]
        if len(given) != 1 or given[0].is_complex():
            raise LayerError(
                f"The layer {path!r} gives {len(given)} tensors of real numbers; choose one that "
                "gives one."
            )
        activation = given[0].detach()
        check_rows(path, activation, len(self._images))
        if not activation.numel():
            raise LayerError(f"The layer {path!r} gives {tuple(activation.shape)}: nothing.")
        return activation

    def _require_finite(self, path: str, means: Tensor) -> None:
        if bool(torch.isfinite(means).all()):
            return
        row = int((~torch.isfinite(means)).any(1).nonzero()[0])
        raise NonFiniteError(
            f"The layer {path!r} gives NaN or infinite values for {self.name(self._images[row])}."
        )


@contextmanager
def scanned(model: nn.Module, layers: Sequence[str], scan: LayerScan) -> Iterator[None]:
    """Show ``scan`` what the layers of ``model`` give; all hooks are removed at the end.

    Raises:
        TrainModeError: for a batch norm in train mode, naming it.
        LayerError: for a scripted layer, which takes no hooks.
    """
    for path, module in model.named_modules():
        refuse_train_mode(path, module)
    modules = {path: model.get_submodule(path) for path in layers}
    for path, module in modules.items():
        if isinstance(module, torch.jit.ScriptModule):
            raise LayerError(f"The layer {path!r} is scripted: choose one that is not.")

    def take(path: str, output: Any) -> None:
        with scan.operations.hidden():
            scan.take(path, output)

    with layer_outputs(modules, take, prepend=True):
        yield
