"""Filters: convolution and linear layers run their transposed filters, without bias.

Zeiler & Fergus (2014), section 2.1: "the deconvnet uses transposed versions of the same filters".
A batch norm is folded into the filter before it where that is less work than scaling the signal:
the signal between the two is never seen. The tape keeps both steps, and the receipt names both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from captum_deconvnet.engine.rules.call import Answer, Call, per_axis
from captum_deconvnet.engine.rules.filters_on_windows import Filters
from captum_deconvnet.engine.rules.gates import gate_of
from captum_deconvnet.engine.rules.linear import Reshape, Scale
from captum_deconvnet.engine.rules.replay import Linear, gradient, replays, sees_all
from captum_deconvnet.engine.tape.adjoint import Adjoint, Kept
from captum_deconvnet.engine.tape.batched_windows import BatchedWindows
from captum_deconvnet.engine.tape.reach import (
    last_whole,
    rows_whole,
    scattered_windows,
    whole,
    windows,
)
from captum_deconvnet.engine.tape.tape import Step, Tape, Value
from captum_deconvnet.errors import ModelError


@dataclass(eq=False)
class Filter(Adjoint):
    """Convolution of any rank, grouped, dilated, strided, padded or transposed."""

    input_shape: torch.Size
    weight: Kept
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int
    gain: Tensor | None = None

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal through the transposed filters, at exactly the input's size."""
        weight = self.weight.tensor if self.gain is None else self.weight.tensor * self.gain
        shape_only = signal.new_empty(1).expand(self.input_shape)
        answer = torch.ops.aten.convolution_backward(
            signal,
            shape_only,
            weight,
            None,
            self.stride,
            self.padding,
            self.dilation,
            self.transposed,
            self.output_padding,
            self.groups,
            (True, False, False),
        )
        return (answer[0],)

    @property
    def has_windows(self) -> bool:
        """Transposed convolutions run on whole maps."""
        return not self.transposed

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows through the transposed filters; what lies in the padding is dropped."""
        (image,) = inputs
        if image is None or self.transposed or not output.is_whole(1):
            return super().windowed(signal, output, inputs)
        weight = self.weight.tensor if self.gain is None else self.weight.tensor * self.gain
        filters = Filters(weight, self.stride, self.padding, self.dilation, self.groups)
        layout = filters.layout(output, image)
        return (image.fit(filters.paste(signal, layout), (0, 0, *layout.origin)),)


def convolution(call: Call) -> Answer:
    """A convolution with given filters; filters made from the image are recorded constants."""
    image, weight = call.argument("input"), call.argument("weight")
    _check_channels(call, image, weight)
    others = [tensor for tensor in call.inputs if tensor is not image]
    if not call.flows(image) or (others and call.family.exact):
        return gradient(call)
    if others:
        call.kind = "extension"
        call.freeze(*others)
    names = ("stride", "padding", "dilation", "transposed", "output_padding", "groups")
    given = {name: per_axis(call.argument(name), image.dim() - 2) for name in names[:3]}
    reach = scattered_windows if call.argument("transposed") else windows
    kernel = weight.shape[2:]
    reaches = (reach(kernel, given["stride"], given["padding"], given["dilation"]),)
    rest = (call.argument("transposed"), tuple(call.argument("output_padding")))
    kept = (image.shape, call.keep(weight), given["stride"], given["padding"], given["dilation"])
    return Filter(reaches, *kept, *rest, call.argument("groups"))


def _check_channels(call: Call, image: Tensor, weight: Tensor) -> None:
    groups = call.argument("groups")
    expected = weight.shape[0] if call.argument("transposed") else weight.shape[1] * groups
    if image.shape[1] != expected:
        raise ModelError(
            f"A convolution expects {expected} channels and was given {image.shape[1]} "
            f"(input of shape {tuple(image.shape)}); give the model the input it was built for."
        )


def deformed_convolution(call: Call) -> Answer:
    """Linear in its image; offsets, masks and filters made from the image are recorded."""
    image = call.argument("input")
    if not call.family.exact and any(tensor is not image for tensor in call.inputs):
        call.kind = "extension"
    return Linear(("input",), sees_all)(call)


@dataclass(eq=False)
class Product(Adjoint):
    """A matrix product in which one side is a recorded or constant matrix."""

    matrix: Kept
    matrix_first: bool
    factor: float

    def __call__(self, signal: Tensor) -> Sequence[Tensor | None]:
        """The signal times the transposed matrix."""
        matrix = self.matrix.tensor.transpose(-2, -1).conj()
        answer = matrix @ signal if self.matrix_first else signal @ matrix
        return (answer if self.factor == 1 else answer * self.factor,)

    @property
    def has_windows(self) -> bool:
        """One matrix for all units acts on the last dimension only."""
        return not self.matrix_first and self.matrix.tensor.dim() == 2

    def windowed(
        self, signal: Tensor, output: BatchedWindows, inputs: Sequence[BatchedWindows | None]
    ) -> Sequence[Tensor | None]:
        """The windows times the transposed matrix."""
        (vectors,) = inputs
        is_whole = output.is_whole(len(output.shape) - 1)
        if vectors is None or not (self.has_windows and is_whole):
            return super().windowed(signal, output, inputs)
        (answer,) = self(signal)
        return (None if answer is None else vectors.fit(answer, (*output.first[:-1], 0)),)


def matrix_product(call: Call) -> Answer:
    """A matrix product: with a weight its transpose, of two activations the gate's rule.

    Attention weights (a softmax) times values: the weights are recorded constants. A product
    of two activations of which neither is a gate has no rule, and runs its gradient.
    """
    left, right = call.args[-2:]  # the bias of addmm and baddbmm comes before them
    if call.flows(left) and call.flows(right):
        gate = None if call.family.exact else gate_of(call, left, right)
        if gate is None:
            return gradient(call)
        call.kind, call.rule = "extension", "frozen gate"
        call.freeze(gate)
    if not (len(call.inputs) == 1 and (call.flows(left) or call.flows(right))):
        return replays(call, keep=False, reaches=tuple(whole(t.dim()) for t in call.inputs))
    (tensor,) = call.inputs
    factor = float(call.argument("alpha")) if len(call.args) > 2 else 1.0
    if tensor is left:
        return Product((last_whole,), call.keep(right), matrix_first=False, factor=factor)
    return Product((rows_whole,), call.keep(left), matrix_first=True, factor=factor)


def vector_product(call: Call) -> Answer:
    """A product with a vector: linear in one factor, if the other is a constant."""
    if len(call.inputs) > 1:
        return gradient(call)
    return replays(call, keep=False, reaches=tuple(whole(t.dim()) for t in call.inputs))


def fold_gains(tape: Tape, seen: Iterable[Value]) -> None:
    """Fold every gain that can be; the values in ``seen`` stay as they are."""
    uses = Counter(value for step in tape.steps for value in step.inputs)
    uses.update(dict.fromkeys(seen, 2))
    makers = {step.output: step for step in tape.steps if isinstance(step.adjoint, Filter)}
    for step in tape.steps:
        gain = _channel_gain(step)
        maker = makers.get(step.inputs[0])
        if gain is not None and maker is not None and uses[maker.output] == 1:
            _fold_one(maker, step, gain)


def _channel_gain(step: Step) -> Tensor | None:
    """The gain of a step that scales each channel, and does nothing else."""
    adjoint = step.adjoint
    if not isinstance(adjoint, Scale) or len(adjoint.factors) != 1:
        return None
    (gain,) = adjoint.factors
    by_channel = (1, *adjoint.shape[1:2], *(1,) * (len(adjoint.shape) - 2))
    return gain if isinstance(gain, Tensor) and gain.shape == by_channel else None


def _fold_one(maker: Step, step: Step, gain: Tensor) -> None:
    conv = maker.adjoint
    assert isinstance(conv, Filter)
    weight = conv.weight.tensor
    if conv.transposed or weight.numel() >= maker.output.shape.numel():
        return
    maker.adjoint = replace(conv, gain=gain.reshape(-1, *(1,) * (weight.dim() - 1)))
    step.adjoint = Reshape(step.adjoint.reaches, maker.output.shape)
