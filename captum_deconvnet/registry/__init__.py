"""Plugins, and the models and rules that they bring: what a plugin imports.

* A plugin: ``hookimpl`` marks its functions; ``hookspec`` those of a hook of its own;
  ``Registry`` holds plugins, ``process_registry`` is that of this process, ``PluginInfo`` is a
  row of ``deconvnet plugins``.
* Models: ``list_models``, ``load_model``; a plugin gives a ``LoadedModel`` with an
  ``ImageTransform`` or ``ClipTransform`` and a ``Denormalize``; ``find_stages`` finds its layers.
* Weights: ``read_state_dict`` and ``fit`` read a file and put it into a net; ``require_download``
  and ``not_downloaded`` are for weights that a library fetches.
* Rules: ``plugin_rules`` gives every plugin's ``RuleRow``.
* Files: ``write_whole`` writes a file whole or not at all.
"""

from captum_deconvnet.files import write_whole
from captum_deconvnet.registry.hookspecs import hookimpl, hookspec
from captum_deconvnet.registry.loaded_model import LoadedModel
from captum_deconvnet.registry.models import list_models, load_model
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
    "list_models",
    "load_model",
    "not_downloaded",
    "plugin_rules",
    "process_registry",
    "read_state_dict",
    "require_download",
    "write_whole",
]
