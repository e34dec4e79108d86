"""How often a net is right, and its loss, on the central crops of pictures.

``deconvnet evaluate`` says how many pictures of a data set a net gets right.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet import list_models, load_model
from captum_deconvnet.cli.loading import device_of
from captum_deconvnet.errors import DataError, unknown_name
from captum_deconvnet_zfnet.data.batches import central_crop, in_order, read
from captum_deconvnet_zfnet.data.opening import open_data
from captum_deconvnet_zfnet.data.pictures import DataSet, Pictures

BATCH = 250


@dataclass(frozen=True)
class Score:
    """What a net makes of a set of pictures.

    Args:
        loss: mean cross-entropy.
        right: pictures whose class is the largest logit.
        count: pictures.
    """

    loss: float
    right: int
    count: int

    @property
    def error(self) -> float:
        """Share of pictures that are classified wrong, in [0, 1]."""
        return 1 - self.right / self.count


@torch.no_grad()
def evaluate(
    net: nn.Module,
    pictures: Pictures,
    size: int,
    *,
    device: torch.device | None = None,
    workers: int = 0,
    show_progress: bool = False,
) -> Score:
    """Score a net that is in eval mode.

    Args:
        net: from pictures (N, C, size, size) to logits.
        pictures: labelled.
        size: side of the crops, in pixels.
        device: where the net is; by default the CPU.
        workers: processes that read ahead.
        show_progress: whether to show a bar.
    """
    loss, right = 0.0, 0
    order = in_order(len(pictures), BATCH)
    batches = read(pictures, order, workers)
    for batch, labels in tqdm(
        batches, "evaluating", len(order), disable=None if show_progress else True, leave=False
    ):
        logits, labels = net(central_crop(batch, size).to(device)), labels.to(device)
        loss += float(F.cross_entropy(logits, labels, reduction="sum"))
        right += int((logits.argmax(dim=1) == labels).sum())
    return Score(loss / len(pictures), right, len(pictures))


def judge(
    model: str, weights: str, folder: Path, classes: int | None = None, device: str = "auto"
) -> str:
    """Score a net of this plugin on test images, or on validation images if there are no others.

    Args:
        model: such as ``"zfnet/fashion_mnist"``.
        weights: a tag, or a file.
        folder: of the data.
        classes: use only so many classes, the first ones.
        device: what kind to compute on; auto is cuda where there is one, else the processor.

    Returns:
        One line that says which net, which images, and how many are right.

    Raises:
        UnknownNameError: the model is none of this plugin's.
        DataError: the data cannot be read, or are not for this net.
    """
    own = list_models("zfnet/*")
    if model not in own:
        raise unknown_name("model to evaluate", model, own, f"Known: {', '.join(own)}.")
    place = device_of(device)
    loaded = load_model(model, weights)
    size = loaded.input_size[-1]
    data = open_data(folder, size, classes)
    require_match(loaded.model, data, loaded.input_size[0])
    pictures, kind = (data.test, "test") if data.test else (data.validation, "validation")
    score = evaluate(loaded.model.to(place), pictures, size, device=place, show_progress=True)
    return (
        f"{loaded.name}, weights {loaded.weights}: {score.right} of {score.count} {kind} images of "
        f"{data.name} right, {100 * score.right / score.count:.2f} %"
    )


def require_match(net: nn.Module, data: DataSet, channels: int) -> None:
    """Refuse data that a net was not made for.

    Raises:
        DataError: classes or colours differ in number.
    """
    logits = net.get_parameter("layer8.bias").numel()
    if len(data.categories) > logits or data.channels != channels:
        raise DataError(
            f"{data.name} has {len(data.categories)} classes and {data.channels} channels; the net "
            f"tells {logits} classes in {channels} channels."
        )
