"""The names that autograd gives its backward nodes, by what they do to a signal.

What the reference says when it has no answer.
"""

from __future__ import annotations


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
    Abs Cos CovPool Erf Exp HardSwishJitAutoFn LinalgVectorNorm Log LogSoftmax Minimum
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
