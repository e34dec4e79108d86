"""From colours in [0, 1] to what a net of the registry takes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from captum_deconvnet.errors import TrainingError
from captum_deconvnet.registry import Denormalize, LoadedModel


@dataclass(frozen=True)
class Normalise:
    """Makes a net's inputs of colours, as its own transform does.

    Args:
        mean: one a channel, of colours in [0, 1].
        std: one a channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, colours: Tensor) -> Tensor:
        """Inputs (N, 3, H, W) for colours (N, 3, H, W)."""
        mean, std = (colours.new_tensor(each).view(-1, 1, 1) for each in (self.mean, self.std))
        return (colours - mean) / std


def normalise_for(loaded: LoadedModel) -> Normalise:
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
    return Normalise(undo.mean, undo.std)
