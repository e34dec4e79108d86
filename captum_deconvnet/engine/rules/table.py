"""The table: which rule each operation runs, and of which kind it is.

Adding an operation is one row. Rows are named after aten operations, which is what every
spelling of an operation comes down to: ``nn.ReLU``, ``F.relu``, ``x.relu_()`` are all ``relu``.
"""

from __future__ import annotations

from dataclasses import dataclass

from captum_deconvnet.engine.rules import (
    attention,
    filters,
    gates,
    joins_and_slices,
    linear,
    norms,
    pools,
    reaches,
    rectifiers,
    switches,
)
from captum_deconvnet.engine.rules.call import Rule
from captum_deconvnet.engine.rules.replay import Geometry, gradient, linear_in, sees_all
from captum_deconvnet.engine.tape.tape import GateStrength, Inherited

KEEPS, KEEPS_WEIGHTS = Inherited.ALL, Inherited.ATTENTION


@dataclass(frozen=True)
class Row:
    """What the table says of one operation.

    Args:
        rule: called with the operation's call, returns its adjoint.
        name: what the receipt calls the rule.
        kind: ``paper``, ``adjoint``, ``extension`` or ``fallback``.
        gate: how surely the output only scales others, or what of its inputs' strengths it keeps.
    """

    rule: Rule
    name: str
    kind: str
    gate: GateStrength | Inherited = GateStrength.NONE


def _rows(row: Row, names: str) -> dict[str, Row]:
    return dict.fromkeys(names.split(), row)


def _exact(rule: Rule, names: str) -> dict[str, Row]:
    """Rows of linear operations, whose rule is their exact adjoint."""
    return _rows(Row(rule, "adjoint", "adjoint", gate=KEEPS), names)


_FILTERS = {
    **_rows(
        Row(filters.convolution, "transposed filter", "paper", gate=KEEPS_WEIGHTS),
        "convolution _convolution",
    ),
    **_rows(
        Row(filters.matrix_product, "transposed matrix", "paper", gate=KEEPS_WEIGHTS),
        "mm bmm addmm baddbmm",
    ),
    **_rows(Row(filters.vector_product, "transposed matrix", "paper"), "mv dot vdot"),
}

_SWITCHES = {
    **_rows(
        Row(switches.max_pool, "switches", "paper", gate=KEEPS),
        "max_pool2d_with_indices max_pool3d_with_indices",
    ),
    **_rows(
        Row(switches.adaptive_max_pool, "switches", "paper", gate=KEEPS),
        "adaptive_max_pool2d adaptive_max_pool3d fractional_max_pool2d fractional_max_pool3d",
    ),
    **_rows(
        Row(switches.max_along, "switches", "paper", gate=KEEPS), "max min median mode kthvalue"
    ),
    **_rows(Row(switches.amax, "shared switches", "paper", gate=KEEPS), "amax amin"),
    **_rows(Row(gates.maximum, "choice", "extension"), "maximum minimum fmax fmin"),
}

_RECTIFIERS = {
    **_rows(Row(rectifiers.rectify, "rectify", "paper", gate=KEEPS), "relu"),
    **_rows(
        Row(rectifiers.smooth_rectify, "rectify", "extension", gate=KEEPS),
        "gelu silu mish hardswish elu softplus celu selu",
    ),
    **_rows(
        Row(rectifiers.clamp, "rectify", "extension", gate=GateStrength.BOUNDED),
        "clamp clamp_min clamp_max hardtanh",
    ),
    **_rows(Row(rectifiers.threshold, "rectify", "extension", gate=KEEPS), "threshold"),
    **_rows(
        Row(rectifiers.smooth_rectify, "rectify", "extension", gate=GateStrength.GATE),
        "sigmoid hardsigmoid",
    ),
    **_rows(Row(rectifiers.leak, "leak", "extension", gate=KEEPS), "leaky_relu"),
    **_rows(Row(rectifiers.random_leak, "leak", "extension", gate=KEEPS), "rrelu_with_noise"),
    **_rows(Row(rectifiers.prelu, "leak", "extension", gate=KEEPS), "_prelu_kernel"),
    **_rows(
        Row(rectifiers.identity, "identity", "extension", gate=GateStrength.BOUNDED), "tanh erf"
    ),
    **_rows(
        Row(attention.last_softmax, "start at the logit", "extension", gate=GateStrength.ATTENTION),
        "_softmax _safe_softmax",
    ),
    **_rows(Row(attention.last_softmax, "start at the logit", "extension"), "_log_softmax"),
    **_rows(
        Row(rectifiers.identity, "identity", "extension", gate=KEEPS),
        "hardshrink softshrink log_sigmoid_forward",
    ),
}

