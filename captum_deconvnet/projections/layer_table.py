"""``deconvnet layers``: the shape, receptive field and backward rules of every layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.cli.loading import load_for_command
from captum_deconvnet.cli.output import table
from captum_deconvnet.engine.record import record
from captum_deconvnet.engine.recorder.module_hooks import layer_outputs
from captum_deconvnet.engine.tape.receipt import Receipt, ReceiptEntry
from captum_deconvnet.engine.windows.receptive_field import ReceptiveField
from captum_deconvnet.registry import LoadedModel

HEAD = ("layer", "shape", "field", "jump", "start", "way back")


@dataclass(frozen=True)
class ListedLayer:
    """One layer, as the image size of its model makes it.

    Args:
        path: module path; empty for the model itself.
        stage: whether it is one of the model's stages.
        shape: of its output for one image.
        field: what one of its units sees.
        rules: the receipt's rules of the operations that the module itself runs.
    """

    path: str
    stage: bool
    shape: tuple[int, ...]
    field: ReceptiveField
    rules: tuple[str, ...]

    def row(self) -> tuple[str, ...]:
        """The layer as a row of the table; a stage is marked with a star."""
        field = self.field
        sizes = (size_text(field.size), size_text(field.jump), size_text(field.start))
        shape = "x".join(str(size) for size in self.shape)
        return (
            f"{self.path or '(model)'}{' *' * self.stage}",
            shape,
            *sizes,
            ", ".join(self.rules) or "-",
        )


@dataclass(frozen=True)
class LayerTable:
    """All layers of a model, in the order they ran."""

    model: str
    input_shape: tuple[int, ...]
    layers: Sequence[ListedLayer]

    def table(self) -> str:
        """The layers as text."""
        return table(HEAD, [layer.row() for layer in self.layers])

    def facts(self) -> dict[str, Any]:
        """The layers as JSON."""
        return {
            "model": self.model,
            "input_shape": self.input_shape,
            "layers": [asdict(layer) for layer in self.layers],
        }


def layer_table(model: str, weights: str = "random") -> LayerTable:
    """List the layers of a model by one recorded forward pass of a black image.

    Raises:
        CaptumDeconvnetError: no such model.
    """
    loaded = load_for_command(model, weights)
    inputs = loaded.example_input()
    shapes = output_shapes(loaded.model, inputs)
    recording = record(loaded.model, inputs, list(shapes))
    rules = rules_by_module(recording.receipt)
    listed = [
        path for path in shapes if path in rules or path in loaded.stages or is_leaf(loaded, path)
    ]
    progress = tqdm(listed, desc="receptive fields", unit="layer", leave=False, disable=None)
    layers = [
        ListedLayer(
            path,
            path in loaded.stages,
            shapes[path],
            recording.receptive_field(path),
            rules.get(path, ()),
        )
        for path in progress
    ]
    return LayerTable(model, tuple(inputs.shape[1:]), layers)


def output_shapes(model: nn.Module, inputs: torch.Tensor) -> dict[str, tuple[int, ...]]:
    """The shape for one image of every module that ran and gave one tensor, in running order."""
    shapes: dict[str, tuple[int, ...]] = {}

    def take(path: str, output: object) -> None:
        if isinstance(output, torch.Tensor) and output.dim() > 1:
            shapes.setdefault(path, tuple(output.shape[1:]))

    with layer_outputs(dict(model.named_modules()), take), torch.no_grad():
        model(inputs)
    return shapes


def rules_by_module(receipt: Receipt) -> dict[str, tuple[str, ...]]:
    """The rules that ran in each module itself, each once, in running order."""
    rules: dict[str, dict[str, None]] = {}
    for entry in receipt.entries:
        rules.setdefault(entry.module, {})[backward_rule(entry)] = None
    return {module: tuple(names) for module, names in rules.items()}


def backward_rule(entry: ReceiptEntry) -> str:
    """One rule in words: ``max_pool2d_with_indices: switches (paper)``, ``add: adjoint``."""
    kind = "" if entry.rule == entry.kind else f" ({entry.kind})"
    return f"{entry.operation}: {entry.rule}{kind}"


def is_leaf(loaded: LoadedModel, path: str) -> bool:
    """Whether a module has no modules of its own."""
    return not any(loaded.model.get_submodule(path).children())


def size_text(size: tuple[float, float]) -> str:
    """Height and width, or one number if they are equal."""
    height, width = size
    return f"{height:g}" if height == width else f"{height:g}x{width:g}"
