"""Which of a checkpoint's tensors are a net's, found by fitting their names to the net's.

Where sizes differ, it is said for how many classes and channels each was built.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from captum_deconvnet.registry.checkpoint import (
    NamedTensors,
    dictionaries,
    flattened,
    without_common,
    without_wrappers,
)
from captum_deconvnet.registry.loaded_model import StateDict

FORWARD_NEVER_READS = "num_batches_tracked"

COMMON = 32
"""A suffix that more tensors share says nothing about which belongs where."""

TRIED = 8


@dataclass(frozen=True)
class Fitted:
    """A net's tensors in a checkpoint.

    Args:
        tensors: under the net's names, as far as they are its.
        prefix: what stood before their names in the checkpoint.
        rivals: other prefixes under which as much fits.
        beside: tensors of the same dictionary that are not under the prefix.
    """

    tensors: StateDict
    prefix: str
    rivals: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided, a line each; none for a plain state dict."""
        notes = []
        if self.prefix:
            rivals = " and ".join(map(repr, self.rivals))
            others = f"; {rivals} would fit as well, and the first is taken" if rivals else ""
            notes.append(f"weights found under {self.prefix!r}{others}")
        if self.beside:
            first = self.beside[0]
            notes.append(f"{_tensors(len(self.beside))} beside them not used, such as {first}")
        return tuple(notes)


def fit_names(
    content: object,
    wanted: Mapping[str, Tensor],
    translate: Callable[[StateDict], StateDict] = dict,
) -> Fitted:
    """The tensors of a checkpoint that are a net's.

    Every way of dropping a prefix, from whole dictionaries to wrappers of modules, and of putting
    one before, is tried as far as the names suggest it. The one under which the most names fit is
    taken; among equals the one under which the most shapes fit, then the first in the file.

    Args:
        content: nested dictionaries and lists with tensors in them.
        wanted: the net's state dict.
        translate: turns a published state dict of this net into one with the net's names.
    """
    scored: list[tuple[tuple[int, int, int], NamedTensors, StateDict]] = []
    for candidate in _candidates(content, wanted):
        tensors = translate(candidate.tensors)
        scored.append((_score(tensors, wanted), candidate, tensors))
    best, candidate, tensors = max(scored, key=lambda row: row[0])
    rivals = dict.fromkeys(
        other.prefix
        for score, other, _ in scored
        if score == best and other.prefix != candidate.prefix and not _same(other, candidate)
    )
    return Fitted(tensors, candidate.prefix, tuple(rivals), tuple(_beside(content, candidate)))


def is_read(name: str) -> bool:
    """Whether a forward pass reads the tensor of that name."""
    return not name.endswith(FORWARD_NEVER_READS)


def _candidates(content: object, wanted: Mapping[str, Tensor]) -> Iterator[NamedTensors]:
    """The plain dictionaries, then what fits under changed prefixes."""
    flat = flattened(content)
    yield from dictionaries(content)
    yield from map(without_common, dictionaries(content))
    yield NamedTensors(flat, "")
    yield from _aligned(flat, [name for name in wanted if is_read(name)])


def _aligned(flat: Mapping[str, Tensor], wanted: Iterable[str]) -> Iterator[NamedTensors]:
    """The tensors under prefixes that the longest suffixes shared with the net's names leave."""
    plain = {name: without_wrappers(name) for name in flat}
    ending: dict[str, list[str]] = defaultdict(list)
    for name in flat:
        for each in _suffixes(plain[name]):
            ending[each].append(plain[name])
    votes: Counter[tuple[str, str]] = Counter()
    for name in wanted:
        suffix = next((each for each in _suffixes(name) if each in ending), "")
        if suffix and len(ending[suffix]) <= COMMON:
            before = name.removesuffix(suffix)
            votes.update((found.removesuffix(suffix), before) for found in ending[suffix])
    for (dropped, put), _ in votes.most_common(TRIED):
        yield NamedTensors(
            {
                put + plain[name].removeprefix(dropped): tensor
                for name, tensor in flat.items()
                if plain[name].startswith(dropped)
            },
            dropped,
        )


def _suffixes(name: str) -> Iterator[str]:
    """The name, and what remains as its leading names are dropped."""
    yield name
    while "." in name:
        name = name.partition(".")[2]
        yield name


def _score(tensors: StateDict, wanted: Mapping[str, Tensor]) -> tuple[int, int, int]:
    """How many names fit, how many shapes, and, negated, how many tensors are not the net's."""
    names = [name for name in wanted if is_read(name) and name in tensors]
    shapes = sum(tensors[name].shape == wanted[name].shape for name in names)
    strange = sum(name not in wanted for name in tensors)
    return len(names), shapes, -strange if names else 0


def _same(one: NamedTensors, other: NamedTensors) -> bool:
    """Whether two parts are the same tensors under other names."""
    mine = {id(tensor) for tensor in one.tensors.values()}
    return bool(mine & {id(tensor) for tensor in other.tensors.values()})


def _beside(content: object, chosen: NamedTensors) -> Iterator[str]:
    """The tensors of the dictionary that the chosen ones lie in, that are not among them."""
    taken = {id(tensor) for tensor in chosen.tensors.values()}
    for candidate in dictionaries(content):
        mine = {id(tensor) for tensor in candidate.tensors.values()}
        if mine & taken:
            yield from (
                candidate.prefix + name
                for name, tensor in candidate.tensors.items()
                if id(tensor) not in taken and is_read(name)
            )


def _tensors(count: int) -> str:
    return f"{count} tensor" + "s" * (count != 1)


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