_GATES = {
    **_rows(Row(gates.multiply, "scale", "adjoint", gate=KEEPS), "mul"),
    **_rows(Row(gates.divide, "scale", "adjoint", gate=KEEPS), "div"),
    **_rows(Row(gates.gated_linear, "frozen gate", "extension"), "glu"),
    **_rows(
        Row(attention.attention, "frozen attention", "extension"),
        "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention "
        "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention",
    ),
    **_rows(Row(gates.add_product, "scale", "adjoint"), "addcmul"),
    **_rows(Row(gates.dropout, "recorded mask", "adjoint", gate=KEEPS), "native_dropout"),
    **_rows(
        Row(gradient, "gradient", "fallback", gate=GateStrength.STATISTIC),
        "rsqrt sqrt reciprocal linalg_vector_norm norm var std var_mean std_mean",
    ),
    **_rows(Row(gates.power, "gradient", "fallback", gate=GateStrength.STATISTIC), "pow"),
    **_rows(
        Row(linear.blocked, "blocked", "adjoint", gate=GateStrength.GATE),
        "eq ne gt ge lt le sign heaviside",
    ),
    **_exact(gates.choose, "where"),
    **_exact(gates.fill_masked, "masked_fill"),
    **_exact(gates.put_indexed, "index_put"),
    **_rows(
        Row(linear.blocked, "blocked", "adjoint"),
        "detach argmax argmin argsort floor ceil round trunc floor_divide isnan isfinite isinf "
        "zeros_like ones_like empty_like full_like randn_like rand_like new_zeros new_ones "
        "new_empty new_full empty_strided new_empty_strided bernoulli zero one_hot nonzero "
        "logical_not logical_and logical_or bitwise_not bitwise_and bitwise_or "
        "_local_scalar_dense equal is_same_size all any",
    ),
}

_NORMS = {
    **_rows(
        Row(norms.batch_norm, "recorded gain", "adjoint"),
        "native_batch_norm cudnn_batch_norm miopen_batch_norm _native_batch_norm_legit "
        "_native_batch_norm_legit_no_training _batch_norm_no_update _batch_norm_with_update",
    ),
    **_rows(
        Row(norms.layer_norm, "recorded gain", "extension"), "native_layer_norm _fused_rms_norm"
    ),
    **_rows(Row(norms.group_norm, "recorded gain", "extension"), "native_group_norm"),
}


def _linear(names: str, *flows: str, reach: Geometry = sees_all) -> dict[str, Row]:
    return _exact(linear_in(*flows, reach=reach), names)


