"""The receipt: which rule ran for every operation of the backward pass, and of which kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from captum_deconvnet.engine.tape.tape import Step
from captum_deconvnet.registry.plugin import KINDS
from captum_deconvnet.short_repr import named_repr


@dataclass(frozen=True)
class ReceiptEntry:
    """One operation of one module.

    Args:
        module: path of the innermost module that called the operation; empty for the model.
        operation: the operation, by its aten name, function name or module class.
        rule: the rule that ran.
        kind: ``paper`` (Zeiler & Fergus), ``adjoint`` (exact, linear), ``extension`` (ours) or
            ``fallback`` (the operation's gradient, or a function's own backward: no rule exists).
        count: how often the module ran it.
    """

    module: str
    operation: str
    rule: str
    kind: str
    count: int


OF_WEIGHTS = {
    ("transposed filter", "paper"),
    ("transposed matrix", "paper"),
    ("rectify", "paper"),
    ("rectify", "extension"),
    ("leak", "extension"),
    ("identity", "paper"),
    ("identity", "extension"),
    ("start at the logit", "extension"),
    ("adjoint", "adjoint"),
    ("scale", "adjoint"),
    ("recorded gain", "adjoint"),
}
"""Rules and kinds that take nothing from the image."""

CHOOSING = ("where", "mask", "index", "gather", "scatter", "take", "sort", "grid", "roi", "put")
"""Parts of the names of operations that choose by other tensors, which may come of the image."""


def is_of_weights(entry: ReceiptEntry) -> bool:
    """Whether one operation takes nothing from the image in the backward pass."""
    chooses = any(name in entry.operation for name in CHOOSING)
    return (entry.rule, entry.kind) in OF_WEIGHTS and not chooses


@dataclass(frozen=True)
class Receipt:
    """What ran in the backward pass from the recorded layers to the input, in forward order.

    Args:
        entries: one for each module, operation and rule.
    """

    entries: tuple[ReceiptEntry, ...]

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Receipt:
        """The receipt of the given steps.

        Args:
            steps: of a tape, in forward order.
        """
        counts = Counter((s.module, s.operation, s.rule, s.kind) for s in steps)
        return cls(tuple(ReceiptEntry(*key, count) for key, count in counts.items()))

    @property
    def counts(self) -> dict[str, int]:
        """How many operations of each kind ran."""
        counts = dict.fromkeys(KINDS, 0)
        for entry in self.entries:
            counts[entry.kind] += entry.count
        return counts

    @property
    def fallbacks(self) -> tuple[ReceiptEntry, ...]:
        """The operations without a rule."""
        return tuple(entry for entry in self.entries if entry.kind == "fallback")

    @property
    def depends_on_image(self) -> bool:
        """Whether anything that was passed was recorded of the image: switches, gates, statistics.

        If not, a unit's projection in the families ``"deconvnet"`` and ``"adjoint"`` is that of
        the weights alone: the same for every image, but for its scale.
        """
        return not all(is_of_weights(entry) for entry in self.entries)

    def summary(self) -> dict[tuple[str, str, str], int]:
        """How often each ``(kind, operation, rule)`` ran, over all modules."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for entry in self.entries:
            counts[entry.kind, entry.operation, entry.rule] += entry.count
        return dict(sorted(counts.items(), key=lambda item: (KINDS.index(item[0][0]), item[0])))

    def __repr__(self) -> str:
        """How many operations of each kind ran; ``str`` gives the table."""
        return named_repr(self, **self.counts)

    def __str__(self) -> str:
        """A table: kind, operation, rule, how often; fallbacks with their modules."""
        rows = [
            f"{kind:<10}{operation:<28}{rule:<22}{count:>5}"
            for (kind, operation, rule), count in self.summary().items()
        ]
        rows += [f"no rule for {e.operation} in {e.module or 'the model'}" for e in self.fallbacks]
        return "\n".join([f"{'kind':<10}{'operation':<28}{'rule':<22}{'count':>5}", *rows])
