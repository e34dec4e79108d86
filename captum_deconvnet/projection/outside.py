"""Rows of operations from outside torch, by namespace and name.

They are known by name only: nothing is imported here. An operation without a row runs its own
derivative, and the receipt names it; one that has no derivative is refused.
"""

from __future__ import annotations

from captum_deconvnet.projection.call import Answer, Call
from captum_deconvnet.projection.reach import whole
from captum_deconvnet.projection.replay import Linear, gradient, replays, sees_all
from captum_deconvnet.projection.table import Row


def deformed_convolution(call: Call) -> Answer:
    """Linear in its image; offsets, masks and filters made from the image are recorded."""
    image = call.argument("input")
    if not call.family.exact and any(tensor is not image for tensor in call.inputs):
        call.kind = "extension"
    return Linear(("input",), sees_all)(call)


def pooled_boxes(call: Call) -> Answer:
    """The largest value of every bin of every box: the signal goes back to where it stood."""
    image = call.argument("input")
    others = [tensor for tensor in call.inputs if tensor is not image]
    if not call.flows(image) or (others and call.family.exact):
        return gradient(call)
    call.freeze(*others)
    return replays(call, keep=True, reaches=(whole(image.dim()),))


_AVERAGED = Row(Linear(("input",), sees_all), "adjoint", "adjoint")

OUTSIDE = {
    "torchvision::roi_align": _AVERAGED,
    "torchvision::ps_roi_align": _AVERAGED,
    "torchvision::ps_roi_pool": _AVERAGED,
    "torchvision::roi_pool": Row(pooled_boxes, "switches", "paper"),
    "torchvision::deform_conv2d": Row(deformed_convolution, "transposed filter", "paper"),
}