_LINEAR = {
    **_exact(
        linear.reshape,
        "clone alias contiguous lift_fresh view _unsafe_view reshape _reshape_alias squeeze "
        "unsqueeze flatten unflatten",
    ),
    **_exact(linear.cast, "_to_copy"),
    **_exact(linear.permute, "permute transpose t"),
    **_exact(linear.copy, "copy"),
    **_rows(Row(linear.fill, "adjoint", "adjoint"), "fill"),
    **_exact(linear.expand, "expand"),
    **_exact(linear.add, "add sub"),
    **_exact(linear.rsub, "rsub"),
    **_exact(linear.negate, "neg"),
    **_exact(joins_and_slices.concatenate, "cat"),
    **_exact(joins_and_slices.stack, "stack"),
    **_exact(joins_and_slices.slice_range, "slice"),
    **_exact(joins_and_slices.select, "select"),
    **_exact(joins_and_slices.unbind, "unbind"),
    **_exact(
        joins_and_slices.split,
        "split split_with_sizes chunk unsafe_split unsafe_split_with_sizes unsafe_chunk",
    ),
    **_exact(pools.average_pool, "avg_pool2d"),
    **_linear("avg_pool1d avg_pool3d", "self", reach=reaches.pooled),
    **_linear(
        "_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool1d",
        "self",
        reach=reaches.adaptively_pooled,
    ),
    **_linear("mean sum nansum", "self", reach=reaches.summed),
    **_linear(
        "upsample_nearest1d upsample_nearest2d upsample_nearest3d "
        "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d",
        "self",
        reach=reaches.resampled(0),
    ),
    **_linear(
        "upsample_linear1d upsample_bilinear2d upsample_trilinear3d _upsample_bilinear2d_aa",
        "self",
        reach=reaches.resampled(1),
    ),
    **_linear("upsample_bicubic2d _upsample_bicubic2d_aa", "self", reach=reaches.resampled(2)),
    **_exact(joins_and_slices.pad_constant, "constant_pad_nd"),
    **_linear(
        "replication_pad1d replication_pad2d replication_pad3d", "self", reach=reaches.padded
    ),
    **_linear(
        "reflection_pad1d reflection_pad2d reflection_pad3d", "self", reach=reaches.reflected
    ),
    **_linear("pixel_shuffle", "self", reach=reaches.shuffled(upwards=True)),
    **_linear("pixel_unshuffle", "self", reach=reaches.shuffled(upwards=False)),
    **_linear("channel_shuffle native_channel_shuffle", "self", reach=reaches.channels_mixed),
    **_linear("roll flip rot90", "self", reach=reaches.along("dims")),
    **_linear("index_select gather cumsum", "self", reach=reaches.along("dim")),
    **_linear("_fft_r2c _fft_c2r _fft_c2c", "self", reach=reaches.along("dim")),
    **_linear("_conj real imag", "self", reach=reaches.same_place),
    **_linear("triu tril", "self", reach=reaches.last_two),
    **_linear("im2col col2im max_unpool2d max_unpool3d", "self", reach=reaches.own_image),
    **_linear(
        "index take unfold repeat repeat_interleave diagonal diag_embed masked_select "
        "movedim view_as_real view_as_complex trace tile",
        "self",
    ),
    **_linear("affine_grid_generator", "theta"),
    **_linear("grid_sampler_2d grid_sampler_3d", "input", reach=reaches.own_image),
    **_linear("index_fill", "self", "value"),
    **_linear("index_add index_copy put masked_scatter", "self", "source"),
    **_linear("scatter scatter_add slice_scatter select_scatter", "self", "src"),
    **_linear("lerp", "self", "end"),
}

TABLE = {**_FILTERS, **_SWITCHES, **_RECTIFIERS, **_GATES, **_NORMS, **_LINEAR}
FALLBACK = Row(gradient, "gradient", "fallback")

_AVERAGED = Row(linear_in("input"), "adjoint", "adjoint")

OUTSIDE = {
    "torchvision::roi_align": _AVERAGED,
    "torchvision::ps_roi_align": _AVERAGED,
    "torchvision::ps_roi_pool": _AVERAGED,
    "torchvision::roi_pool": Row(switches.pooled_boxes, "switches", "paper"),
    "torchvision::deform_conv2d": Row(filters.deformed_convolution, "transposed filter", "paper"),
}
"""Operations from outside torch, by namespace and name; nothing is imported for them."""
