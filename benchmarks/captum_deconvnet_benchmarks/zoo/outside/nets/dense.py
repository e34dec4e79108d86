"""Nets whose answer is a picture, or places in one: segments, boxes, key points, faces."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from captum_deconvnet_benchmarks.zoo.outside.libraries import Net, each, first

DECODERS = """
    unet unetplusplus manet linknet fpn pspnet pan deeplabv3 deeplabv3plus upernet segformer
    """

ENCODERS = """
    resnet34 resnext50_32x4d vgg11_bn densenet121 dpn68 efficientnet-b0 inceptionresnetv2
    inceptionv4 mobilenet_v2 mobileone_s0 se_resnet50 senet154 timm-efficientnet-b0
    timm-skresnet18 xception mit_b0 tu-resnet18 tu-convnext_atto tu-mobilenetv3_small_050
    tu-hrnet_w18_small tu-regnety_002
    """

SEGMENTED, SEGMENTED_WIDER = (3, 64, 64), (3, 128, 128)


def segmentation_models_pytorch() -> dict[str, Net]:
    """Every decoder on one encoder, one decoder on every encoder."""
    from segmentation_models_pytorch import create_model

    def net(decoder: str, encoder: str) -> Net:
        return Net(
            partial(create_model, decoder, encoder, encoder_weights=None),
            SEGMENTED_WIDER if decoder == "pan" else SEGMENTED,
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


YOLO_CLASSIFIERS = "yolov8n-cls yolo11n-cls yolo12n-cls yolo26n-cls yolov8-cls-resnet50"
YOLO_DETECTORS = """
    yolov3-tiny yolov5n yolov6n yolov8n yolov8n-p2 yolov8n-ghost yolov9t yolov9s yolov10n yolo11n
    yolo12n yolo26n
    """
YOLO_SEGMENTERS = "yolov8n-seg yolo11n-seg yolov9c-seg yolo26n-seg"
YOLO_POSES = "yolov8n-pose yolo11n-pose yolo26n-pose"
YOLO_BOXES = "yolov8n-obb yolo11n-obb yolo26n-obb"
YOLO_SHAPE = (3, 96, 96)


def build_yolo(name: str, task: str) -> nn.Module:
    """The net of a table."""
    from ultralytics.nn import tasks

    made: nn.Module = getattr(tasks, task)(f"{name}.yaml", verbose=False)
    return made


def ultralytics() -> dict[str, Net]:
    """The smallest net of every YOLO, for every task; built from its own tables."""
    by_task = {
        "ClassificationModel": YOLO_CLASSIFIERS,
        "DetectionModel": YOLO_DETECTORS,
        "SegmentationModel": YOLO_SEGMENTERS,
        "PoseModel": YOLO_POSES,
        "OBBModel": YOLO_BOXES,
    }
    maps = {
        "yolo26n-sem": Net(
            partial(build_yolo, "yolo26n-sem", "SemanticSegmentationModel"), YOLO_SHAPE
        ),
    }
    return maps | {
        name: Net(partial(build_yolo, name, task), YOLO_SHAPE, first)
        for task, names in by_task.items()
        for name in names.split()
    }


SUPER_IMAGE: dict[str, dict[str, Any]] = {
    "A2n": {},
    "Awsrn": {},
    "Carn": {},
    "Ddbpn": {},
    "Drln": {},
    "Drn": {},
    "Edsr": {"n_resblocks": 4, "n_feats": 16},
    "Mdsr": {"n_resblocks": 4, "n_feats": 16},
    "Msrn": {},
    "Pan": {},
    "Rcan": {"n_resgroups": 2, "n_resblocks": 2, "n_feats": 16},
}
"""By name: what the configuration changes."""


def build_super_image(name: str, options: dict[str, Any]) -> nn.Module:
    """A net that doubles the size."""
    import super_image

    config = getattr(super_image, f"{name}Config")(scale=2, **options)
    made: nn.Module = getattr(super_image, f"{name}Model")(config)
    return made


def super_image() -> dict[str, Net]:
    """Nets that enlarge a picture."""
    return {
        name.lower(): Net(partial(build_super_image, name, options), (3, 24, 24))
        for name, options in SUPER_IMAGE.items()
    }


def kornia() -> dict[str, Net]:
    """Nets that find and describe places, edges and faces."""
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


def facenet_pytorch() -> dict[str, Net]:
    """Faces found and told apart."""
    from facenet_pytorch import InceptionResnetV1
    from facenet_pytorch.models import mtcnn

    return {
        "inception_resnet_v1": Net(partial(InceptionResnetV1), (3, 96, 96)),
        "inception_resnet_v1_classes": Net(
            partial(InceptionResnetV1, classify=True, num_classes=5), (3, 96, 96)
        ),
        "pnet": Net(partial(mtcnn.PNet, pretrained=False), (3, 48, 48)),
        "rnet": Net(partial(mtcnn.RNet, pretrained=False), (3, 24, 24)),
        "onet": Net(partial(mtcnn.ONet, pretrained=False), (3, 48, 48)),
    }
