"""Plugins, and the models and rules that they bring: what a plugin imports.

* A plugin: ``hookimpl`` marks its functions; ``hookspec`` those of a hook of its own;
  ``Registry`` holds plugins, ``process_registry`` is that of this process, ``PluginInfo`` is a
  row of ``deconvnet plugins``.
* Models: ``list_models``, ``load_model``; ``library_names`` and ``registered_names`` tell what a
  library offers, without importing it; a plugin gives a ``LoadedModel`` with an
  ``ImageTransform`` or ``ClipTransform`` and a ``Denormalize``; ``find_stages`` finds its layers.
* Weights: ``read_state_dict`` and ``fit`` read a file and put it into a net; ``require_download``
  and ``not_downloaded`` are for weights that a library fetches.
* Rules: ``plugin_rules`` gives every plugin's ``RuleRow``.
* Files: ``write_whole`` and ``write_bytes_whole`` write a file whole or not at all.

Each public name is imported when it is first used; ``__init__.pyi`` lists them.
"""

from captum_deconvnet.lazy_names import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__)
