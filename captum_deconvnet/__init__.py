"""Zeiler-Fergus deconvnet projections for Captum, on any torchvision or timm conv net."""

from captum_deconvnet.pictures.plotting import import_matplotlib

import_matplotlib()  # before Captum does

from captum_deconvnet import targets
from captum_deconvnet.attribution.deconvnet import DeconvNet
from captum_deconvnet.attribution.layer_deconvnet import LayerDeconvNet
from captum_deconvnet.attribution.neuron_deconvnet import NeuronDeconvNet
from captum_deconvnet.engine.record import receptive_field, record
from captum_deconvnet.engine.recording import Recording
from captum_deconvnet.engine.rules import rows as rules
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.tape.receipt import Receipt, ReceiptEntry
from captum_deconvnet.engine.units import Unit
from captum_deconvnet.engine.windows.patches import Patch
from captum_deconvnet.engine.windows.receptive_field import Box, ReceptiveField
from captum_deconvnet.gallery import LayerTop, TopActivations, top_activations
from captum_deconvnet.invariance.curves import InvarianceCurves
from captum_deconvnet.invariance.feature_difference import FeatureDifference
from captum_deconvnet.invariance.feature_invariance import FeatureInvariance
from captum_deconvnet.occlusion.maps import OcclusionMaps, OcclusionReport
from captum_deconvnet.occlusion.occlusion import Occlusion
from captum_deconvnet.occlusion.occlusion_sensitivity import OcclusionSensitivity
from captum_deconvnet.occlusion.part_correspondence import CorrespondenceScores, PartCorrespondence
from captum_deconvnet.projections.trust_checks import TrustChecks, trust_checks
from captum_deconvnet.registry import LoadedModel, list_models, load_model

__version__ = "0.1.0"

__all__ = [
    "Box",
    "CorrespondenceScores",
    "DeconvNet",
    "Family",
    "FeatureDifference",
    "FeatureInvariance",
    "InvarianceCurves",
    "LayerDeconvNet",
    "LayerTop",
    "LoadedModel",
    "NeuronDeconvNet",
    "Occlusion",
    "OcclusionMaps",
    "OcclusionReport",
    "OcclusionSensitivity",
    "PartCorrespondence",
    "Patch",
    "Receipt",
    "ReceiptEntry",
    "ReceptiveField",
    "Recording",
    "TopActivations",
    "TrustChecks",
    "Unit",
    "list_models",
    "load_model",
    "receptive_field",
    "record",
    "rules",
    "targets",
    "top_activations",
    "trust_checks",
]
