"""Which rule each of timm's own activations and norms has, both by address."""

from __future__ import annotations

OURS = "captum_deconvnet_timm.rules"

RECTIFIERS = (
    "timm.layers.activations:Swish",
    "timm.layers.activations:Mish",
    "timm.layers.activations:HardSwish",
    "timm.layers.activations:HardMish",
    "timm.layers.activations:QuickGELU",
    "timm.layers.activations_me:SwishMe",
    "timm.layers.activations_me:MishMe",
    "timm.layers.activations_me:HardSwishMe",
    "timm.layers.activations_me:HardMishMe",
    "timm.models.metaformer:SquaredReLU",
)

ROWS = {
    **dict.fromkeys(RECTIFIERS, "captum_deconvnet:rules.rectify"),
    "timm.models.metaformer:StarReLU": f"{OURS}:star_relu",
    "timm.layers.filter_response_norm:FilterResponseNormTlu2d": f"{OURS}:thresholded_response_norm",
    "timm.layers.norm:LayerNormExp2d": f"{OURS}:channel_layer_norm",
}
