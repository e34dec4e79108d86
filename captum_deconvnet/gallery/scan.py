"""``top_activations``: one pass over a dataset, the strongest activations of every map kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from captum_deconvnet.attribution.further_arguments import as_arguments
from captum_deconvnet.engine.checks import check_model
from captum_deconvnet.engine.layers import LayerName, layer_paths
from captum_deconvnet.errors import ImageError, LayerError, ScanError
from captum_deconvnet.gallery.identity import fingerprint, identity, sampled_contents
from captum_deconvnet.gallery.image_batches import count_of, image_namer
from captum_deconvnet.gallery.scanner import ScanFile, Scanner
from captum_deconvnet.gallery.top_activations import TopActivations, empty_scan


def top_activations(
    model: nn.Module,
    layers: LayerName | Sequence[LayerName],
    dataset: Any,
    *,
    k: int = 9,
    batch_size: int = 32,
    one_per_image: bool = True,
    only: Iterable[int] | None = None,
    out: Path | str | None = None,
    save_every: float = 30.0,
    tag: str = "",
    num_workers: int = 0,
    additional_forward_args: Any = None,
    show_progress: bool = False,
) -> TopActivations:
    """Find the ``k`` strongest activations of every map of some layers over a dataset.

    The first step of the paper's Fig. 2 (Zeiler & Fergus 2014, section 4.1): one plain forward pass
    over all images, with memory that does not grow with their number. Of equal activations the one
    of the lowest image is taken, then the first in row order, so that the answer depends on neither
    the batch size nor the order nor the number of processes.

    Under ``torchrun`` the processes share the images between them and each returns the same
    result; ``out`` must then be on a disk that all of them see.

    Args:
        model: any conv net, in eval mode if it has batch norms. It is left as it was found.
        layers: one layer or several, by module path or module.
        dataset: a dataset of images (C, H, W) or (image, label) pairs of one size, or a tensor
            (N, C, H, W). Images go to the model's device and type. An image that raises
            :class:`ImageError`, or that Pillow cannot read, is skipped and listed in ``skipped``.
        k: how many activations to keep of each map.
        batch_size: images that run together.
        one_per_image: keep at most one activation of a map in an image; else as many as there are.
        only: look at the images of these numbers only; scans of other numbers can be merged.
        out: write the result to this ``.safetensors`` file and a ``.json`` beside it. The scan is
            saved there as it goes: run again after a stop, it does what is missing. It is
            continued only for the same model (classes, settings, code, weights) and the same
            images, which it knows by content, transform included.
        save_every: seconds between two savings.
        tag: anything else that must be equal for a saved scan to be continued, such as the
            version of the images.
        num_workers: processes that read images, beside this one.
        additional_forward_args: further arguments of the model, one or a tuple, the same for every
            batch.
        show_progress: show a progress bar.

    Returns:
        The activations: ``top[layer].values``, ``.images``, ``.rows``, ``.columns``, (C, k) each,
        and the maps' statistics.

    Raises:
        ImageError: for a dataset without images, or of several sizes; with ``out``, for one whose
            images are drawn by chance.
        LayerError: for a layer that did not run, does not give one tensor, or mixes images.
        NonFiniteError: for a NaN or infinite activation, naming layer and image.
        ScanError: if ``out`` holds a scan of something else.
        TrainModeError: for a batch norm in train mode.
        UnknownLayerError: for a layer that is not in the model.

    Example:
        >>> import torch, captum_deconvnet as cdn
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU()).eval()
        >>> top = cdn.top_activations(net, "1", torch.rand(20, 3, 16, 16), k=4)
        >>> top.values.shape, top.images.shape
        (torch.Size([8, 4]), torch.Size([8, 4]))
    """
    check_model(model)
    paths = tuple(dict.fromkeys(layer_paths(model, layers)))
    count, name = count_of(dataset), image_namer(dataset)
    _check(paths, k=k, batch_size=batch_size)
    numbers = _numbers(only, count)
    chunks = [tuple(numbers[n : n + batch_size]) for n in range(0, len(numbers), batch_size)]
    further = as_arguments(additional_forward_args)
    scanner = Scanner(
        model, paths, dataset, k, one_per_image, name, num_workers, show_progress, further
    )
    probed = sampled_contents(dataset, count, num_workers, twice=out is not None)
    options = [str(k), str(one_per_image), tag, *paths, str(count), *probed, *fingerprint(further)]
    file = None if out is None else ScanFile(Path(out), save_every)
    found = scanner.run(chunks, empty_scan(count, identity(model, options)), file)
    if not found.tops:
        reason = next(iter(found.skipped.values()), "none was asked for")
        raise ImageError(f"Of {len(numbers)} images none could be read: {reason}")
    return found


def _check(layers: Sequence[str], **counts: int) -> None:
    """Raise for no layers, and for counts below 1."""
    if not layers:
        raise LayerError("Name at least one layer to look at.")
    for name, count in counts.items():
        if count < 1:
            raise ScanError(f"{name} is {count}; give 1 or more.")


def _numbers(only: Iterable[int] | None, count: int) -> Sequence[int]:
    """The numbers of the images to look at, each once."""
    numbers = range(count) if only is None else list(dict.fromkeys(only))
    for number in numbers if only is not None else ():
        if not 0 <= number < count:
            raise ImageError(f"There is no image {number}: the dataset has 0 to {count - 1}.")
    return numbers
