"""The backward nodes of autograd: what each kind does to a signal, and what its input is made of.

The input of a node is a signal, or something that the data selected or scaled. A node that is in no
table has no answer.
"""

from __future__ import annotations

from typing import Any


def named(names: str) -> frozenset[str]:
    """The names in a text."""
    return frozenset(names.split())


LINEAR = named("""
    AdaptiveAvgPool2D AdaptiveAvgPool3D Add Alias AsStrided AvgPool2D AvgPool3D Cat Clone
    Col2Im ConstantPadNd Copy Cumsum Diagonal Expand FftC2C FftC2R FftR2C Flip Gather Im2Col
    Imag Index IndexSelect MaskedFill MaxUnpool2D MaxUnpool3D Mean Neg Permute PixelShuffle
    PixelUnshuffle Real ReflectionPad1D ReflectionPad2D ReflectionPad3D Repeat
    ReplicationPad1D ReplicationPad2D ReplicationPad3D Reshape ReshapeAlias Roll Select Slice
    Split SplitWithSizes Squeeze Stack Sub Sum T ToCopy Transpose Unbind Unfold UnsafeSplit
    UnsafeView Unsqueeze UpsampleBicubic2D UpsampleBicubic2DAa UpsampleBilinear2D
    UpsampleBilinear2DAa UpsampleLinear1D UpsampleNearest1D UpsampleNearest2D
    UpsampleNearest3D UpsampleTrilinear3D View ViewAsComplex ViewAsReal Where
    """)
"""Their gradient is their adjoint, whatever the data."""

NORMS = named("NativeBatchNorm NativeGroupNorm NativeLayerNorm")

SWITCHES = named(
    "AdaptiveMaxPool2D AdaptiveMaxPool3D Amax Max MaxPool2DWithIndices MaxPool3DWithIndices"
)
"""Their gradient adds every value at its switch."""

RECTIFIERS = named("""
    Celu Elu Gelu Hardsigmoid Hardswish Mish Relu Sigmoid Silu Softplus
    HardMishAutoFn HardSigmoidAutoFn HardSwishAutoFn MishAutoFn SwishAutoFn
    """)
"""max(signal, 0), whatever the forward sign was. The last row are timm's own functions."""

PRODUCTS = named("Addbmm Addcmul Addmm Baddbmm Bmm Convolution Div Mm Mul Mv")
"""Linear in each operand. Where one is data that selected or scaled, it is held fixed."""

GATES = named("HardSigmoidAutoFn Hardsigmoid Sigmoid")
"""Bounded, and made to multiply."""

ATTENTION = named("SafeSoftmax Softmax")
"""Weights of a mean. They stay that when fixed numbers mix the heads."""

BOUNDED = named("Hardtanh Tanh")
"""Bounded, so a gate beside an activation that is not."""

STATISTICS = named("LinalgVectorNorm Norm Reciprocal Rsqrt Sqrt Std StdMean Var VarMean")
"""Deviations: what a norm divides by."""

GRADIENT = named("""
    Abs Cos CovPool Erf Exp HardSwishJitAutoFn LinalgVectorNorm Log LogSoftmax
    NewtonSchulzSqrt Norm Pow Reciprocal Rsqrt SafeSoftmax Sin Softmax Sqrt Std
    SwishImplementation Tan Topk Triuvec Var
    """)
"""Any other nonlinear operation: the gradient, and it has to be said."""


def kind_of(name: str) -> str:
    """A node's name as the tables spell it: ``ReluBackward0`` and ``ReluBackward1`` are Relu."""
    short = name.rpartition("::")[2]
    return "Copy" if short in ("CopyBackwards", "CopySlices") else short.partition("Backward")[0]


class NoReferenceError(Exception):
    """The model does something that the reference has no literal rule for."""


SIGNAL, GATE, WEIGHTS = "signal", "gate", "weights"
BOUNDED_SIGNAL, STATISTIC = "bounded", "statistic"

MIXES = PRODUCTS - {"Addcmul", "Div", "Mul"}
"""Products that sum over many elements: of all but attention weights they make a new signal."""

Node = Any  # torch's own type for the nodes has neither next_functions nor saved tensors
Sources = dict[Node, frozenset[str]]


def postorder(root: Node) -> list[Node]:
    """Every node that ``root`` was made from, each after those it was made from."""
    order: list[Node] = []
    opened: set[Node] = set()
    stack = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in opened:
            opened.add(node)
            stack.append((node, True))
            stack.extend((before, False) for before, _ in node.next_functions if before)
    return order


def sources(root: Node) -> Sources:
    """For every node, all the ways from the image to it: through which gates, if through any.

    A gate stays one through whatever is done to it alone: reshaped, interpolated, multiplied by
    another gate, rectified. Filters, norms and operations without a rule make a new signal of it.
    Where a signal joins, the whole is a signal.
    """
    found: Sources = {}
    for node in postorder(root):
        found[node] = own_source(node) or inherited(node, found)
    return found


def inherited(node: Node, found: Sources) -> frozenset[str]:
    """What a node is by what it was made from."""
    made_of = [found[before] for before, _ in node.next_functions if before]
    together = frozenset().union(*made_of)
    kind = kind_of(node.name())
    is_new = kind in GRADIENT | NORMS or (kind in MIXES and not together <= {WEIGHTS})
    return frozenset([SIGNAL]) if is_new else together


def own_source(node: Node) -> frozenset[str]:
    """What a node is by itself; empty if that depends on what it was made from."""
    kind = kind_of(node.name())
    if not any(before for before, _ in node.next_functions):
        return frozenset([SIGNAL])  # the image
    if kind in ATTENTION:
        return frozenset([WEIGHTS])
    if kind in GATES:
        return frozenset([GATE])
    if kind in STATISTICS or (kind == "Pow" and is_root(node)):
        return frozenset([STATISTIC])
    if kind in BOUNDED:
        return frozenset([BOUNDED_SIGNAL])
    return frozenset()


def is_root(power: Node) -> bool:
    """Whether a power is a root or a reciprocal, as deviations are."""
    return bool(power._saved_exponent < 1)


def is_weights(of: frozenset[str]) -> bool:
    """Whether a factor is attention weights."""
    return of == {WEIGHTS}


def is_recorded(of: frozenset[str]) -> bool:
    """Whether a factor is data that selected or scaled, through and through."""
    return bool(of) and of <= {GATE, WEIGHTS, STATISTIC}


def is_bounded(of: frozenset[str]) -> bool:
    """Whether a factor is at least bounded: tanh(x) is, and may be a gate or a layer."""
    return bool(of) and SIGNAL not in of
