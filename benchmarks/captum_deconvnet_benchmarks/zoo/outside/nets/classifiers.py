"""Classifiers of pictures, and towers and backbones made like them."""

from __future__ import annotations

from functools import partial

from torch import nn

from captum_deconvnet_benchmarks.zoo.outside.libraries import Net, each

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
SQUARE = (3, SIDE, SIDE)

PYTORCHCV_MAPS = "ibppose_coco lffd20x5s320v2_widerface lwopenpose2d_mobilenet_cmupan_coco"

PYTORCHCV_POSES = """
    alphapose_fastseresnet101b_coco centernet_resnet18_voc simplepose_resnet18_coco
    simplepose_mobile_mobilenet_w1_coco simplepose_mobile_resnet18_coco
    """
"""Boxes and joints, as maps."""


def pytorchcv() -> dict[str, Net]:
    """One or two nets of every architecture that it has."""
    from pytorchcv.model_provider import get_model

    def net(name: str, shape: tuple[int, int, int], **options: object) -> Net:
        return Net(partial(get_model, name, **options), shape)

    segmenter = {"in_size": (SIDE, SIDE)}
    return {
        **each(IMAGENET + LARGE, lambda name: net(name, (3, 224, 224))),
        **each(ADAPTIVE, lambda name: net(name, (3, 64, 64))),
        **each(LARGER, lambda name: net(name, (3, 299, 299))),
        **each(CIFAR, lambda name: net(name, (3, 32, 32))),
        **each(CITYSCAPES, lambda name: net(name, SQUARE, **segmenter)),
        **each(PYTORCHCV_MAPS, lambda name: net(name, SQUARE)),
        **each(
            PYTORCHCV_POSES,
            lambda name: net(name, SQUARE, return_heatmap=True),
        ),
    }


PRETRAINED_SMALL = "resnet18 squeezenet1_0 squeezenet1_1 xception"
PRETRAINED_WIDE = "alexnet bninception dpn68 fbresnet152 nasnetamobile se_resnet50 vgg11"
"""They are built for 224 pixels."""


def pretrainedmodels() -> dict[str, Net]:
    """Nets of 2017, as they were written then."""
    import pretrainedmodels

    def net(name: str, side: int) -> Net:
        build = partial(getattr(pretrainedmodels, name), num_classes=1000, pretrained=None)
        return Net(build, (3, side, side))

    return {
        **each(PRETRAINED_SMALL, lambda name: net(name, 96)),
        **each(PRETRAINED_WIDE, lambda name: net(name, 224)),
    }


GEFFNETS = """
    mnasnet_050 mnasnet_a1 mobilenetv2_100 fbnetc_100 spnasnet_100 mobilenetv3_large_075
    mobilenetv3_small_075 mobilenetv3_rw efficientnet_b0 efficientnet_es efficientnet_lite0
    efficientnet_cc_b0_4e mixnet_s tf_efficientnet_b0 tf_mobilenetv3_small_minimal_100 tf_mixnet_s
    """


def geffnet() -> dict[str, Net]:
    """Mobile nets with activations of their own."""
    import geffnet

    return each(GEFFNETS, lambda name: Net(partial(geffnet.create_model, name)))


EFFICIENTNETS = "efficientnet-b0 efficientnet-b1 efficientnet-b2"


def efficientnet_pytorch() -> dict[str, Net]:
    """EfficientNets with their own swish."""
    from efficientnet_pytorch import EfficientNet

    return each(EFFICIENTNETS, lambda name: Net(partial(EfficientNet.from_name, name), (3, 64, 64)))


RESNESTS = "resnest50 resnest50_fast_1s1x64d resnest50_fast_2s1x64d resnest50_fast_4s1x64d"


def resnest() -> dict[str, Net]:
    """Split attention as its authors wrote it."""
    import resnest.torch as library

    return each(RESNESTS, lambda name: Net(partial(getattr(library, name), pretrained=False)))


LIGHTLY_RESNETS = "resnet-9 resnet-18"


def lightly() -> dict[str, Net]:
    """ResNets for small pictures."""
    from lightly.models import ResNetGenerator

    return each(LIGHTLY_RESNETS, lambda name: Net(partial(ResNetGenerator, name), (3, 32, 32)))


CLIP_TOWERS = "RN50 RN101 RN50-quickgelu RN50x4 convnext_tiny convnext_small"


def image_tower(name: str) -> nn.Module:
    """The image tower of a model, for small pictures."""
    import open_clip

    made = open_clip.create_model(name, pretrained=None, force_image_size=CLIP_SIDE)
    tower: nn.Module = made.visual
    return tower


CLIP_SIDE = 64
CLIP_SHAPE = (3, CLIP_SIDE, CLIP_SIDE)


def open_clip() -> dict[str, Net]:
    """The image towers that are conv nets."""
    return each(CLIP_TOWERS, lambda name: Net(partial(image_tower, name), CLIP_SHAPE))
