"""Attribution classes with Captum's conventions."""

from captum_deconvnet.attr.correspondence import CorrespondenceScores, PartCorrespondence, Score
from captum_deconvnet.attr.deconvnet import DeconvNet
from captum_deconvnet.attr.feature_difference import FeatureDifference
from captum_deconvnet.attr.invariance import FeatureInvariance
from captum_deconvnet.attr.layer_deconvnet import LayerDeconvNet
from captum_deconvnet.attr.neuron_deconvnet import NeuronDeconvNet
from captum_deconvnet.attr.occlusion import Occlusion
from captum_deconvnet.attr.occlusion_maps import OcclusionMaps
from captum_deconvnet.attr.occlusion_report import OcclusionReport
from captum_deconvnet.attr.occlusion_sensitivity import OcclusionSensitivity

__all__ = [
    "CorrespondenceScores",
    "DeconvNet",
    "FeatureDifference",
    "FeatureInvariance",
    "LayerDeconvNet",
    "NeuronDeconvNet",
    "Occlusion",
    "OcclusionMaps",
    "OcclusionReport",
    "OcclusionSensitivity",
    "PartCorrespondence",
    "Score",
]
