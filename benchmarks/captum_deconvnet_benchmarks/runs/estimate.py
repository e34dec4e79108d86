"""How long the rest of a run takes, from what its parts have taken so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from statistics import fmean

Kind = tuple[Hashable, ...]


class Estimate:
    """Means of measured seconds, by kind of work; a kind is told by its parts, most special last.

    An unknown kind is taken for one that differs in its last part, then in the last two, and so on.

    Example:
        >>> estimate = Estimate()
        >>> estimate.add(("vgg", "deletion", "ours"), 4.0)
        >>> estimate.add(("vgg", "entropy", "ours"), 1.0)
        >>> estimate.of([("vgg", "deletion", "theirs"), ("vgg", "road", "ours")])
        6.5
    """

    def __init__(self) -> None:
        """Know nothing."""
        self.seconds: dict[Kind, list[float]] = defaultdict(list)

    def add(self, kind: Kind, seconds: float) -> None:
        """Learn what one piece of work took."""
        for length in range(len(kind) + 1):
            self.seconds[kind[:length]].append(seconds)

    def of(self, kinds: Iterable[Kind]) -> float:
        """The seconds that work of these kinds will take; 0 if nothing is known at all."""
        return sum(map(self._one, kinds))

    def _one(self, kind: Kind) -> float:
        for length in range(len(kind), -1, -1):
            if known := self.seconds.get(kind[:length]):
                return fmean(known)
        return 0.0
