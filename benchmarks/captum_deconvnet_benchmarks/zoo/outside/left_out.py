"""Nets of the libraries in the table that are not in it, and why."""

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
