"""A recording: one forward pass, from which any unit can be projected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.engine import units as seeds
from captum_deconvnet.engine.backward import BackwardPass, LivePass, Patch, project_patches
from captum_deconvnet.engine.checks import check_projection
from captum_deconvnet.engine.layers import Activations, LayerName, RecordedLayer, layer_path
from captum_deconvnet.engine.tape.receipt import Receipt
from captum_deconvnet.engine.tape.tape import Value
from captum_deconvnet.engine.unit_projections import project_units, rows_of_units
from captum_deconvnet.engine.units import Unit
from captum_deconvnet.engine.windows.receptive_field import ReceptiveField, RegularFields, field_of
from captum_deconvnet.engine.windows.windowed_backward import WindowedBackward
from captum_deconvnet.errors import LayerError
from captum_deconvnet.renamed import renamed
from captum_deconvnet.short_repr import named_repr


class Recording(LivePass):
    """What one forward pass left behind: enough to project any unit of the recorded layers.

    Made by :func:`captum_deconvnet.record`. It holds the model's weights by reference: project
    before they are trained further.

    Attributes:
        output: what the model returned, bit-identical to what it returns unrecorded.
        activations: the recorded layers' outputs, (N, C, H, W), by module path or module.
    """

    def __init__(
        self,
        backward: BackwardPass,
        images: Sequence[Value],
        recorded: Mapping[str, RecordedLayer],
        output: Any,
        *,
        single: bool,
    ) -> None:
        """Put together what a session recorded; :func:`captum_deconvnet.record` does this."""
        self.output = output
        self.activations = Activations(backward.model, recorded)
        self._backward, self._images, self._single = backward, tuple(images), single
        self._model, self._tape = backward.model, backward.tape

    def __repr__(self) -> str:
        """The model and the recorded layers."""
        return named_repr(self, self._model, self.activations)

    @property
    def receipt(self) -> Receipt:
        """Which rule ran for every operation between the recorded layers, the output and the input.

        Example:
            >>> import torch, captum_deconvnet as cdn
            >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU())
            >>> cdn.record(net, torch.ones(1, 1, 5, 5), "1").receipt.counts
            {'paper': 2, 'adjoint': 0, 'extension': 0, 'fallback': 0}
        """
        return Receipt.of(self._tape.steps)

    def receipt_from(self, layer: LayerName) -> Receipt:
        """Which rules a signal that starts at ``layer`` passes in the backward pass.

        Args:
            layer: a recorded layer, by module path or module.

        Raises:
            UnknownLayerError: for a layer that was not recorded, with near names.
        """
        return Receipt.of(self._tape.steps_from(self.activations.recorded(layer).value))

    @property
    def nbytes(self) -> int:
        """The bytes kept for the reverse, not counting the model's own tensors."""
        tensors = (*self._model.parameters(), *self._model.buffers())
        own = {tensor.untyped_storage()._cdata for tensor in tensors}
        return sum(size for storage, size in self._tape.kept().items() if storage not in own)

    def strongest(self, layer: LayerName) -> list[Unit]:
        """The strongest activation of every map of every image.

        Args:
            layer: a recorded layer, by module path or module.

        Returns:
            One :class:`Unit` a map, image after image, channel after channel: N * C units. Of
            equal activations the first in row order is taken.

        Raises:
            UnknownLayerError: for a layer that was not recorded, with near names.
            UnitError: for a layer without maps.
        """
        path = layer_path(self._model, layer)
        return seeds.strongest_units(path, self.activations[layer])

    def project(
        self, units: Unit | Sequence[Unit], *, seed: str | float = "activation"
    ) -> Tensor | tuple[Tensor, ...]:
        """Project units to the input (Zeiler & Fergus 2014, section 2.1).

        Args:
            units: one unit or several, of any recorded layers.
            seed: the value put on each unit: ``"activation"`` is the unit's own (the paper), a
                number is the same for all (Captum uses 1.0).

        Returns:
            One projection a unit, ``(len(units), C, H, W)``, signed; a tuple of such tensors for
            a model with several inputs.

        Raises:
            UnitError: for a unit outside its map or batch.
            UnsupportedOperationError: with ``strict``, if an operation to pass has no rule.
            NonFiniteError: if the projection overflows or a weight is not finite.

        Warns:
            UnderflowWarning: if a projection is too small for its type.
        """
        projections: dict[int, tuple[Tensor, ...]] = {}
        for path, chosen in seeds.by_layer(self._model, units).items():
            recorded = self.activations.recorded(path)
            projections |= project_units(self._backward, self._images, recorded, chosen, seed)
        return self._answer(rows_of_units(self._model, self._images, projections))

    @renamed(budget="memory_budget")
    def project_patches(
        self,
        units: Unit | Sequence[Unit],
        *,
        seed: str | float = "activation",
        memory_budget: int | None = None,
    ) -> list[Patch]:
        """Project many units, each inside its receptive field only.

        The values are those of :meth:`project`, which is zero elsewhere; docs/units.md has more.

        Args:
            units: one unit or several, of any recorded layers.
            seed: the value put on each unit, as for :meth:`project`.
            memory_budget: bytes for signals, by default 64 MiB, or what one unit needs if more.

        Returns:
            One patch a unit, of the (first) input.

        Raises:
            BudgetError: if one unit needs more than ``memory_budget``.
            UnitError: for a unit outside its map or batch; others as for :meth:`project`.

        Example:
            >>> import torch, captum_deconvnet as cdn
            >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5, padding=2), torch.nn.ReLU())
            >>> recording = cdn.record(net, torch.rand(1, 3, 64, 64), "1")
            >>> recording.project_patches(cdn.Unit(0, "1", 2, row=0, column=30))[0].box
            Box(top=0, left=28, bottom=3, right=33)
        """
        found: dict[int, Patch] = {}
        for path, chosen in seeds.by_layer(self._model, units).items():
            found |= self._patches_of(path, chosen, seed, memory_budget)
        return [found[number] for number in sorted(found)]

    def _patches_of(
        self, path: str, units: Mapping[int, Unit], seed: str | float, budget: int | None
    ) -> dict[int, Patch]:
        """The patches of units of one layer, by their number in the request."""
        recorded, fields = self.activations.recorded(path), self._regular_fields
        value, activation = recorded.value, recorded.activation
        self._backward.check([value])
        placed = {n: seeds.seed_of(unit, activation, seed) for n, unit in units.items()}
        walk = WindowedBackward(self._tape, value, activation, self._images[0], fields, budget)
        with torch.no_grad():
            found = project_patches(walk, units, placed, self.receptive_field(path))
        check_projection(self._model, [patch.pixels for patch in found.values()])
        return found

    def project_map(self, image: int, layer: LayerName, channel: int) -> Tensor:
        """Project a whole feature map, every position with its own activation.

        Rectification makes this differ from the sum of its units' projections.

        Args:
            image: index into the batch.
            layer: a recorded layer.
            channel: index of the feature map.

        Returns:
            The projection, (C, H, W), of the (first) input.

        Raises:
            UnitError: for an image or channel that does not exist.
        """
        activation = self.activations[layer]
        seeds.check_place(Unit(image, str(layer), channel), activation)
        signal = torch.zeros_like(activation)
        signal[image, channel] = activation[image, channel]
        answer = self.project_signal(layer, signal)
        return (answer if isinstance(answer, Tensor) else answer[0])[image]

    def project_signal(self, layer: LayerName, signal: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Project any signal placed on a recorded layer.

        Args:
            layer: a recorded layer.
            signal: of the layer's output shape, (N, C, H, W).

        Returns:
            The projection, of the input's shape (N, C, H, W); a tuple for several inputs.

        Raises:
            LayerError: for a signal of another shape.
        """
        recorded = self.activations.recorded(layer)
        if signal.shape != recorded.activation.shape:
            raise LayerError(
                f"The signal is {tuple(signal.shape)}; the output of layer {layer!r} is "
                f"{tuple(recorded.activation.shape)}. Give a signal of that shape."
            )
        return self._answer(
            self._backward.run({recorded.value: signal.to(recorded.activation)}, self._images)
        )

    def _answer(self, answers: Sequence[Tensor]) -> Tensor | tuple[Tensor, ...]:
        return answers[0] if self._single else tuple(answers)

    def receptive_field(self, layer: LayerName) -> ReceptiveField:
        """The receptive field of the units of ``layer`` on the (first) input.

        Args:
            layer: a recorded layer, by module path or module.

        Returns:
            Size, jump and start in pixels, as (vertical, horizontal), and the box of any unit.

        Raises:
            UnknownLayerError: for a layer that was not recorded, with near names.
        """
        value = self.activations.recorded(layer).value
        return field_of(self._tape, self._regular_fields, value, self._images[0])

    @cached_property
    def _regular_fields(self) -> RegularFields:
        return RegularFields(self._tape, self._images[0])
