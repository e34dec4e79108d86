"""For how many classes and channels a state dict's net was built, beside another's."""

from __future__ import annotations

from torch import nn

from captum_deconvnet.registry.loaded_model import StateDict


def other_classes(net: nn.Module, state_dict: StateDict) -> int | None:
    """The classes of a state dict whose last layer has another number of them than the net's.

    Returns:
        The length that all tensors of another length than the net's have; ``None`` if there are
        none, or they differ.
    """
    lengths = {
        state_dict[name].shape[0]
        for name, tensor in net.state_dict().items()
        if name in state_dict
        and state_dict[name].ndim == tensor.ndim > 0
        and state_dict[name].shape[1:] == tensor.shape[1:]
        and len(state_dict[name]) != len(tensor)
    }
    return lengths.pop() if len(lengths) == 1 else None


def other_channels(net: nn.Module, state_dict: StateDict) -> int | None:
    """The channels of a state dict whose filters see another number of them than the net's.

    Returns:
        The channels that all such filters see; ``None`` if there are none, or they differ.
    """
    channels = {
        state_dict[name].shape[1]
        for name, tensor in net.state_dict().items()
        if name in state_dict
        and state_dict[name].ndim == tensor.ndim > 2
        and len(state_dict[name]) == len(tensor)
        and state_dict[name].shape[2:] == tensor.shape[2:]
        and state_dict[name].shape[1] != tensor.shape[1]
    }
    return channels.pop() if len(channels) == 1 else None


def class_note(name: str, classes: int) -> str:
    """What is said of a net that was built for as many classes as its weights have."""
    return f"{name} is built for the {classes} classes of the weights; --classes names them"
