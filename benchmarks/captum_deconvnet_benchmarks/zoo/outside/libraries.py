"""The libraries whose nets are swept.

Nets of the libraries in the table that are not in it, and why.
"""

from __future__ import annotations

from captum_deconvnet_benchmarks.zoo.outside.net import Library

TABLE = """
    pytorchcv                       pytorchcv                       pytorchcv
    segmentation_models_pytorch     segmentation-models-pytorch     segmentation_models
    transformers                    transformers                    transformers
    monai                           monai                           monai
    torchxrayvision                 torchxrayvision                 torchxrayvision
    ultralytics                     ultralytics                     ultralytics
    braindecode                     braindecode                     braindecode
    open_clip                       open-clip-torch                 open_clip
    pretrainedmodels                pretrainedmodels                pretrainedmodels
    geffnet                         geffnet                         geffnet
    super_image                     super-image                     super_image
    kornia                          kornia                          kornia
    vit_pytorch                     vit-pytorch                     vit_pytorch
    timm_3d                         timm-3d                         volumes
    segmentation_models_pytorch_3d  segmentation-models-pytorch-3d  segmentation_volumes
    facenet_pytorch                 facenet-pytorch                 faces
    efficientnet_pytorch            efficientnet-pytorch            efficientnet_pytorch
    resnest                         resnest                         resnest
    torchaudio                      torchaudio                      torchaudio
    lightly                         lightly                         lightly
    """
"""What a library is imported as, what it is installed as, and the file of its nets."""

LIBRARIES = tuple(Library(*line.split()) for line in TABLE.strip().splitlines())


LEFT_OUT = {
    "braindecode/DeepSleepNet": "its output is NaN with random weights; refused as not finite",
    "braindecode/SyncNet": "none of its modules is a convolution; it has no layers",
    "kornia/xfeat": "it runs under torch.no_grad by itself: there is no gradient to compare with",
    "monai/autoencoderkl, vqvae, varautoencoder": "whole, they draw random numbers or change a "
    "buffer's type; the first one's encoder is measured",
    "monai/hovernet, daf3d; super_image/han; transformers/upernet": "more than four minutes each",
    "super_image/rnan": "its forward method returns nothing",
    "ultralytics/rtdetr-resnet50": "its largest output is the number of a class: the projection "
    "of what does not depend on the picture is zero. Reference: no top k, no sampling grid",
    "ultralytics/yolo26n-depth": "an exponential and a clamp below zero, for which the reference "
    "has no rule",
    "ultralytics/yolo11-cls-resnet18": "it downloads weights when it is built",
}
"""By name, several with commas."""
