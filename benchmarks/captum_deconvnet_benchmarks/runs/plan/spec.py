"""The spec of a run: which models, explainers, metrics and images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeAlias

import torch
import yaml

from captum_deconvnet.errors import SpecError, unknown_name

Parameters: TypeAlias = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By ``"explainers"`` or ``"metrics"``, then name, then parameter."""

DEFAULT = "DEFAULT"
PREDICTED, LABEL = "predicted", "label"
PREPARED = ("input_size", "mean", "std", "transform", "classes")
"""The keys of a model that say how pictures are prepared for it, and what its classes are."""


@dataclass(frozen=True)
class ModelChoice:
    """One model of a run.

    Args:
        model: as ``deconvnet models`` lists it.
        weights: a tag, a file, or ``"random"``.
        images: its images, if not those of the run.
        layer: the layer for explainers that look at one; by default the last stage.
        label: what the tables call it.
        parameters: as those of the run, for this model alone.
        input_size: of its inputs, as ``load_model`` takes it; empty for its own, as all below.
        mean: subtracted from colours.
        std: divides colours.
        transform: import path of a function that makes its inputs.
        classes: a file with the names of its classes.
    """

    model: str
    weights: str = DEFAULT
    images: str = ""
    layer: str = ""
    label: str = ""
    parameters: Parameters = field(default_factory=dict)
    input_size: str = ""
    mean: str = ""
    std: str = ""
    transform: str = ""
    classes: str = ""

    @property
    def prepared(self) -> dict[str, str]:
        """What is said of its inputs and classes, as ``load_model`` takes it."""
        said = {key: getattr(self, key) for key in PREPARED}
        return {key: value for key, value in said.items() if value}

    @property
    def name(self) -> str:
        """Its label, or a name with the weights, if they are not the default."""
        plain = self.model if self.weights == DEFAULT else f"{self.model}@{self.weights}"
        return self.label or plain


@dataclass(frozen=True)
class Spec:
    """What a run is over.

    Args:
        models: at least one.
        explainers: names or patterns.
        metrics: names or patterns.
        images: a folder, or ``torchvision/NAME:ROOT``.
        target: ``"predicted"``, ``"label"``, or the number of a class.
        seed: of everything that is drawn.
        block: images in a unit of work.
        batch: images that go through together; 0 for the whole block. Only the rounding of sums
            depends on it.
        limit: only so many images of each model, the first ones; 0 for all.
        background: the grey, 0 to 255, that transparent pictures are laid on.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``, or one card as torch names it.
        parameters: in place of the defaults of explainers and metrics.
    """

    models: tuple[ModelChoice, ...] = ()
    explainers: tuple[str, ...] = ("*",)
    metrics: tuple[str, ...] = ("*",)
    images: str = ""
    target: str | int = PREDICTED
    seed: int = 0
    block: int = 10
    batch: int = 0
    limit: int = 0
    background: int = 128
    device: str = "cpu"
    parameters: Parameters = field(default_factory=dict)

    def as_plain(self) -> dict[str, Any]:
        """What YAML and JSON can hold; ``spec_of`` takes it back."""
        facts = asdict(self)
        return facts | {
            "models": [_said(choice) for choice in facts["models"]],
            "explainers": list(self.explainers),
            "metrics": list(self.metrics),
        }


def read_spec(path: Path) -> dict[str, Any]:
    """What a YAML file says.

    Raises:
        SpecError: it is no YAML, or no mapping.
        OSError: it cannot be read.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is no YAML: {error}.") from error
    if not isinstance(content, dict):
        raise SpecError(f"{path} holds {type(content).__name__}; names with values were expected.")
    return content


def spec_of(content: Mapping[str, Any]) -> Spec:
    """The spec that plain values mean, checked.

    Raises:
        UnknownNameError: a key is unknown; names the nearest.
        SpecError: a value cannot be used.
    """
    known = {each.name for each in fields(Spec)}
    for key in content:
        if key not in known:
            raise unknown_name("key of a spec", str(key), known)
    given = dict(content)
    given["models"] = tuple(_model(each) for each in _listed(given.get("models", ()), "models"))
    for key in ("explainers", "metrics"):
        if key in given:
            given[key] = tuple(_listed(given[key], key))
    spec = Spec(**given)
    _check(spec)
    return spec


def _model(given: Any) -> ModelChoice:
    if isinstance(given, str):
        return ModelChoice(given)
    if isinstance(given, ModelChoice):
        return given
    known = {each.name for each in fields(ModelChoice)}
    if not isinstance(given, Mapping) or "model" not in given:
        raise SpecError(f"A model is {given!r}; give its name, or 'model:' with its name.")
    for key in given:
        if key not in known:
            raise unknown_name("key of a model", str(key), known)
    _check_parameters(given.get("parameters", {}))
    plain = {key: _text(value) for key, value in given.items() if key != "parameters"}
    return ModelChoice(**plain, parameters=given.get("parameters", {}))


def _said(choice: Mapping[str, Any]) -> dict[str, Any]:
    """A model as plain values, without what is not said of its inputs."""
    return {key: value for key, value in choice.items() if value or key not in PREPARED}


def _text(value: Any) -> str:
    """A value as the command line would have it: ``[3, 64, 64]`` is ``3,64,64``."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _listed(value: Any, key: str) -> list[Any]:
    if isinstance(value, str | Mapping):
        return [value]
    if not isinstance(value, list | tuple):
        raise SpecError(f"{key} is {value!r}; a list was expected.")
    return list(value)


def _check(spec: Spec) -> None:
    """Refuse what no run can be made of."""
    if not spec.models:
        raise SpecError("There is no model: give --model, or models: in the spec.")
    for choice in spec.models:
        if not (choice.images or spec.images):
            raise SpecError(f"{choice.name} has no images: give --images, or images: in the spec.")
    names = [choice.name for choice in spec.models]
    if len(set(names)) < len(names):
        raise SpecError(f"Two models are called the same: {', '.join(names)}. Give a label:.")
    lowest = {"seed": 0, "block": 1, "batch": 0, "limit": 0, "background": 0}
    for key, least in lowest.items():
        value = getattr(spec, key)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise SpecError(f"{key} is {value!r}; a whole number of at least {least} was expected.")
    _check_target(spec.target)
    _check_device(spec.device)
    _check_parameters(spec.parameters)


def _check_device(device: Any) -> None:
    try:
        if device != "auto":
            torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise SpecError(
            f"device is {device!r}; auto, cpu, cuda, mps, or one card such as cuda:1 was expected."
        ) from error


def _check_target(target: Any) -> None:
    words = (PREDICTED, LABEL)
    if not (target in words or (type(target) is int and target >= 0)):
        raise SpecError(f"target is {target!r}; {', '.join(words)} or a class number was expected.")


def _check_parameters(parameters: Any) -> None:
    kinds = ("explainers", "metrics")
    if not isinstance(parameters, Mapping):
        raise SpecError(f"parameters is {parameters!r}; {' and '.join(kinds)} were expected in it.")
    for kind, rows in parameters.items():
        if kind not in kinds:
            raise unknown_name("key of parameters", str(kind), kinds)
        if not isinstance(rows, Mapping) or not all(isinstance(r, Mapping) for r in rows.values()):
            raise SpecError(f"parameters.{kind} must have names, each with parameter: value.")
