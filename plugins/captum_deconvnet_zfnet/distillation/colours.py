"""From colours in [0, 1] to what a net of the registry takes."""

from __future__ import annotations

from torchvision.transforms import Normalize

from captum_deconvnet.errors import TrainingError
from captum_deconvnet.registry import Denormalize, LoadedModel


def normalise_for(loaded: LoadedModel) -> Normalize:
    """What a net's inputs are made with.

    Raises:
        TrainingError: the net takes no colour pictures, or they are not standardised.
    """
    undo = loaded.inverse_transform
    if not isinstance(undo, Denormalize) or len(loaded.input_size) != 3 or len(undo.mean) != 3:
        raise TrainingError(
            f"{loaded.name} takes inputs of shape {loaded.input_size}; colour pictures with a mean "
            "and a deviation a channel were expected: choose another net."
        )
    return Normalize(undo.mean, undo.std)
