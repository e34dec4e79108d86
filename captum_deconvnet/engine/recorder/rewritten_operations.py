"""Operations that are recorded as others: fused ones written out, and ``out=`` as a copy.

The outputs of a fused operation stay torch's own, bit for bit; the tape gets the steps of the same
function in the operations that have rules. Recurrent layers are recorded so in every type alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from captum_deconvnet.engine.aliases.storages import Storages
from captum_deconvnet.engine.rules.call import Call, tensors

_HAS_BIASES = 4  # of the options: batch sizes, mode, hidden size, layers, then this


def lstm_layer(
    steps: Tensor,
    from_input: Tensor,
    from_state: Tensor,
    input_bias: Tensor,
    state_bias: Tensor,
    state: Tensor,
    cell: Tensor,
    reverse: bool,
    *options: Any,
) -> Sequence[Tensor]:
    """One layer of an LSTM in one direction, over ``steps`` (T, N, features).

    Returns:
        The states of all steps (T, N, hidden), the last state and the last cell.
    """
    size, state, cell = state.shape, *(item.reshape(item.shape[-2:]) for item in (state, cell))
    if not options[_HAS_BIASES]:
        input_bias = state_bias = from_input.new_zeros(from_input.shape[0])
    states: list[Tensor] = []
    order = steps.unbind(0)
    for given in reversed(order) if reverse else order:
        gates = torch.addmm(input_bias, given, from_input.t())
        gates = gates + torch.addmm(state_bias, state, from_state.t())
        entering, kept, new, shown = gates.chunk(4, 1)
        cell = kept.sigmoid() * cell + entering.sigmoid() * new.tanh()
        state = shown.sigmoid() * cell.tanh()
        states.append(state)
    together = torch.stack(states[::-1] if reverse else states)
    return together, state.reshape(size), cell.reshape(size)


WRITTEN_OUT: dict[OpOverload, Callable[..., Sequence[Tensor]]] = {
    torch.ops.aten.mkldnn_rnn_layer.default: lstm_layer,
}
"""Each fused operation as a function of the same arguments."""


def write_out(
    call: Call, storages: Storages, recorded: AbstractContextManager[Any], outputs: Sequence[Tensor]
) -> None:
    """Record a fused operation as the operations it stands for, inside ``recorded``."""
    assert isinstance(call.function, OpOverload)
    with recorded:
        same = WRITTEN_OUT[call.function](*call.args, **call.kwargs)
    for output, computed in zip(outputs, same, strict=False):
        if (value := storages.read(computed)) is not None:
            storages.put(output, value)


def copy_out(
    func: OpOverload,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    names: Sequence[str],
    recorded: AbstractContextManager[Any],
) -> Any:
    """Run an operation that is to put its results into ``out=``: they are copied there."""
    outs = tuple(kwargs[name] for name in names)
    others = {name: item for name, item in kwargs.items() if name not in names}
    with recorded:
        results = tensors(func.overloadpacket(*args, **others))
        for out, result in zip(outs, results, strict=True):
            (out if out.shape == result.shape else out.resize_(result.shape)).copy_(result)
    return outs[0] if len(outs) == 1 else outs
