"""ultralytics: the smallest net of every YOLO, for every task; built from its own tables."""

from __future__ import annotations

from functools import partial

from torch import nn

from captum_deconvnet_benchmarks.zoo.outside.net import Net, first

CLASSIFIERS = "yolov8n-cls yolo11n-cls yolo12n-cls yolo26n-cls yolov8-cls-resnet50"
DETECTORS = """
    yolov3-tiny yolov5n yolov6n yolov8n yolov8n-p2 yolov8n-ghost yolov9t yolov9s yolov10n yolo11n
    yolo12n yolo26n
    """
SEGMENTERS = "yolov8n-seg yolo11n-seg yolov9c-seg yolo26n-seg"
POSES = "yolov8n-pose yolo11n-pose yolo26n-pose"
BOXES = "yolov8n-obb yolo11n-obb yolo26n-obb"
SHAPE = (3, 96, 96)


def build(name: str, task: str) -> nn.Module:
    """The net of a table."""
    from ultralytics.nn import tasks

    made: nn.Module = getattr(tasks, task)(f"{name}.yaml", verbose=False)
    return made


def nets() -> dict[str, Net]:
    """The nets by name."""
    by_task = {
        "ClassificationModel": CLASSIFIERS,
        "DetectionModel": DETECTORS,
        "SegmentationModel": SEGMENTERS,
        "PoseModel": POSES,
        "OBBModel": BOXES,
    }
    maps = {
        "yolo26n-sem": Net(partial(build, "yolo26n-sem", "SemanticSegmentationModel"), SHAPE),
    }
    return maps | {
        name: Net(partial(build, name, task), SHAPE, first)
        for task, names in by_task.items()
        for name in names.split()
    }
