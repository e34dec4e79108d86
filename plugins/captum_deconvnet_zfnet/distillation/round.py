"""One round in the log of a distillation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Round:
    """What a round was, and how good the pupil is after it.

    Args:
        round: counted from 1.
        size: side of the pupil's pictures.
        crops: that the teacher has looked at since the beginning.
        views: of them that the pupil has learned from since the beginning.
        learning_rate: at its end.
        labels: mean loss to the teacher's labels.
        positions: mean loss to its labels at every position.
        features: mean share of its maps' variance that is not foretold.
        top1: agreement with the teacher's first label on held-out pictures of the pupil's full
            size, by the averaged weights, in [0, 1].
        top5: the teacher's first label is among the first five.
        cross_entropy: mean, to the teacher's soft labels.
        top1_at_size: as ``top1``, on pictures of ``size``.
        seconds: that it took.
    """

    round: int
    size: int
    crops: int
    views: int
    learning_rate: float
    labels: float
    positions: float
    features: float
    top1: float
    top5: float
    cross_entropy: float
    top1_at_size: float
    seconds: float

    def __str__(self) -> str:
        """One line."""
        return (
            f"round {self.round} at {self.size}: labels {self.labels:.3f}, positions "
            f"{self.positions:.3f}, features {self.features:.3f}; held out top-1 {self.top1:.1%} "
            f"({self.top1_at_size:.1%} at {self.size}), top-5 {self.top5:.1%}, cross-entropy "
            f"{self.cross_entropy:.3f}; {self.seconds:.0f} s"
        )
