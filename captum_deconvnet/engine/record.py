"""``record``: run a model forward once, and keep what projecting needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from captum_deconvnet.engine.checks import (
    check_convolution,
    check_dependence,
    check_model,
    check_output,
)
from captum_deconvnet.engine.layers import (
    LayerName,
    RecordedLayer,
    check_ran,
    check_rows,
    layer_paths,
)
from captum_deconvnet.engine.output import named_signals
from captum_deconvnet.engine.recorder.module_hooks import ModuleListener
from captum_deconvnet.engine.recorder.recorder import Recorder
from captum_deconvnet.engine.recording import Recording
from captum_deconvnet.engine.rules.call import tensors
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.session import RecordingSession, prepare
from captum_deconvnet.engine.tape.adjoint import Kept
from captum_deconvnet.engine.tape.tape import Value
from captum_deconvnet.engine.windows.receptive_field import ReceptiveField
from captum_deconvnet.errors import LayerError, ModelError


def record(
    model: nn.Module,
    inputs: Tensor | tuple[Tensor, ...],
    layers: LayerName | Sequence[LayerName] = (),
    *,
    relu: str | Family = "deconvnet",
    rules: Mapping[Any, Any] | None = None,
    strict: bool = False,
    additional_forward_args: Any = None,
) -> Recording:
    """Run ``model`` forward once and keep what projecting its units back to the input needs.

    Args:
        model: any conv net, in eval mode if it has batch norms. It is left as it was found.
        inputs: one image batch (N, C, H, W), or a tuple of inputs; not changed.
        layers: the layers whose units will be projected, by module path or module. Of a module
            that runs several times the last run counts.
        relu: how rectifiers pass the signal: ``"deconvnet"``, ``"guided"``, ``"gradient"`` (equal
            to autograd), ``"adjoint"``, or a :class:`Family` of three booleans.
        rules: rules of your own, by operation, torch function, autograd function or module class.
        strict: raise if an operation without a rule lies between a layer and the input.
        additional_forward_args: further arguments of the model, one or a tuple, that no signal is
            taken back to; ``inputs`` may be a tuple of all those that signals are taken back to.

    Returns:
        The recording.

    Raises:
        ModelError: for a model without a convolution, one that has lazy layers and never ran, one
            that cannot run on the input or does not depend on it, that decides for several images
            together, or an input of whole numbers.
        UnknownLayerError: for a layer that is not in the model.
        LayerError: for a layer that did not run, does not give one tensor, or is scripted.
        InferenceModeError: under ``torch.inference_mode``; what was made in it is taken outside it.
        TrainModeError: for a batch norm in train mode, naming it.
        NonFiniteError: for NaN or infinite inputs, weights or activations.
        UnsupportedOperationError: with ``strict``, naming module and operation.

    Example:
        >>> import torch, captum_deconvnet as cdn
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU()).eval()
        >>> recording = cdn.record(net, torch.rand(2, 3, 16, 16), "1")
        >>> recording.activations["1"].shape
        torch.Size([2, 8, 14, 14])
        >>> recording.project(recording.strongest("1")).shape
        torch.Size([16, 3, 16, 16])
    """
    check_model(model)
    images = inputs if isinstance(inputs, tuple) else (inputs,)
    session = RecordingSession(model, relu=relu, rules=rules, strict=strict)
    layer_recorder = LayerRecorder(session.recorder, layer_paths(model, layers), images)
    session.run(images, _as_tuple(additional_forward_args), layer_recorder)
    check_convolution(model, session.recorder.tape.steps)
    session.check_consistency()
    recorded = layer_recorder.finish()
    check_output(model, (session.output, [item.activation for item in recorded.values()]))
    _prepare(session, [item.value for item in recorded.values()])
    return Recording(
        session.backward,
        session.images,
        recorded,
        session.output,
        single=not isinstance(inputs, tuple),
    )


def _prepare(session: RecordingSession, targets: Sequence[Value]) -> None:
    """Make the tape ready for signals that start at recorded layers, or at the output."""
    found = (session.value_of(tensor) for tensor in tensors(session.output))
    outputs = [value for value in found if value is not None]
    starts = [*targets, *outputs]
    check_dependence(any(value.flows for value in starts))
    prepare(session.recorder.tape, starts)
    if session.strict:
        for value in targets or starts:
            session.backward.check([value])


class LayerRecorder(ModuleListener):
    """Keeps the outputs of some layers while the model runs."""

    def __init__(
        self, recorder: Recorder, paths: tuple[str, ...], inputs: tuple[Tensor, ...]
    ) -> None:
        """Wait for the modules at ``paths``, in a pass of some inputs."""
        self.recorder, self.paths, self.inputs = recorder, paths, inputs
        self.found: dict[str, tuple[Kept, Value]] = {}

    def left(self, path: str, module: nn.Module, output: Any) -> None:
        """A module has run."""
        if path not in self.paths:
            return
        given = list(named_signals(output).values())
        if len(given) != 1:
            raise LayerError(
                f"The layer {path!r} gives {len(given)} tensors; choose one that gives one."
            )
        value = self.recorder.storages.read(given[0])
        if value is None or not value.flows:
            raise LayerError(
                f"The output of layer {path!r} does not depend on the input: choose another layer."
            )
        check_rows(path, given[0], len(self.inputs[0]))
        self.found[path] = (self.recorder.storages.keep(given[0]), value)

    def finish(self) -> dict[str, RecordedLayer]:
        """What was recorded, in the order asked for.

        Raises:
            LayerError: for a layer that did not run.
        """
        check_ran(self.paths, self.found)
        found = {path: self.found[path] for path in self.paths}
        return {path: RecordedLayer(kept.tensor, value) for path, (kept, value) in found.items()}


def _as_tuple(additional: Any) -> tuple[Any, ...]:
    if additional is None:
        return ()
    return additional if isinstance(additional, tuple) else (additional,)


def receptive_field(
    model: nn.Module,
    layer: LayerName,
    input_shape: Sequence[int],
    *,
    additional_forward_args: Any = None,
) -> ReceptiveField:
    """The receptive field of the units of ``layer``, found by recording one forward pass.

    Args:
        model: any conv net, in eval mode if it has batch norms.
        layer: module path or module.
        input_shape: (C, H, W) or (N, C, H, W); a video model's has a T before H.
        additional_forward_args: further arguments of the model, one or a tuple.

    Returns:
        Size, jump and start in pixels, and the box of any unit.

    Raises:
        ModelError: for an input shape of another length, or as for :func:`record`.
        UnknownLayerError: for a layer that is not in the model.
        LayerError: for a layer that did not run, does not give one tensor, or is scripted.

    Example:
        >>> import torch, captum_deconvnet as cdn
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 7, stride=2, padding=1),
        ...                           torch.nn.ReLU(), torch.nn.MaxPool2d(3, 2, padding=1))
        >>> cdn.receptive_field(net, "2", (3, 224, 224))
        ReceptiveField(size=(11, 11), jump=(4, 4), start=(-3, -3))
    """
    check_model(model)
    like = next(model.parameters(), torch.empty(()))
    shape = _batch_shape(model, tuple(input_shape))
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    image = noise.to(dtype=like.dtype, device=like.device)
    recording = record(model, image, layer, additional_forward_args=additional_forward_args)
    return recording.receptive_field(layer)


def _batch_shape(model: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` with a batch dimension."""
    is_video = any(isinstance(module, nn.Conv3d) for module in model.modules())
    dimensions = 4 if is_video else 3
    if len(shape) not in (dimensions, dimensions + 1):
        names = "(C, T, H, W)" if is_video else "(C, H, W)"
        raise ModelError(f"The input shape {shape} is not {names}, with or without N before it.")
    return (1,) * (dimensions + 1 - len(shape)) + shape
