"""What a rule answers, as adjoints."""

from __future__ import annotations

from torch import Tensor

from captum_deconvnet.projection.adjoint import Adjoint, Custom, Typed
from captum_deconvnet.projection.call import Answer, Call
from captum_deconvnet.projection.reach import whole


def typed(adjoint: Adjoint, call: Call, output: Tensor) -> Adjoint:
    """An adjoint that gives each input's signal in that input's type."""
    dtypes = [tensor.dtype for tensor in call.inputs]
    if all(dtype is output.dtype for dtype in dtypes):
        return adjoint
    return Typed(adjoint.reaches, adjoint, tuple(dtypes))


def as_adjoints(answer: Answer, call: Call) -> list[Adjoint]:
    """A rule's answer as one adjoint an output."""
    if answer is None:
        return []
    if isinstance(answer, Adjoint):
        return [answer]
    if callable(answer):
        return [Custom(tuple(whole(tensor.dim()) for tensor in call.inputs), answer)]
    return list(answer)
