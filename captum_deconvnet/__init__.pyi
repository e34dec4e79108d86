import captum_deconvnet.engine.rules.user_rules as rules
import captum_deconvnet.errors as errors
import captum_deconvnet.registry as registry
import captum_deconvnet.targets as targets
from captum_deconvnet.attribution.deconvnet import DeconvNet
from captum_deconvnet.attribution.layer_deconvnet import LayerDeconvNet
from captum_deconvnet.attribution.neuron_deconvnet import NeuronDeconvNet
from captum_deconvnet.engine.backward import Patch
from captum_deconvnet.engine.record import receptive_field, record
from captum_deconvnet.engine.recording import Recording
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.tape.receipt import Receipt, ReceiptEntry
from captum_deconvnet.engine.units import Unit
from captum_deconvnet.engine.windows.receptive_field import Box, ReceptiveField
from captum_deconvnet.gallery.layer_top import LayerTop
from captum_deconvnet.gallery.scan import top_activations
from captum_deconvnet.gallery.top_activations import TopActivations
from captum_deconvnet.invariance.curves import InvarianceCurves
from captum_deconvnet.invariance.feature_difference import FeatureDifference
from captum_deconvnet.invariance.feature_invariance import FeatureInvariance
from captum_deconvnet.occlusion.correspondence_scores import CorrespondenceScores
from captum_deconvnet.occlusion.maps import OcclusionMaps, OcclusionReport
from captum_deconvnet.occlusion.occlusion import Occlusion
from captum_deconvnet.occlusion.occlusion_sensitivity import OcclusionSensitivity
from captum_deconvnet.occlusion.part_correspondence import PartCorrespondence
from captum_deconvnet.projections.trust_checks import TrustChecks, trust_checks
from captum_deconvnet.registry.loaded_model import LoadedModel
from captum_deconvnet.registry.model_names import list_models
from captum_deconvnet.registry.models import load_model

__version__: str

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
    "errors",
    "list_models",
    "load_model",
    "receptive_field",
    "record",
    "registry",
    "rules",
    "targets",
    "top_activations",
    "trust_checks",
]
