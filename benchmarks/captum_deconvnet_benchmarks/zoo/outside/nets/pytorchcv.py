"""pytorchcv: one or two nets of every architecture it has."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net, each

IMAGENET = """
    alexnet bagnet9 bninception channelnet condensenet74_c4_g4 darknet_ref darknet_tiny
    darknet19 darts diapreresnet10 diaresnet10 dla46c espnetv2_wd2 fbnet_cb fdmobilenet_wd4
    ghostnet hardnet39ds hrnet_w18_small_v1 igcv3_wd4 menet108_8x1_g3 mixnet_s mnasnet_a1
    mnasnet_small mobilenet_wd4 mobilenetb_wd4 mobilenetv2_wd4 mobilenetv3_small_w7d20
    mobilenetv3_large_w7d20 octresnet10_ad2 peleenet preresnet10 preresnetbc14b
    proxylessnas_cpu resnet10 resnetbc14b resnext14_16x4d revnet38 selecsls42 senet16
    sepreresnet10 seresnet10 shufflenet_g1_w3d4 shufflenetv2_wd2 shufflenetv2b_wd2 spnasnet
    squeezenet_v1_0 squeezeresnet_v1_1 sqnxt23_w1 sqnxt23v5_w1 vgg11 zfnet
    """
"""Their last pool is 7 positions wide, so that they take nothing smaller than 224 pixels."""

LARGE = """
    airnet50_1x64d_r16 airnext50_32x4d_r2 bagnet17 bam_resnet18 cbam_resnet18 darknet53
    densenet121 diracnet18v2 dla34 dpn68 drnc26 drnd22 fastseresnet101b fishnet99
    ibn_densenet121 ibn_resnet50 ibn_resnext50_32x4d ibnb_resnet50 inceptionresnetv1 msdnet22
    resattnet56 scnet50 seresnext50_32x4d sharesnet18 sknet50 sparsenet121 bn_vgg11 bn_vgg11b
    vovnet27s xdensenet121_2 zfnetb
    """
"""As those; the sweep takes longest with them."""

ADAPTIVE = """
    dicenet_wd5 dicenet_w1 efficientnet_b0 efficientnet_b0b efficientnet_edge_small_b
    isqrtcovresnet18 regnetx002 regnety002 resnesta18 resneta10 resnetd50b tresnet_m
    """
"""Their last pool fits any picture."""

LARGER = "inceptionv3 inceptionv4 inceptionresnetv2 xception polynet inceptionresnetv1"
"""Built for 299 pixels."""

CIFAR = """
    densenet40_k12_cifar10 diapreresnet20_cifar10 diaresnet20_cifar10 fractalnet_cifar10
    msdnet22_cifar10 nin_cifar10 preresnet20_cifar10 pyramidnet110_a48_cifar10 resnet20_cifar10
    resdropresnet20_cifar10 resnext20_16x4d_cifar10 rir_cifar10 ror3_56_cifar10
    sepreresnet20_cifar10 seresnet20_cifar10 shakedropresnet20_cifar10
    shakeshakeresnet20_2x16d_cifar10 wrn16_10_cifar10 wrn20_10_1bit_cifar10
    xdensenet40_2_k24_bc_cifar10
    """

CITYSCAPES = """
    cgnet_cityscapes ctxnet_cityscapes dabnet_cityscapes edanet_cityscapes enet_cityscapes
    erfnet_cityscapes esnet_cityscapes espcnet_cityscapes fastscnn_cityscapes fpenet_cityscapes
    lednet_cityscapes linknet_cityscapes segnet_cityscapes sinet_cityscapes sqnet_cityscapes
    unet_cityscapes bisenet_resnet18_celebamaskhq deeplabv3_resnetd50b_voc fcn8sd_resnetd50b_voc
    icnet_resnetd50b_cityscapes pspnet_resnetd50b_voc danet_resnetd50b_cityscapes
    """
"""Segmenters; they are built for the size of the picture."""

SIDE = 128

MAPS = "ibppose_coco lffd20x5s320v2_widerface lwopenpose2d_mobilenet_cmupan_coco"

POSES = """
    alphapose_fastseresnet101b_coco centernet_resnet18_voc simplepose_resnet18_coco
    simplepose_mobile_mobilenet_w1_coco simplepose_mobile_resnet18_coco
    """
"""Boxes and joints, as maps."""


def nets() -> dict[str, Net]:
    """The nets by name."""
    from pytorchcv.model_provider import get_model

    def net(name: str, shape: tuple[int, int, int], **options: object) -> Net:
        return Net(partial(get_model, name, **options), shape)

    segmenter = {"in_size": (SIDE, SIDE)}
    return {
        **each(IMAGENET + LARGE, lambda name: net(name, (3, 224, 224))),
        **each(ADAPTIVE, lambda name: net(name, (3, 64, 64))),
        **each(LARGER, lambda name: net(name, (3, 299, 299))),
        **each(CIFAR, lambda name: net(name, (3, 32, 32))),
        **each(CITYSCAPES, lambda name: net(name, (3, SIDE, SIDE), **segmenter)),
        **each(MAPS, lambda name: net(name, (3, SIDE, SIDE))),
        **each(POSES, lambda name: net(name, (3, SIDE, SIDE), return_heatmap=True)),
    }
