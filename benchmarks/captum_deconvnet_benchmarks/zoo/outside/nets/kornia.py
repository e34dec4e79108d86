"""kornia: nets that find and describe places, edges, faces."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net


def nets() -> dict[str, Net]:
    """The nets by name."""
    from kornia import feature
    from kornia.models import dexined, rrdbnet, tiny_vit, yunet
    from kornia.models.efficient_vit import backbone

    return {
        "dexined": Net(partial(dexined.DexiNed, pretrained=False)),
        "efficientvit_b0": Net(backbone.efficientvit_backbone_b0, (3, 64, 64)),
        "hardnet": Net(partial(feature.HardNet, pretrained=False), (1, 32, 32)),
        "hardnet8": Net(partial(feature.HardNet8, pretrained=False), (1, 32, 32)),
        "hynet": Net(partial(feature.HyNet, pretrained=False), (1, 32, 32)),
        "keynet": Net(partial(feature.KeyNet, pretrained=False), (1, 64, 64)),
        "rrdbnet": Net(partial(rrdbnet.RRDBNet, 3, 3, num_block=2, num_feat=16), (3, 24, 24)),
        "sosnet": Net(partial(feature.SOSNet, pretrained=False), (1, 32, 32)),
        "tfeat": Net(partial(feature.TFeat, pretrained=False), (1, 32, 32)),
        "tiny_vit": Net(
            partial(tiny_vit.TinyViT, img_size=64, window_sizes=[2, 2, 4, 2]), (3, 64, 64)
        ),
        "yunet": Net(partial(yunet.YuNet, "test", pretrained=False), (3, 64, 64)),
    }
