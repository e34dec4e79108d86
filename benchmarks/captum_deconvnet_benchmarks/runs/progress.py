"""How far a run is, and how long the rest will take, by what each kind of unit has taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from statistics import fmean
from types import TracebackType

from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.cli.output import duration
from captum_deconvnet.gallery.shared_work import SharedWork
from captum_deconvnet_benchmarks.runs.plan.identity import Unit
from captum_deconvnet_benchmarks.runs.plan.plan import ExplanationTask


class Progress:
    """A bar over all units that are left; under torchrun the leading process shows it for all.

    The time that remains is worked out from the seconds that each kind of unit has taken so far,
    not from their number: a randomisation test takes a thousand times what an entropy does.
    """

    def __init__(self, tasks: Sequence[ExplanationTask], shared: SharedWork | None) -> None:
        """Show nothing done of all the tasks."""
        self.tasks, self.shared = tasks, shared
        self.estimate = Estimate()
        self.number = 0
        self.bar = tqdm(
            total=sum(len(task.metrics) for task in tasks),
            desc="benchmark",
            unit="unit",
            disable=True if shared is not None and not shared.is_leader else None,
            bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} units, {elapsed} gone{postfix}",
        )

    def __enter__(self) -> Progress:
        """Show the bar."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bar as it is."""
        self.bar.close()

    def reach(self, number: int) -> None:
        """A task is begun."""
        self.number = number
        if self.shared is None:
            self._show()

    def told(self, unit: Unit, seconds: float) -> None:
        """A unit is done."""
        self.estimate.add(kind_of(unit), seconds)
        if self.shared is None:
            self.bar.n += 1
        else:
            self.bar.n = self.shared.store.add("units", 1)
        self._show()

    def left(self) -> float:
        """The seconds that remain."""
        ahead = (kind_of(unit) for task in self.tasks[self.number :] for unit in task.units())
        return self.estimate.of(ahead) / (self.shared.world if self.shared else 1)

    def _show(self) -> None:
        if not self.bar.disable and self.bar.n:
            self.bar.set_postfix_str(f"{duration(self.left())} left")


def kind_of(unit: Unit) -> Kind:
    """What units that take about as long have in common, the most telling first."""
    return unit.metric.name, unit.identity.model, unit.explainer.name


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
