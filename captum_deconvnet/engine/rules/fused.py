"""Fused operations written out: what they compute comes from torch, how to go back from here.

The outputs of such an operation stay torch's own, bit for bit; the tape gets the steps of the same
formula in the operations that have rules. Recurrent layers are recorded so in every type alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

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
"""The formula of each fused operation, of the same arguments."""
