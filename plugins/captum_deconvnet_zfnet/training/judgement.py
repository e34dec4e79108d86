"""The last word on a net: how many pictures of a data set it gets right."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from captum_deconvnet import list_models, load_model
from captum_deconvnet.cli.loading import device_of
from captum_deconvnet.errors import DataError, unknown_name
from captum_deconvnet_zfnet.data.opening import open_data
from captum_deconvnet_zfnet.data.pictures import DataSet
from captum_deconvnet_zfnet.training.evaluation import evaluate


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
