"""Attribution classes with Captum's conventions."""

from captum_deconvnet.attr.deconvnet import DeconvNet
from captum_deconvnet.attr.feature_difference import FeatureDifference
from captum_deconvnet.attr.invariance import FeatureInvariance
from captum_deconvnet.attr.layer_deconvnet import LayerDeconvNet
from captum_deconvnet.attr.neuron_deconvnet import NeuronDeconvNet

__all__ = [
    "DeconvNet",
    "FeatureDifference",
    "FeatureInvariance",
    "LayerDeconvNet",
    "NeuronDeconvNet",
]
