"""geffnet: mobile nets with activations of their own."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net, each

NAMES = """
    mnasnet_050 mnasnet_a1 mobilenetv2_100 fbnetc_100 spnasnet_100 mobilenetv3_large_075
    mobilenetv3_small_075 mobilenetv3_rw efficientnet_b0 efficientnet_es efficientnet_lite0
    efficientnet_cc_b0_4e mixnet_s tf_efficientnet_b0 tf_mobilenetv3_small_minimal_100 tf_mixnet_s
    """


def nets() -> dict[str, Net]:
    """The nets by name."""
    import geffnet

    return each(NAMES, lambda name: Net(partial(geffnet.create_model, name)))
