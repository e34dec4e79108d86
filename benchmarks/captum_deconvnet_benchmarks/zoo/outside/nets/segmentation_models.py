"""segmentation_models_pytorch: every decoder on one encoder, one decoder on every encoder."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net, each

DECODERS = """
    unet unetplusplus manet linknet fpn pspnet pan deeplabv3 deeplabv3plus upernet segformer
    """

ENCODERS = """
    resnet34 resnext50_32x4d vgg11_bn densenet121 dpn68 efficientnet-b0 inceptionresnetv2
    inceptionv4 mobilenet_v2 mobileone_s0 se_resnet50 senet154 timm-efficientnet-b0
    timm-skresnet18 xception mit_b0 tu-resnet18 tu-convnext_atto tu-mobilenetv3_small_050
    tu-hrnet_w18_small tu-regnety_002
    """

SHAPE, WIDER = (3, 64, 64), (3, 128, 128)


def nets() -> dict[str, Net]:
    """The nets by name."""
    from segmentation_models_pytorch import create_model

    def net(decoder: str, encoder: str) -> Net:
        return Net(
            partial(create_model, decoder, encoder, encoder_weights=None),
            WIDER if decoder == "pan" else SHAPE,
        )

    return {
        **{f"{arch}_resnet18": net(arch, "resnet18") for arch in DECODERS.split()},
        **{f"unet_{encoder}": net("unet", encoder) for encoder in ENCODERS.split()},
        **each(
            [
                "fpn_efficientnet-b0",
                "linknet_mobilenet_v2",
                "deeplabv3plus_mobilenet_v2",
                "manet_mobilenet_v2",
                "upernet_tu-convnext_atto",
            ],
            lambda name: net(*name.split("_", 1)),
        ),
    }
