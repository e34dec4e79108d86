"""What only a whole forward pass can tell of its operations."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from captum_deconvnet.projection.centring import record_means
from captum_deconvnet.projection.derivatives import check_derivatives
from captum_deconvnet.projection.folding import fold
from captum_deconvnet.projection.softmax import keep_inner
from captum_deconvnet.projection.tape import Tape, Value


def settle(tape: Tape, starts: Collection[Value], stops: Iterable[Value] = ()) -> None:
    """Make a tape ready for the way back.

    Args:
        tape: of a whole forward pass.
        starts: the values that signals start at; steps that none of them pass are forgotten.
        stops: the values that signals are read at.

    Raises:
        UnsupportedOperationError: for an operation without a derivative.
    """
    tape.prune(starts)
    record_means(tape)
    tape.prune(starts)  # of the way through the means
    check_derivatives(tape.steps)
    keep_inner(tape)
    fold(tape, [*starts, *stops])
