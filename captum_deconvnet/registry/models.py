"""A model by its name: what a plugin or the user builds, with its weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from captum_deconvnet.errors import (
    CaptumDeconvnetError,
    ModelError,
    UnknownNameError,
    WeightsError,
    unknown_name,
)
from captum_deconvnet.registry.call_tree import has_convolution
from captum_deconvnet.registry.class_names import Classes
from captum_deconvnet.registry.importing import FORMS, ImportPath, import_path
from captum_deconvnet.registry.input_size import GivenSize
from captum_deconvnet.registry.loaded_model import LoadedModel, own_model
from captum_deconvnet.registry.model_names import list_models
from captum_deconvnet.registry.plugin import ModelSource
from captum_deconvnet.registry.preparation import Numbers, Preparation, Transform
from captum_deconvnet.registry.registry import Registry, process_registry
from captum_deconvnet.registry.weights import GivenWeights, Weights, given_weights
from captum_deconvnet.registry.weights_file import require_finite

RANDOM = "random"


def load_model(
    name: str,
    tag_or_file: str | Path | None = None,
    *,
    weights: Weights = None,
    input_size: GivenSize | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    transform: Transform | None = None,
    classes: Classes | None = None,
    registry: Registry | None = None,
) -> LoadedModel:
    """Build a model and give it weights.

    Args:
        name: full name, e.g. ``"torchvision/vgg16"``; see ``list_models``. Or a net of your own,
            ``"file.py:function"`` or ``"package.module:function"``: a function without arguments
            that returns a net or a :class:`LoadedModel`, a net's class, or a net.
        tag_or_file: the weights, by a tag or a path.
        weights: the same by name, or a state dict: a tag of the plugin (``"DEFAULT"``,
            ``"IMAGENET1K_V1"``, a timm tag), ``"random"``, the path of a checkpoint (``.pt``,
            ``.pth``, ``.ckpt``, ``.safetensors``, ``.index.json``), or a dictionary of tensors.
            By default trained weights: the plugin's own, downloaded if need be; of a net of your
            own, those that your function gives.
            In a checkpoint the net's tensors are found by their names, in whatever dictionaries
            and under whatever prefix they lie; ``notes`` says where.
        input_size: shape of an input, (C, H, W), ``"3x224x224"``, or one number for a square. Of a
            net of your own, by default, the channels of its first convolution and the first usual
            side that it runs on.
        mean: of colours in [0, 1], one for all channels or one a channel, subtracted.
        std: deviation of colours, likewise, divided by.
        transform: turns an RGB Pillow image into an input (C, H, W), in place of the three above:
            a function, or its import path.
        classes: names of the classes: a sequence, a dictionary by number, or a file of them (one a
            line, or JSON).
        registry: where to look; by default the plugins of this process.

    Returns:
        The model in eval mode, with its transforms, categories and layers.

    Raises:
        UnknownNameError: no plugin offers that name, or the plugin does not know that tag, or the
            file or module has no such function.
        ModelError: the model is left out, has no convolution, cannot be built, or does not fit
            what is said of its inputs and classes.
        WeightsError: the weights cannot be downloaded, read or fitted.
        NonFiniteError: the weights have a NaN or an infinity.

    Example:
        >>> loaded = load_model("torchvision/alexnet", "random")
        >>> loaded.stages
        ('features.2', 'features.5', 'features.7', 'features.9', 'features.12')
    """
    preparation = Preparation(input_size, mean, std, transform, classes)
    given = given_weights(tag_or_file, weights)
    path = import_path(name)
    if path is not None:
        loaded = _own(path, given, preparation)
    else:
        loaded = _offered(name, given, registry or process_registry())
        loaded = preparation.applied(loaded)
    if not given.is_checkpoint:  # these were looked at when they had been put in
        require_finite(loaded.model.state_dict(), f"The model {name}")
    if not has_convolution(loaded.model, loaded.example_input):
        raise ModelError(f"{name} has no convolution, so there is nothing to deconvolve.")
    return loaded


def _own(path: ImportPath, given: GivenWeights, preparation: Preparation) -> LoadedModel:
    """A net of the user's own, described and with its weights."""
    if given.tag not in (None, "DEFAULT", RANDOM):
        raise WeightsError(f"{path} has no weights {given.tag!r}; give a file, or none.")
    found = own_model(path)
    if isinstance(found, LoadedModel):
        loaded = preparation.applied(dataclasses.replace(found, name=str(path)))
    else:
        loaded = preparation.described(str(path), found)
    return given.put_into(loaded)


def _offered(name: str, given: GivenWeights, registry: Registry) -> LoadedModel:
    """A model of a plugin, with its weights."""
    source = _source(name, registry)
    loaded = _build(source, name, RANDOM if given.is_checkpoint else given.tag)
    return given.put_into(loaded)


def _source(name: str, registry: Registry) -> ModelSource:
    """The source that offers ``name``."""
    prefix, _, short = name.partition("/")
    source = registry.sources.get(prefix)
    if source is not None:
        if short in registry.names(source) or source.takes(short):
            return source
        if source.plugin in registry.broken:
            raise UnknownNameError(f"{prefix}/* is not in use: {registry.broken[source.plugin]}")
        reason = source.left_out().get(short)
        if reason:
            raise ModelError(f"{name} is not offered: {reason}.")
    plugins = [info.name for info in registry.plugins if not info.error]
    broken = [f"{plugin} ({reason})" for plugin, reason in registry.broken.items()]
    hint = f"A net of your own: {FORMS}. Loaded plugins: {', '.join(plugins) or 'none'}."
    known, _, tag = short.partition(".")
    if source is not None and tag and known in registry.names(source):
        hint = f"A tag goes apart: load_model('{prefix}/{known}', weights='{tag}')."
    elif broken:
        hint += f" Not in use: {'; '.join(broken)}."
    raise unknown_name("model", name, list_models(registry=registry), hint)


def _build(source: ModelSource, name: str, tag: str | None) -> LoadedModel:
    """Let the plugin build the model; whatever it raises becomes one clear line."""
    try:
        loaded = source.load(name.partition("/")[2], tag)
    except CaptumDeconvnetError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(f"Plugin {source.plugin!r} could not build {name}: {reason}") from error
    if not isinstance(loaded, LoadedModel):
        raise ModelError(
            f"Plugin {source.plugin!r} built a {type(loaded).__name__} for {name}, "
            "not a LoadedModel."
        )
    loaded.model.eval()
    return dataclasses.replace(loaded, name=name)
