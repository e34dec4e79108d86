"""The libraries whose nets are swept."""

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
