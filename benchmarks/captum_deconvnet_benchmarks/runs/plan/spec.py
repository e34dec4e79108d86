"""The spec of a run: which models, explainers, metrics and images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import torch
import yaml
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from captum_deconvnet.errors import CaptumDeconvnetError, SpecError, unknown_name

DEFAULT = "DEFAULT"
PREDICTED: Literal["predicted"] = "predicted"
LABEL: Literal["label"] = "label"
Kind: TypeAlias = Literal["explainers", "metrics"]
KINDS: tuple[Kind, ...] = ("explainers", "metrics")
PREPARED = ("input_size", "mean", "std", "transform", "classes")
"""The keys of a model that say how pictures are prepared for it, and what its classes are."""


def as_text(value: Any) -> str:
    """A value as the command line would have it: ``[3, 64, 64]`` is ``3,64,64``."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def listed(value: Any) -> list[Any]:
    """A list, or the one value that stands in its place."""
    if isinstance(value, str | Mapping):
        return [value]
    if not isinstance(value, list | tuple):
        raise ValueError
    return list(value)


def known_device(device: str) -> str:
    """A device that torch has a name for, on this machine or not."""
    if device != "auto":
        try:
            torch.device(device)
        except RuntimeError as error:
            raise ValueError from error
    return device


Text: TypeAlias = Annotated[str, BeforeValidator(as_text)]
Names: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(listed)]
Count: TypeAlias = Annotated[int, Field(strict=True, ge=0)]
Parameters: TypeAlias = dict[Kind, dict[str, dict[str, Any]]]
"""By kind, then name, then parameter."""

CHECKED = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=CHECKED)
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

    model: Text
    weights: Text = DEFAULT
    images: Text = ""
    layer: Text = ""
    label: Text = ""
    parameters: Parameters = Field(default_factory=dict)
    input_size: Text = ""
    mean: Text = ""
    std: Text = ""
    transform: Text = ""
    classes: Text = ""

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


def model_choice(given: Any) -> Any:
    """A model's name alone stands for the choice of it."""
    return {"model": given} if isinstance(given, str) else given


Choices: TypeAlias = Annotated[
    tuple[Annotated[ModelChoice, BeforeValidator(model_choice)], ...], BeforeValidator(listed)
]


@dataclass(frozen=True, config=CHECKED)
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

    models: Choices = ()
    explainers: Names = ("*",)
    metrics: Names = ("*",)
    images: str = ""
    target: Count | Literal["predicted", "label"] = PREDICTED
    seed: Count = 0
    block: Annotated[Count, Field(ge=1)] = 10
    batch: Count = 0
    limit: Count = 0
    background: Count = 128
    device: Annotated[str, AfterValidator(known_device)] = "cpu"
    parameters: Parameters = Field(default_factory=dict)

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
    try:
        spec = Spec(**{str(key): value for key, value in content.items()})
    except ValidationError as error:
        raise _refusal(error.errors(), content) from None
    _check_models(spec)
    return spec


def _said(choice: Mapping[str, Any]) -> dict[str, Any]:
    """A model as plain values, without what is not said of its inputs."""
    return {key: value for key, value in choice.items() if value or key not in PREPARED}


def _check_models(spec: Spec) -> None:
    """Refuse models that no run can be made of."""
    if not spec.models:
        raise SpecError("There is no model: give --model, or models: in the spec.")
    for choice in spec.models:
        if not (choice.images or spec.images):
            raise SpecError(f"{choice.name} has no images: give --images, or images: in the spec.")
    names = [choice.name for choice in spec.models]
    if len(set(names)) < len(names):
        raise SpecError(f"Two models are called the same: {', '.join(names)}. Give a label:.")


UNKNOWN_KEY = "unexpected_keyword_argument"
WHOLE = "a whole number of at least"
EXPECTED = {
    **dict.fromkeys(("models", *KINDS), "a list of names"),
    **dict.fromkeys(("seed", "batch", "limit", "background"), f"{WHOLE} 0"),
    "block": f"{WHOLE} 1",
    "target": "predicted, label or a class number",
    "device": "auto, cpu, cuda, mps, or one card such as cuda:1",
    "images": "a folder, or torchvision/NAME:ROOT",
}
"""By key of a spec, what was expected there."""


def _refusal(errors: list[ErrorDetails], content: Mapping[str, Any]) -> CaptumDeconvnetError:
    """What the library finds wrong, in one line; unknown keys come first."""
    first = min(errors, key=lambda error: error["type"] != UNKNOWN_KEY)
    path, given = first["loc"], first["input"]
    if first["type"] == UNKNOWN_KEY:
        owner, kind = ("spec", Spec) if len(path) == 1 else ("model", ModelChoice)
        known = [each.name for each in fields(kind)]
        return unknown_name(f"key of a {owner}", str(path[-1]), known)
    if "parameters" in path:
        return _refused_parameters(path[path.index("parameters") + 1 :], given)
    if path[0] == "models" and len(path) > 1:
        return SpecError(f"A model is {given!r}; give its name, or 'model:' with its name.")
    key = str(path[0])
    return SpecError(f"{key} is {content[key]!r}; {EXPECTED[key]} was expected.")


def _refused_parameters(path: tuple[int | str, ...], given: Any) -> CaptumDeconvnetError:
    """What is wrong below ``parameters``."""
    if not path:
        return SpecError(f"parameters is {given!r}; {' and '.join(KINDS)} were expected in it.")
    if path[0] not in KINDS:
        return unknown_name("key of parameters", str(path[0]), KINDS)
    return SpecError(f"parameters.{path[0]} must have names, each with parameter: value.")
