"""Operations that must have a derivative: those that run without a rule of their own."""

from __future__ import annotations

from collections.abc import Iterable

from captum_deconvnet.errors import UnsupportedOperationError
from captum_deconvnet.projection.adjoint import Adjoint, Typed
from captum_deconvnet.projection.own_backward import OwnBackward
from captum_deconvnet.projection.replay import Derived, Replay
from captum_deconvnet.projection.table import TABLE
from captum_deconvnet.projection.tape import Step
from captum_deconvnet.projection.tensor_hooks import Hooked


def check_derivatives(steps: Iterable[Step]) -> None:
    """Raise for an operation whose derivative torch does not have, naming module and operation.

    Each is tried once with a signal of zeros: some say nothing and give zeros for any signal.
    """
    tried: set[tuple[str, str]] = set()
    for step in steps:
        place = (step.operation, step.module)
        adjoint = _inner(step.adjoint)
        if place in tried or not _is_unknown(step, adjoint):
            continue
        tried.add(place)
        if isinstance(adjoint, Replay | OwnBackward) and not adjoint.has_derivative():
            raise UnsupportedOperationError(
                f"{step.operation} in {step.module or 'the model itself'} has no derivative, and "
                "there is no rule for it. Give one with rules={...} or a plugin."
            )


def _is_unknown(step: Step, adjoint: Adjoint) -> bool:
    return isinstance(adjoint, Derived) or step.operation not in TABLE


def _inner(adjoint: Adjoint) -> Adjoint:
    return _inner(adjoint.adjoint) if isinstance(adjoint, Typed | Hooked) else adjoint
