"""Attribution classes with Captum's conventions."""

from captum_deconvnet.attribution.deconvnet import DeconvNet
from captum_deconvnet.attribution.layer_deconvnet import LayerDeconvNet
from captum_deconvnet.attribution.neuron_deconvnet import NeuronDeconvNet
from captum_deconvnet.invariance.feature_difference import FeatureDifference
from captum_deconvnet.invariance.feature_invariance import FeatureInvariance
from captum_deconvnet.occlusion.maps import OcclusionMaps, OcclusionReport
from captum_deconvnet.occlusion.occlusion import Occlusion
from captum_deconvnet.occlusion.occlusion_sensitivity import OcclusionSensitivity
from captum_deconvnet.occlusion.part_correspondence import (
    CorrespondenceScores,
    PartCorrespondence,
    Score,
)

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
