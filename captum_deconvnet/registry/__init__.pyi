from captum_deconvnet.files import write_bytes_whole, write_whole
from captum_deconvnet.registry.hookspecs import hookimpl, hookspec
from captum_deconvnet.registry.loaded_model import LoadedModel
from captum_deconvnet.registry.model_names import library_names, list_models, registered_names
from captum_deconvnet.registry.models import load_model
from captum_deconvnet.registry.plugin import PluginInfo, RuleRow
from captum_deconvnet.registry.registry import Registry, plugin_rules, process_registry
from captum_deconvnet.registry.stages import find_stages
from captum_deconvnet.registry.transforms import ClipTransform, Denormalize, ImageTransform
from captum_deconvnet.registry.weights import not_downloaded, require_download
from captum_deconvnet.registry.weights_file import fit, read_state_dict

__all__ = [
    "ClipTransform",
    "Denormalize",
    "ImageTransform",
    "LoadedModel",
    "PluginInfo",
    "Registry",
    "RuleRow",
    "find_stages",
    "fit",
    "hookimpl",
    "hookspec",
    "library_names",
    "list_models",
    "load_model",
    "not_downloaded",
    "plugin_rules",
    "process_registry",
    "read_state_dict",
    "registered_names",
    "require_download",
    "write_bytes_whole",
    "write_whole",
]
